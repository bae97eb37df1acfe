"""How sure a ratio of two figures is: an interval over repeats, because the repeat is the sample.

Both methods work on logarithms: the ratio is that of geometric means, its interval is a t interval on the
mean log, and one over the ratio has one over the interval. Times and rates vary by factors, not by amounts,
which is what logarithms make even.

How often the interval of `paired_ratio` holds the true ratio was simulated at 3, 5 and 10 repeats. It is 94
of 100 and more where the noise is log-normal, as strong in both modes or not, shared by them (drift),
heavy-tailed (t with 3 degrees of freedom), skewed alike in both, or where one repeat of ten is slow and the
ratio without such repeats is asked for. It falls short where one mode has a much longer tail to one side than
the other and the mean with that tail is asked for: 91 to 93 where the tails are as 5 to 2, 89 to 91 where one
mode alone has one (exponential). A few repeats do not show such a tail.

Tried and left, on the same pairs: Welch's interval, as good until the two share a drift and then needlessly
wide (it holds 99 to 100); pooled variances, which hold 90 at 3 repeats where the spreads are unequal; the
percentile bootstrap, which holds 74 at 3 repeats and 89 at 10.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

CONFIDENCE = 0.95

# A histogram keeps three significant digits. What a figure loses in its bucket, 0.1% wide, is spread evenly
# over it: this is the variance of that on the log scale. Steady repeats fall into one bucket and lose the
# same, so it does not shrink with their number; without it they would be surer than they can be.
ROUNDING = 0.001**2 / 12

# Two repeats that hardly agree, sure for many figures at once, reach beyond all floating-point numbers.
_FARTHEST_LOG = 700.0

# Where an interval's ends lie more than a factor of ten apart, not even the order of magnitude is known. That
# of two repeats is as wide by its nature, thirteen standard errors to either side: one that holds 1 says
# nothing from a factor of two on.
_WIDE = 10.0
_WIDE_OF_TWO = 2.0
# So far apart, either way, two figures are as good as alike: an interval within that shows no difference.
_ALIKE = 1.25
MAX_REPEATS = 30
# Beyond it nobody repeats anything.
MOST_REPEATS = 1000

# Student's t and Fisher's F are the regularised incomplete beta function: nobody who measures has to install
# SciPy (140 MB) for two numbers. The tests hold them against it.
_PRECISION = 1e-13
# Far more than the freedoms of a run's repeats need: the fraction takes about the root of the greater one.
_MAX_TERMS = 10_000
# What stands for a zero in a continued fraction.
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Estimate:
    """A ratio, and the interval in which it lies with the confidence asked for.

    low and high are None where there are too few repeats for one. samples: how many repeats it rests on.
    """

    ratio: float
    low: float | None
    high: float | None
    samples: int

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out 1: only then is a difference shown."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high

    def within(self, part: float) -> bool:
        """Whether both ends of the interval are no further from the ratio than by this part of it."""
        if self.low is None or self.high is None:
            return False
        return self.high <= self.ratio * (1 + part) and self.low >= self.ratio / (1 + part)

    @property
    def noisy(self) -> bool:
        """Whether it shows neither a difference nor that there is none that matters."""
        if self.low is None or self.high is None or self.differs:
            return False
        return self.high > _ALIKE or self.low < 1 / _ALIKE

    @property
    def wide(self) -> bool:
        """Whether it is noisy, and so wide that its ends and what lies between say nothing at all."""
        if self.low is None or self.high is None or not self.noisy:
            return False
        return self.high > self.low * (_WIDE_OF_TWO if self.samples == 2 else _WIDE)

    @property
    def vague(self) -> bool:
        """Whether it shows a difference, but not even the order of magnitude of that."""
        if self.low is None or self.high is None or not self.differs:
            return False
        return self.high > self.low * _WIDE


def paired_ratio(
    values: Sequence[float], baseline: Sequence[float], confidence: float = CONFIDENCE
) -> Estimate | None:
    """values over baseline, repeat by repeat: the two of a repeat ran beside each other and share its luck.

    Both in the order of the repeats. None where there are none, or one of them is not above 0.
    Student's (1908) interval on the differences of the logs.
    """
    logs = log_ratios(values, baseline)
    if not logs:
        return None
    if len(logs) < 2:
        return around(logs[0], None, 1)
    error = math.sqrt(_error_squared(logs, figures=2))
    return _estimate(fmean(logs), error, len(logs) - 1, len(logs), confidence)


def log_ratios(values: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """The logs of values over baseline, repeat by repeat; none where one of them is not above 0."""
    if not values or min(*values, *baseline) <= 0:
        return []
    return [math.log(value / base) for value, base in zip(values, baseline, strict=True)]


def around(mean_log: float, half: float | None, samples: int) -> Estimate:
    """The estimate whose interval goes so far to both sides on the log scale; none goes without `half`."""
    if half is None:
        return Estimate(math.exp(mean_log), None, None, samples)
    low_log, high_log = max(mean_log - half, -_FARTHEST_LOG), min(mean_log + half, _FARTHEST_LOG)
    return Estimate(math.exp(mean_log), math.exp(low_log), math.exp(high_log), samples)


def independent_ratio(
    values: Sequence[float], baseline: Sequence[float], confidence: float = CONFIDENCE
) -> Estimate | None:
    """values over baseline where nothing pairs them: two runs, each with repeats of its own.

    None where one side has none, or one of them is not above 0. samples: those of the side that has fewer.
    Welch's (1947) interval on the logs, which lets the two sides spread differently, with Satterthwaite's
    (1946) degrees of freedom; none where a side has one repeat.
    """
    if not values or not baseline or min(*values, *baseline) <= 0:
        return None
    sides = [[math.log(value) for value in side] for side in (values, baseline)]
    mean_log = fmean(sides[0]) - fmean(sides[1])
    samples = min(map(len, sides))
    if samples < 2:
        return Estimate(math.exp(mean_log), None, None, samples)
    squares = [_error_squared(logs, figures=1) for logs in sides]
    return _estimate(mean_log, math.sqrt(sum(squares)), _freedom(squares, sides), samples, confidence)


def repeats_to_show(estimate: Estimate, confidence: float = CONFIDENCE) -> int | None:
    """How many repeats would show the difference, were they paired and spread as these do.

    None where it is shown, where there is no interval to tell a spread by, or MAX_REPEATS would not do.
    """
    if estimate.high is None or estimate.differs or estimate.samples < 2:
        return None
    quantile = (1 + confidence) / 2
    half = math.log(estimate.high / estimate.ratio)
    spread = half / students_quantile(estimate.samples - 1, quantile) * math.sqrt(estimate.samples)
    distance = abs(math.log(estimate.ratio))
    return next(
        (
            repeats
            for repeats in range(estimate.samples + 1, MAX_REPEATS + 1)
            if students_quantile(repeats - 1, quantile) * spread / math.sqrt(repeats) < distance
        ),
        None,
    )


def repeats_for(estimates: Sequence[Estimate], part: float, confidence: float = CONFIDENCE) -> int | None:
    """How many repeats give intervals that end this part from their ratio, where repeats spread as these do.

    estimates: by `paired_ratio`, of one figure; their spreads are pooled, for a few repeats' is a guess.
    None where none has a spread, or MOST_REPEATS would not do.
    """
    spreads = [
        math.log(each.high / each.ratio)
        / students_quantile(each.samples - 1, (1 + confidence) / 2)
        * math.sqrt(each.samples)
        for each in estimates
        if each.high is not None
    ]
    if not spreads:
        return None
    spread = math.sqrt(fmean(each**2 for each in spreads))
    return next(
        (
            repeats
            for repeats in range(2, MOST_REPEATS + 1)
            if students_quantile(repeats - 1, (1 + confidence) / 2) * spread / math.sqrt(repeats)
            <= math.log(1 + part)
        ),
        None,
    )


def sidak_confidence(count: int, confidence: float = CONFIDENCE) -> float:
    """The confidence that each of so many intervals needs for all of them to hold at once (Sidak, 1967)."""
    return float(confidence ** (1 / max(count, 1)))


def _error_squared(logs: Sequence[float], figures: int) -> float:
    """The square of the standard error of their mean; at least two. figures: of how many each log is made."""
    return variance(logs) / len(logs) + figures * ROUNDING


def _freedom(squares: Sequence[float], sides: Sequence[Sequence[float]]) -> float:
    """Satterthwaite's."""
    shares = [square / sum(squares) for square in squares]
    return 1 / sum(share**2 / (len(logs) - 1) for share, logs in zip(shares, sides, strict=True))


