"""How one would look for the greatest load that holds without `lockstep find`: going up, or halving, by hand.

Both answer as `find` does: the greatest load that was seen to hold, and the least above it that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

Holds = Callable[[int], bool]
"""Measures a load: whether the promise holds under it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """low: the greatest load that held, 0 where none did. high: the least that did not. tried: in order."""

    low: int
    high: int
    tried: tuple[int, ...]


def staircase(within: float, holds: Holds) -> Gap:
    """Each load greater by so much than the last one, by one at least, up to the first that does not hold."""
    tried: list[int] = []
    for load in _steps(within):
        tried.append(load)
        if not holds(load):
            break
    return Gap(tried[-2] if len(tried) > 1 else 0, tried[-1], tuple(tried))


def _steps(within: float) -> Iterator[int]:
    load = 1
    while True:
        yield load
        load = max(load + 1, int(load * (1 + within)))


def bisection(within: float, holds: Holds) -> Gap:
    """Twice as much until it does not hold; then the gap is halved until it is that narrow."""
    tried: list[int] = []

    def tries(load: int) -> bool:
        tried.append(load)
        return holds(load)

    low, high = 0, 1
    while tries(high):
        low, high = high, 2 * high
    while high - low > 1 and high > low * (1 + within):
        middle = (low + high) // 2
        low, high = (middle, high) if tries(middle) else (low, middle)
    return Gap(low, high, tuple(tried))
