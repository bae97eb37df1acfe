"""Ways of doing one thing, in turn, and the ratio within each turn: all that a noisy machine can say.

How sure a ratio is, is told as for modes (lockstep.analysis): the turn is the sample, and its two sides share
its luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from bench.processes import ToolError
from bench.settings import Settings
from lockstep.analysis.anytime import anytime_ratio
from lockstep.analysis.intervals import Estimate, paired_ratio

T = TypeVar("T")


class Verdict(StrEnum):
    """What became of what was wanted."""

    REACHED = "reached"
    MISSED = "missed"
    UNSURE = "unsure"


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
    side that got little of its core was disturbed by others. looked_at: whether it was looked at after each
    turn to see if that was enough, which its interval has to allow for. ToolError where a side gave nothing.
    """

    name: str
    unit: str
    ours: list[float]
    theirs: list[float]
    wanted: float | None = None
    better: Better = Better.HIGHER
    ours_shares: list[float] = field(default_factory=list)
    theirs_shares: list[float] = field(default_factory=list)
    looked_at: bool = False

    def __post_init__(self) -> None:
        if not self.ours or min(*self.ours, *self.theirs) <= 0:
            raise ToolError(f"{self.name}: one side gave nothing, so there is no ratio")

    @property
    def ratios(self) -> list[float]:
        """One ratio a turn."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def estimate(self) -> Estimate:
        """The one to quote, of geometric means, and its interval over the turns; one turn has none."""
        estimate = (anytime_ratio if self.looked_at else paired_ratio)(self.ours, self.theirs)
        assert estimate is not None, "both sides are above 0"
        return estimate

    @property
    def verdict(self) -> Verdict | None:
        """Whether all of the interval is as was wanted, or none of it; None where nothing was wanted."""
        if self.wanted is None:
            return None
        ends = (self.estimate.low, self.estimate.high)
        reached = {end is not None and self.better.reaches(end, self.wanted) for end in ends}
        if None in ends or len(reached) > 1:
            return Verdict.UNSURE
        return Verdict.REACHED if True in reached else Verdict.MISSED


def in_turn(contestants: Sequence[Callable[[int], T]]) -> Iterator[list[list[T]]]:
    """After each turn, without end, what each contestant gave so far; it is called with the turn's number.

    The order is reversed every other turn, so that drift falls on all alike.
    """
    given: list[list[T]] = [[] for _ in contestants]
    order = list(range(len(contestants)))
    while True:
        for index in order:
            given[index].append(contestants[index](len(given[index])))
        yield given
        order.reverse()


def ratios_in_turn(
    contestants: Sequence[Callable[[int], T]],
    settings: Settings,
    told: Callable[[list[list[T]]], list[Ratio]],
) -> list[Ratio]:
    """The contestants' ratios after as many turns as the settings say, or as it takes to be so sure of all.

    told: what each contestant gave, turn by turn -> the ratios.
    """
    for given in in_turn(contestants):
        turns = len(given[0])
        if turns < settings.pairs:
            continue
        ratios = told(given)
        if settings.until is None:
            return ratios
        ratios = [replace(ratio, looked_at=True) for ratio in ratios]
        if turns >= settings.most or all(ratio.estimate.within(settings.until) for ratio in ratios):
            return ratios
    raise AssertionError("turns do not end by themselves")
