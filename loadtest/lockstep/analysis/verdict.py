"""What a run says in the end: which mode differs from the baseline, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lockstep.analysis.checks import degradations, findings
from lockstep.analysis.comparison import RESPONSE_TIMES, THROUGHPUT, Comparison, compare
from lockstep.analysis.finding import Finding
from lockstep.analysis.series import by_place, mode_of, modes_of, namer
from lockstep.runs.records import Cell, Run


@dataclass(frozen=True, slots=True)
class Silence:
    """A series at a level that is compared with nothing, because of so many of its repeats.

    They answered no message, or failed most of what they were sent, so that there is no ratio to give: then
    failed and sent are told. rate_per_s: None where the load is closed.
    """

    series: str
    level: int
    silent: int
    repeats: int
    rate_per_s: float | None = None
    failed: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """comparisons and silences: none where the verdict is withheld.

    withheld: the findings that make the figures unfit.
    """

    comparisons: tuple[Comparison, ...]
    withheld: tuple[Finding, ...]
    silences: tuple[Silence, ...] = ()

    @property
    def headline(self) -> Comparison | None:
        """The one comparison to remember; None where nothing was compared.

        Throughput at the greatest level or, where all load is open, the slowest messages at the greatest
        rate; `lock` against `free` where they are and it is not too noisy to say, else whoever is shown to
        differ most from the baseline, those first of whom it can be said by how much.
        """
        candidates = _greatest(self.comparisons)
        classic = (
            each
            for each in candidates
            if _modes(each) == ("lock", "free") and not (each.estimate.noisy or each.estimate.vague)
        )
        return next(classic, max(candidates, key=_distance, default=None))


def judge(run: Run) -> Verdict:
    """The run's verdict; a degraded run gets none."""
    withheld = tuple(degradations(findings(run)))
    if withheld:
        return Verdict((), withheld)
    return Verdict(tuple(compare(run.cells, modes_of(run))), (), tuple(_silences(run.cells)))


def _greatest(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Those among which the headline is chosen: of one metric, under the greatest load."""
    closed = [each for each in comparisons if each.metric == THROUGHPUT]
    slowest = RESPONSE_TIMES[-1]
    candidates = closed or [each for each in comparisons if each.metric == slowest]
    load = max(((each.rate_per_s or 0.0, each.level) for each in candidates), default=None)
    return [each for each in candidates if (each.rate_per_s or 0.0, each.level) == load]


def _modes(comparison: Comparison) -> tuple[str, str]:
    return mode_of(comparison.series), mode_of(comparison.baseline)


def _distance(comparison: Comparison) -> tuple[bool, bool, float]:
    estimate = comparison.estimate
    return estimate.differs and not estimate.vague, estimate.differs, abs(math.log(estimate.ratio))


def _silences(cells: Sequence[Cell]) -> list[Silence]:
    groups = by_place((cell for cell in cells if cell.whole), namer(cells))
    return [
        _silence(series, level, group)
        for (series, level), group in groups.items()
        if not all(map(_counts, group))
    ]


def _silence(series: str, level: int, group: Sequence[Cell]) -> Silence:
    left = [cell for cell in group if not _counts(cell)]
    answered = any(cell.messages_per_s for cell in left)
    failed, sent = (sum(getattr(cell.messages, name) for cell in left) for name in ("failed", "sent"))
    return Silence(
        series, level, len(left), len(group), group[0].rate_per_s, *((failed, sent) if answered else ())
    )


def _counts(cell: Cell) -> bool:
    """Whether its throughput says something of the server: it has one, and most messages did not fail."""
    return bool(cell.messages_per_s) and not cell.mostly_failed
