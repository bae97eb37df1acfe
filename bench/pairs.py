"""Two ways of doing one thing, in turn, and the ratio within each turn: all that a noisy machine can say."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """ours over theirs, pair by pair. Rates in units per second."""

    name: str
    wanted: float
    ours: list[float]
    theirs: list[float]

    @property
    def ratios(self) -> list[float]:
        """One ratio a pair."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def median(self) -> float:
        """The middle ratio: the one to quote."""
        return statistics.median(self.ratios)

    @property
    def reached(self) -> bool:
        """Whether the median is what was wanted."""
        return self.median >= self.wanted


def measure(
    name: str, wanted: float, ours: Callable[[], float], theirs: Callable[[], float], pairs: int
) -> Ratio:
    """Run both in turn, the order swapped every time, so that drift falls on both alike."""
    mine: list[float] = []
    others: list[float] = []
    for number in range(pairs):
        for own in (True, False) if number % 2 == 0 else (False, True):
            (mine if own else others).append(ours() if own else theirs())
    return Ratio(name, wanted, mine, others)
