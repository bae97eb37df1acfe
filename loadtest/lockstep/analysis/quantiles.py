"""Student's t and Fisher's F, as far as intervals and the test of a fit need them.

Both are the regularised incomplete beta function, so that nobody who measures has to install SciPy (140 MB)
for two numbers; the tests hold them against it.
"""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

_PRECISION = 1e-13
# Far more than the freedoms of a run's repeats need: the fraction takes about the root of the greater one.
_MAX_TERMS = 10_000
# What stands for a zero in a continued fraction.
_TINY = 1e-300


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