def _estimate(mean_log: float, error: float, freedom: float, samples: int, confidence: float) -> Estimate:
    return around(mean_log, students_quantile(freedom, (1 + confidence) / 2) * error, samples)


@functools.lru_cache(maxsize=4096)
def students_quantile(freedom: float, probability: float) -> float:
    """The t that Student's distribution stays below with this probability, which is 0.5 or more, and below 1.

    Newton's method from the normal distribution's quantile. That lies below, and the tail is convex: no step
    goes too far.
    """
    wanted, t = 1 - probability, NormalDist().inv_cdf(probability)
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    while True:
        excess = _beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2 - wanted
        density: float = scale * (1 + t * t / freedom) ** (-(freedom + 1) / 2)
        step = excess / density
        t += step
        if step <= _PRECISION * t:
            return t


def fishers_tail(ratio: float, freedom: float, freedom_within: float) -> float:
    """The probability that two variances of equal sources have this ratio (0 or more) or a greater one."""
    return _beta(freedom_within / (freedom_within + freedom * ratio), freedom_within / 2, freedom / 2)


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function (DLMF 8.17.22), x from 0 to 1."""
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast only below, and the function is symmetric
        return 1 - _beta(1 - x, b, a)
    if x <= 0:
        return 0.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / a / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction 1 + d1/(1 + d2/(1 + ...)), by the modified method of Lentz (1976)."""
    value, numerator, denominator = 1.0, 1.0, 0.0
    for m in range(1, _MAX_TERMS):
        k = m // 2
        if m % 2:
            term = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
        else:
            term = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
        denominator = 1 / ((1 + term * denominator) or _TINY)
        numerator = (1 + term / numerator) or _TINY
        value *= numerator * denominator
        if abs(numerator * denominator - 1) < _PRECISION:
            break
    return value
