"""What a run says in the end: which mode differs from the baseline, by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.analysis.checks import degradations, findings
from loadtest.analysis.comparison import Comparison, compare
from loadtest.analysis.finding import Finding
from loadtest.analysis.series import modes_of
from loadtest.results import Run


@dataclass(frozen=True, slots=True)
class Verdict:
    """comparisons: none where the verdict is withheld. withheld: the findings that make the figures unfit."""

    comparisons: tuple[Comparison, ...]
    withheld: tuple[Finding, ...]


def judge(run: Run) -> Verdict:
    """The run's verdict; a degraded run gets none."""
    withheld = tuple(degradations(findings(run)))
    comparisons = () if withheld else tuple(compare(run.cells, modes_of(run)))
    return Verdict(comparisons, withheld)
