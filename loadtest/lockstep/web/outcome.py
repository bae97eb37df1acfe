"""What a run says by its saved cells: figures so far, and in the end its verdict. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.analysis.check import Finding
from lockstep.analysis.comparison import judge
from lockstep.analysis.series import modes_of
from lockstep.master.pulses import Split
from lockstep.report.headline import headline, supporting
from lockstep.report.numbers import counted
from lockstep.report.sections.figures import RESULTS
from lockstep.report.sections.gates import GateRow, gate_rows
from lockstep.runs.records import Run

# Of the cells in which something is wrong: so many are named.
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a verdict is withheld: what is wrong, in which cells, and the remedy."""

    told: str
    where: tuple[str, ...]
    advice: str

    @classmethod
    def of(cls, finding: Finding) -> Doubt:
        """The first cells of a finding, and how many more there are."""
        named, more = finding.where[:MOST_NAMED], len(finding.where) - MOST_NAMED
        rest = (f"and {counted(more, 'more cell')}",) if more > 0 else ()
        return cls(finding.check.message, (*named, *rest), finding.check.advice)


@dataclass(frozen=True, slots=True)
class Outcome:
    """rows: the report's results so far, column name -> words. splits: for each of them the
    mean times of its messages, where told.

    sentences: the verdict as the report says it, headline first; empty while the run goes on. doubts:
    why there is no verdict, where the headline says so. gates: none while the run goes on.
    """

    rows: tuple[Mapping[str, str], ...] = ()
    splits: tuple[Split | None, ...] = ()
    sentences: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    gates: tuple[GateRow, ...] = ()


def outcome_of(run: Run) -> Outcome:
    """The outcome of a run as far as it has come."""
    aggregates = aggregate(run.cells, modes_of(run))
    rows = tuple({column.name: column.value(each) for column in RESULTS} for each in aggregates)
    splits = tuple(map(_split, aggregates))
    if run.finished is None:
        return Outcome(rows, splits)
    verdict = judge(run)
    more = [] if verdict.withheld else supporting(verdict, aggregates)
    sentences = (headline(verdict, aggregates), *more)
    doubts = tuple(map(Doubt.of, verdict.withheld))
    return Outcome(rows, splits, sentences, doubts, tuple(gate_rows(run)))


def _split(each: Aggregate) -> Split | None:
    parts = (each.time("network", "mean"), each.time("wait", "mean"), each.time("service", "mean"))
    medians = [part.median for part in parts if part is not None]
    return Split(*medians) if len(medians) == len(parts) else None
