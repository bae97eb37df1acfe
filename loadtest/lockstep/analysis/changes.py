"""Where a figure changed over the runs of a history, for good: change points, by E-divisive with a t test.

The method of Matteson and James (2014): a series is cut where the energy distance between its two sides is
greatest, and each side again. Whether a cut is one is asked of Student's t test on the logs, as Fleming et
al. (2023) do for performance figures, in the place of permutations, which need many runs. A cut that is none
once its neighbours are known is taken back. Simulated on 400 series whose runs spread by 3%: without a change
1 in 100 of 30 runs is told to have one, and 1 in 200 of 10; a fall by 10% in the middle is found in all of 30
runs, within one run in 97 of 100, and in half of 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance

import numpy as np
import numpy.typing as npt

from lockstep.analysis.checks import degradations
from lockstep.analysis.comparison import compared
from lockstep.analysis.history import Entry, History
from lockstep.analysis.intervals import Estimate, fishers_tail, independent_ratio
from lockstep.analysis.metrics import METRICS, Metric
from lockstep.analysis.series import Place, SeriesIndex

# Many cuts of many series are looked at: each is asked to be this unlikely to be chance.
SIGNIFICANCE = 0.0005
# A side of one run has no spread.
LEAST_RUNS = 2
# What a histogram's bucket hides, as the deviation of a log.
_LEAST_SPREAD = 0.001


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A figure that changed, from one run on, which is `entry`.

    before, after: how many runs lie on each side, up to the next change. ratio: of the figure after it over
    that before. last: whether it is as it has been since.
    """

    place: Place
    metric: Metric
    entry: Entry
    before: int
    after: int
    ratio: Estimate
    last: bool

    @property
    def worse(self) -> bool:
        """Whether it is the worse for it."""
        return (self.ratio.ratio < 1) == self.metric.more_is_better


def changes(history: History) -> list[ChangePoint]:
    """Every change of every figure, among runs of the same conditions, oldest first.

    Degraded and unfinished runs are left out; figures that are the offered load's are not looked at.
    """
    found = [
        change
        for kind in sorted({entry.kind for entry in history.entries})
        for change in _of_kind([each for each in history.entries if each.kind == kind and _counts(each)])
    ]
    return sorted(found, key=lambda each: (each.entry.run.started, each.metric.name))


def _counts(entry: Entry) -> bool:
    return not degradations(entry.findings) and entry.run.finished is not None and not entry.run.interrupted


def _of_kind(entries: Sequence[Entry]) -> Iterator[ChangePoint]:
    index = SeriesIndex([cell for entry in entries for cell in entry.run.cells])
    figures: dict[tuple[Place, str], list[tuple[Entry, float]]] = {}
    for entry in entries:
        whole = [cell for cell in entry.run.cells if cell.whole]
        for place, cells in index.groups(whole).items():
            for metric in compared(place.series.rate_per_s):
                values = [value for cell in cells if (value := metric.of(cell))]
                if values:
                    figures.setdefault((place, metric.name), []).append((entry, median(values)))
    for (place, name), told in figures.items():
        values = [value for _, value in told]
        points = change_points([math.log(value) for value in values])
        for at, before, after in _sides(values, points):
            ratio = independent_ratio(after, before)
            assert ratio is not None, "figures of 0 are left out"
            yield ChangePoint(
                place, METRICS[name], told[at][0], len(before), len(after), ratio, at == points[-1]
            )


def change_points(logs: Sequence[float]) -> list[int]:
    """Where a new regime begins, ascending: the places in the series."""
    points = sorted(_cuts(_Distances.of(logs), 0, len(logs)))
    while True:
        weak = [
            (chance, at)
            for at, before, after in _sides(logs, points)
            if (chance := _chance(before, after)) > SIGNIFICANCE
        ]
        if not weak:
            return points
        points.remove(max(weak)[1])


def _sides(
    values: Sequence[float], points: Sequence[int]
) -> Iterator[tuple[int, Sequence[float], Sequence[float]]]:
    """Each point, and the values before and after it, up to the next ones."""
    ends = [0, *points, len(values)]
    for before, at, after in zip(ends, points, ends[2:], strict=False):
        yield at, values[before:at], values[at:after]


def _cuts(distances: _Distances, start: int, end: int) -> Iterator[int]:
    """The best cut between two places, and those on both sides of it, be they significant or not.

    A regime that came and went shows in no single cut: only its two ends together do.
    """
    places = range(start + LEAST_RUNS, end - LEAST_RUNS + 1)
    at = max(places, key=lambda each: distances.divergence(start, each, end), default=None)
    if at is not None:
        yield from _cuts(distances, start, at)
        yield at
        yield from _cuts(distances, at, end)


@dataclass(frozen=True, slots=True)
class _Distances:
    """Between all values of a series. summed: over all before a place in both directions."""

    summed: npt.NDArray[np.float64]

    @classmethod
    def of(cls, logs: Sequence[float]) -> _Distances:
        values = np.asarray(logs, dtype=np.float64)
        summed = np.zeros((len(values) + 1, len(values) + 1))
        summed[1:, 1:] = np.abs(values[:, None] - values[None, :]).cumsum(axis=0).cumsum(axis=1)
        return cls(summed)

    def divergence(self, start: int, at: int, end: int) -> float:
        """The energy distance of the two sides of a cut, weighed by how many they are."""
        left, right = at - start, end - at
        between = self._sum(start, at, at, end) / (left * right)
        within_left = self._sum(start, at, start, at) / (left * (left - 1))
        within_right = self._sum(at, end, at, end) / (right * (right - 1))
        return left * right / (left + right) * (2 * between - within_left - within_right)

    def _sum(self, top: int, bottom: int, start: int, end: int) -> float:
        summed = self.summed
        return float(summed[bottom, end] - summed[top, end] - summed[bottom, start] + summed[top, start])


def _chance(left: Sequence[float], right: Sequence[float]) -> float:
    """How likely means that far apart are where both sides are alike: Student's test, two-sided."""
    freedom = len(left) + len(right) - 2
    pooled = (variance(left) * (len(left) - 1) + variance(right) * (len(right) - 1)) / freedom
    error_squared = (pooled + _LEAST_SPREAD**2) * (1 / len(left) + 1 / len(right))
    return fishers_tail((fmean(left) - fmean(right)) ** 2 / error_squared, 1, freedom)
