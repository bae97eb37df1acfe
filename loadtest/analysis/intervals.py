"""How sure a ratio of two figures is: an interval over repeats, because the repeat is the sample.

Both methods work on logarithms: the ratio is that of geometric means, its interval is a t interval (Student,
1908) on the mean log, and one over the ratio has one over the interval. Times and rates vary by factors, not
by amounts, which is what logarithms make even.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

CONFIDENCE = 0.95


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

    @property
    def inverse(self) -> Estimate:
        """The same the other way round: how many times less."""
        low = None if self.high is None else 1 / self.high
        high = None if self.low is None else 1 / self.low
        return Estimate(1 / self.ratio, low, high, self.samples)


def paired_ratio(
    values: Sequence[float], baseline: Sequence[float], confidence: float = CONFIDENCE
) -> Estimate | None:
    """values over baseline, repeat by repeat: the two of a repeat ran beside each other and share its luck.

    Both in the order of the repeats. None where there are none, or one of them is not above 0.
    """
    if not values or min(*values, *baseline) <= 0:
        return None
    logs = [math.log(value / base) for value, base in zip(values, baseline, strict=True)]
    return _estimate(fmean(logs), _error(logs), len(logs) - 1, len(logs), confidence)


def _error(logs: Sequence[float]) -> float:
    """The standard error of their mean."""
    return stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else 0.0


def _estimate(mean_log: float, error: float, freedom: float, samples: int, confidence: float) -> Estimate:
    ratio = math.exp(mean_log)
    if freedom < 1:
        return Estimate(ratio, None, None, samples)
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    return Estimate(ratio, math.exp(mean_log - half), math.exp(mean_log + half), samples)
