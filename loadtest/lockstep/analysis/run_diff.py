"""Run against run: what of the second is worse than in the first, or better, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import fmean, geometric_mean

from lockstep.analysis.check import Finding
from lockstep.analysis.checks import degradations, findings
from lockstep.analysis.comparison import compared
from lockstep.analysis.intervals import Estimate, independent_ratio, sidak_confidence
from lockstep.analysis.metrics import Metric
from lockstep.analysis.series import Place, Series, SeriesIndex, modes_of
from lockstep.runs.records import Cell, Run

_Cells = Mapping[Place, Sequence[Cell]]


class Change(Enum):
    """What is shown of one figure. TOLERATED: a difference, but not that it is beyond the tolerance."""

    WORSE = "worse"
    BETTER = "better"
    TOLERATED = "tolerated"
    NOT_SHOWN = "n.s."
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of one series at one level. first, second: geometric means over the runs' repeats.

    estimate: second over first, in an interval that is sure for all differences of the two runs at once.
    """

    metric: Metric
    series: Series
    level: int
    first: float
    second: float
    estimate: Estimate
    change: Change


@dataclass(frozen=True, slots=True)
class Lost:
    """Shares of the messages of one series and level that failed or never found a user, in both runs."""

    series: Series
    level: int
    first: float
    second: float
    worse: bool


@dataclass(frozen=True, slots=True)
class RunDiff:
    """only_first, only_second: what one run alone has, and so nothing is said of.

    withheld: (which run, finding) where figures are unfit: then there are no differences.
    """

    tolerance: float
    differences: tuple[Difference, ...]
    lost: tuple[Lost, ...]
    only_first: tuple[Place, ...]
    only_second: tuple[Place, ...]
    withheld: tuple[tuple[str, Finding], ...] = ()

    @property
    def worse(self) -> bool:
        """Whether the second run is worse in anything, beyond the tolerance."""
        return any(each.change is Change.WORSE for each in self.differences) or any(
            each.worse for each in self.lost
        )

    @property
    def blind(self) -> str | None:
        """Why it could show nothing, and what would help; None where it could."""
        if not self.differences:
            return "have no mode and level in common in which both answered: compare runs of the same plan"
        if all(each.change is Change.UNKNOWN for each in self.differences):
            return "have one repeat, which cannot show a difference: make them with --repeats 3 or more"
        return None

    def of(self, change: Change) -> list[Difference]:
        """The differences with this change."""
        return [each for each in self.differences if each.change is change]

    @property
    def underpowered(self) -> list[Difference]:
        """Those whose interval is so wide that a change as large as the tolerance would not show."""
        return [each for each in self.differences if _width(each.estimate) > 1 + self.tolerance]


def diff(first: Run, second: Run, tolerance: float) -> RunDiff:
    """The second run against the first. tolerance: how much worse is tolerated, 0.05 for 5%.

    Worse: fewer messages per second or longer response times (under open load, the times alone) with the
    whole interval beyond the tolerance; or messages lost where the first run lost none, or in every repeat
    more than twice the share that any repeat of the first run lost.
    """
    withheld = withheld_findings(first, second)
    places, a, b = _by_place(first, second)
    common = [] if withheld else [place for place in places if place in a and place in b]
    return RunDiff(
        tolerance=tolerance,
        differences=tuple(_differences(a, b, common, tolerance)),
        lost=tuple(lost for place in common if (lost := _lost(place, a[place], b[place])) is not None),
        only_first=tuple(place for place in places if place not in b),
        only_second=tuple(place for place in places if place not in a),
        withheld=withheld,
    )


def withheld_findings(first: Run, second: Run) -> tuple[tuple[str, Finding], ...]:
    """(which run, finding) where figures are unfit to be compared."""
    return tuple(
        (which, finding)
        for which, run in (("A", first), ("B", second))
        for finding in degradations(findings(run))
    )


def _by_place(first: Run, second: Run) -> tuple[list[Place], _Cells, _Cells]:
    """All places in the plans' order, and each run's whole cells by place.

    The series' names are made of both runs together: they tell apart whatever differs in either.
    """
    both = [*first.cells, *second.cells]
    index = SeriesIndex(both, [*modes_of(first), *modes_of(second)])
    a, b = (index.groups(cell for cell in run.cells if cell.whole) for run in (first, second))
    return list(index.groups(cell for cell in both if cell.whole)), a, b


def _differences(a: _Cells, b: _Cells, common: Sequence[Place], tolerance: float) -> Iterator[Difference]:
    """For each place and metric of which both runs have figures above 0."""
    asked = [
        (place, metric, figures)
        for place in common
        for metric in compared(place.series.rate_per_s)
        if _above_0(figures := (_figures(metric, a[place]), _figures(metric, b[place])))
    ]
    confidence = sidak_confidence(len(asked))
    for place, metric, (before, after) in asked:
        estimate = independent_ratio(after, before, confidence)
        assert estimate is not None, "both have figures, all above 0"
        yield Difference(
            metric=metric,
            series=place.series,
            level=place.level,
            first=geometric_mean(before),
            second=geometric_mean(after),
            estimate=estimate,
            change=_change_of(metric, estimate, tolerance),
        )


def _width(estimate: Estimate) -> float:
    """How far the interval reaches from the ratio to either side, as a factor; 1 where there is none."""
    return 1.0 if estimate.high is None else estimate.high / estimate.ratio


def _figures(metric: Metric, cells: Sequence[Cell]) -> list[float]:
    return [value for cell in cells if (value := metric.of(cell)) is not None]


def _above_0(figures: tuple[list[float], list[float]]) -> bool:
    return all(values and min(values) > 0 for values in figures)


def _change_of(metric: Metric, estimate: Estimate, tolerance: float) -> Change:
    if estimate.low is None or estimate.high is None:
        return Change.UNKNOWN
    if not estimate.differs:
        return Change.NOT_SHOWN
    if estimate.low > 1 + tolerance:
        return Change.BETTER if metric.more_is_better else Change.WORSE
    if estimate.high < 1 - tolerance:
        return Change.WORSE if metric.more_is_better else Change.BETTER
    return Change.TOLERATED


def _lost(place: Place, before: Sequence[Cell], after: Sequence[Cell]) -> Lost | None:
    """None where nothing was lost on either side."""
    a, b = ([_lost_share(cell) for cell in cells] for cells in (before, after))
    if not any(a) and not any(b):
        return None
    worse = min(b) > 2 * max(a) if any(a) else any(b)
    return Lost(series=place.series, level=place.level, first=fmean(a), second=fmean(b), worse=worse)


def _lost_share(cell: Cell) -> float:
    """Of the messages that were sent or never found a user, those that failed and those that never did."""
    due = cell.messages.sent + cell.dropped
    return (cell.messages.sent - cell.messages.answered + cell.dropped) / due if due else 0.0
