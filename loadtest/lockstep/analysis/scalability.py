"""The scalability law of each mode: what contention and coherency make of throughput over the level.

Gunther's universal scalability law (1993; its derivation from a queue, 2007):

    X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))

lambda is what one connection alone would get, sigma (contention) the part of the work that only one can do at
a time, kappa (coherency) what every pair of connections costs. sigma = kappa = 0 grows for ever, sigma = 1
never. Above 1, sigma is a lock whose handing over costs more than one connection alone ever pays.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from statistics import median, stdev

import numpy as np
import numpy.typing as npt

from lockstep.analysis.intervals import CONFIDENCE, fishers_tail, students_quantile
from lockstep.analysis.series import Series, whole_groups
from lockstep.runs.records import Cell

MIN_LEVELS = 5
# The curve may miss a level's median by so much, whatever the spread of the repeats: nobody plans closer.
MAX_DEVIATION = 0.10
# Where the law holds, one fit in a hundred misses by more than the repeats' spread explains.
LACK_OF_FIT_CONFIDENCE = 0.99

_STEPS = 60
_SETTLED = 1e-10

Points = Sequence[tuple[int, float]]
"""(level, messages per second) of several cells."""

_Vector = npt.NDArray[np.float64]


class Unfit(Enum):
    """Why a series has no law."""

    FEW_LEVELS = "not enough levels"
    NO_FIT = "does not fit"


@dataclass(frozen=True, slots=True)
class Curve:
    """One law: lambda, sigma and kappa."""

    alone_per_s: float
    contention: float
    coherency: float

    def at(self, level: float) -> float:
        """Messages per second with so many connections at once."""
        slowed = 1 + self.contention * (level - 1) + self.coherency * level * (level - 1)
        return self.alone_per_s * level / slowed

    @property
    def peak_level(self) -> float | None:
        """The level of the greatest throughput, sqrt((1 - sigma) / kappa).

        None where throughput grows without end, or falls from the first connection on.
        """
        if not 0 < self.coherency < 1 - self.contention:
            return None
        return math.sqrt((1 - self.contention) / self.coherency)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter and the interval in which it lies 95 times of 100; ends are None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class UslFit:
    """The law that fits one series.

    repeats: how many the intervals rest on. peak: None where the curve has none, or coherency may as well be
    0; its high is None where the peak may as well lie anywhere above.
    """

    curve: Curve
    repeats: int
    alone_per_s: Parameter
    contention: Parameter
    coherency: Parameter
    peak: Parameter | None


@dataclass(frozen=True, slots=True)
class Fit:
    """How near the best curve comes to a series' throughput.

    deviation: the most by which it misses a level's median, as a part of it. law: None where it does not fit.
    """

    deviation: float
    law: UslFit | None


@dataclass(frozen=True, slots=True)
class Scaling:
    """One series over its levels. fit: None where levels are too few, and where no curve can be drawn."""

    series: Series
    levels: tuple[int, ...]
    fit: Fit | None

    @property
    def law(self) -> UslFit | None:
        """The law; None where there is none."""
        return None if self.fit is None else self.fit.law

    @property
    def unfit(self) -> Unfit | None:
        """Why there is no law; None where there is one."""
        if len(self.levels) < MIN_LEVELS:
            return Unfit.FEW_LEVELS
        return Unfit.NO_FIT if self.law is None else None


def scalings(cells: Sequence[Cell], modes: Collection[str] = ()) -> list[Scaling]:
    """Each series under closed load, in the plan's order. Cells cut short are left out."""
    by_series: dict[Series, list[Cell]] = {}
    for place, group in whole_groups(cells, modes).items():
        if place.series.settings.arrival == "closed":
            by_series.setdefault(place.series, []).extend(group)
    return [_scaling(series, group) for series, group in by_series.items()]


def _scaling(series: Series, cells: Sequence[Cell]) -> Scaling:
    levels = tuple(sorted({cell.level for cell in cells}))
    if len(levels) < MIN_LEVELS:
        return Scaling(series, levels, None)
    by_repeat: dict[int, list[tuple[int, float]]] = {}
    for cell in cells:
        by_repeat.setdefault(cell.repeat, []).append((cell.level, cell.messages_per_s))
    repeats = [points for points in by_repeat.values() if {level for level, _ in points} == set(levels)]
    fit = fit_usl([point for points in by_repeat.values() for point in points], repeats)
    return Scaling(series, levels, fit)


def fit_usl(points: Points, repeats: Sequence[Points]) -> Fit | None:
    """The law through all points; None where no curve can be drawn through them.

    repeats: the points of each repeat that has every level. They make the intervals: each is fitted by
    itself, and what it differs from the others is the sampling error, whatever its cause (Student's t, 1908,
    on the spread of the repeats' parameters, around the fit to all). A parameter cannot be below 0, nor can
    an interval's end: an interval that begins at 0 says that the data show none of it.
    """
    curve = fit_curve(points)
    if curve is None:
        return None
    deviation = _deviation(curve, points)
    if deviation > MAX_DEVIATION and lacks_fit(curve, points):
        return Fit(deviation, law=None)
    each = [fitted for fitted in map(fit_curve, repeats) if fitted is not None]
    coherency = _parameter(curve.coherency, [one.coherency for one in each])
    law = UslFit(
        curve=curve,
        repeats=len(each),
        alone_per_s=_parameter(curve.alone_per_s, [one.alone_per_s for one in each]),
        contention=_parameter(curve.contention, [one.contention for one in each]),
        coherency=coherency,
        peak=None if coherency.low == 0 else _peak(curve, each),
    )
    return Fit(deviation, law)


