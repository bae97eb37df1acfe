"""Ways of doing one thing, in turn, and the ratio within each turn: all that a noisy machine can say."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Better(StrEnum):
    """Which way a figure should go."""

    HIGHER = "higher"
    LOWER = "lower"

    def reaches(self, value: float, wanted: float) -> bool:
        """Whether a value is as good as what is wanted."""
        return value >= wanted if self is Better.HIGHER else value <= wanted


@dataclass(frozen=True, slots=True)
class Ratio:
    """ours over theirs, turn by turn. unit: of both sides. wanted: None where the ratio only informs.

    ours_shares, theirs_shares: how much of a core each had, turn by turn, where processor time is compared. A
    side that got little of its core was disturbed by others.
    """

    name: str
    unit: str
    ours: list[float]
    theirs: list[float]
    wanted: float | None = None
    better: Better = Better.HIGHER
    ours_shares: list[float] = field(default_factory=list)
    theirs_shares: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """One ratio a turn."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def median(self) -> float:
        """The middle ratio: the one to quote."""
        return statistics.median(self.ratios)

    @property
    def reached(self) -> bool | None:
        """Whether the median is what was wanted; None where nothing was."""
        return None if self.wanted is None else self.better.reaches(self.median, self.wanted)


def in_turn(contestants: Sequence[Callable[[int], T]], turns: int) -> list[list[T]]:
    """What each contestant gave, turn by turn; a contestant is called with the turn's number, from 0.

    The order is reversed every other turn, so that drift falls on all alike.
    """
    given: list[list[T]] = [[] for _ in contestants]
    for turn in range(turns):
        order = range(len(contestants))
        for index in order if turn % 2 == 0 else reversed(order):
            given[index].append(contestants[index](turn))
    return given