def fit_curve(points: Points) -> Curve | None:
    """The curve of least squared relative error (of logarithms); None where nothing determines one.

    N / X is linear in 1 / lambda, sigma / lambda and kappa / lambda, none of which is below 0: each step of
    Gauss and Newton is a least squares problem with that bound.
    """
    levels, rates = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
    if rates.min() <= 0:
        return None
    terms = np.stack([np.ones_like(levels), levels - 1, levels * (levels - 1)], axis=1)
    seconds = levels / rates
    fitted = _bounded_least_squares(terms / seconds[:, None], np.ones_like(seconds))
    for _ in range(_STEPS):
        guessed = terms @ fitted
        # Levels so far off any curve that the best one has somebody wait for no time at all.
        if guessed.min() <= 0:
            return None
        better = _bounded_least_squares(terms / guessed[:, None], 1 + np.log(seconds / guessed))
        settled = np.abs(terms @ better - guessed).max() <= _SETTLED * guessed.min()
        fitted = better
        if settled:
            break
    # Level 1 alone, or the curve's course towards it, says what one connection gets.
    if fitted[0] <= 0:
        return None
    return Curve(*(float(value) for value in (1 / fitted[0], fitted[1] / fitted[0], fitted[2] / fitted[0])))


def _bounded_least_squares(terms: _Vector, wanted: _Vector) -> _Vector:
    """The parameters, none below 0, of least squared error; terms: a column for each.

    The bounded minimum is the free one of the parameters that are not 0 there (Lawson and Hanson, 1974): of
    three all choices are tried, small ones first: one parameter more must gain more than rounding.
    """
    best, best_error = np.zeros(terms.shape[1]), float(wanted @ wanted)
    rounding = 1e-12 * best_error
    for chosen in sorted(product((False, True), repeat=terms.shape[1]), key=sum)[1:]:
        some = np.zeros(terms.shape[1])
        some[list(chosen)] = np.linalg.lstsq(terms[:, chosen], wanted)[0]
        error = float(np.square(terms @ some - wanted).sum())
        if some.min() >= 0 and error < best_error - rounding:
            best, best_error = some, error
    return best


def lacks_fit(curve: Curve, points: Points) -> bool:
    """Whether the curve misses the levels' means by more than the spread of repeats about them explains.

    The F test of lack of fit (Fisher, 1922; Draper and Smith, 1998, section 2.1), on logarithms. True where
    there is no spread to hold it against: then MAX_DEVIATION alone decides.
    """
    by_level = _logs_by_level(points)
    means = {level: float(np.mean(logs)) for level, logs in by_level.items()}
    within = sum(float(np.square(np.array(logs) - means[level]).sum()) for level, logs in by_level.items())
    between = sum(
        len(logs) * (means[level] - math.log(curve.at(level))) ** 2 for level, logs in by_level.items()
    )
    parameters = 1 + (curve.contention > 0) + (curve.coherency > 0)
    freedom, freedom_within = len(by_level) - parameters, len(points) - len(by_level)
    if freedom_within < 1 or within == 0:
        return True
    ratio = between / freedom / (within / freedom_within)
    return fishers_tail(ratio, freedom, freedom_within) < 1 - LACK_OF_FIT_CONFIDENCE


def _deviation(curve: Curve, points: Points) -> float:
    """The most by which the curve misses a level's median, as a part of the median."""
    medians = {level: math.exp(median(logs)) for level, logs in _logs_by_level(points).items()}
    return max(abs(curve.at(level) / middle - 1) for level, middle in medians.items())


def _logs_by_level(points: Points) -> dict[int, list[float]]:
    logs: dict[int, list[float]] = {}
    for level, rate in points:
        logs.setdefault(level, []).append(math.log(rate))
    return logs


def _parameter(value: float, of_repeats: Sequence[float]) -> Parameter:
    """With an interval as wide as the repeats' own parameters differ; it ends at 0."""
    if len(of_repeats) < 2:
        return Parameter(value)
    quantile = students_quantile(len(of_repeats) - 1, (1 + CONFIDENCE) / 2)
    half = quantile * stdev(of_repeats) / math.sqrt(len(of_repeats))
    return Parameter(value, max(value - half, 0.0), value + half)


def _peak(curve: Curve, of_repeats: Sequence[Curve]) -> Parameter | None:
    """The predicted peak. Its interval is that of one over it, which is 0 where coherency is.

    Without an interval where a repeat by itself falls from the first connection on.
    """
    if curve.peak_level is None:
        return None
    if any(each.peak_level is None and each.coherency > 0 for each in of_repeats):
        return Parameter(curve.peak_level)
    inverse = _parameter(1 / curve.peak_level, [1 / (each.peak_level or math.inf) for each in of_repeats])
    low = None if inverse.high is None else 1 / inverse.high
    return Parameter(curve.peak_level, low, 1 / inverse.low if inverse.low else None)
