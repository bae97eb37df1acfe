"""What a comparison finds: ratios, figures held against a limit, a cost that grows, or why there is none."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from bench.ratio import Better, Ratio, Verdict


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of one side only, as often as it was measured. wanted: None where it only informs."""

    name: str
    unit: str
    values: list[float]
    wanted: float | None = None
    better: Better = Better.LOWER

    @property
    def median(self) -> float:
        """The middle value: the one to quote."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> Verdict | None:
        """Whether the median is as was wanted; None where nothing was."""
        if self.wanted is None:
            return None
        return Verdict.REACHED if self.better.reaches(self.median, self.wanted) else Verdict.MISSED


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """What the generator does and takes with that many connections; rates in messages per second."""

    connections: int
    per_cpu_s: float
    per_wall_s: float
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Growth:
    """The same work over more and more connections."""

    name: str
    points: list[GrowthPoint]


@dataclass(frozen=True, slots=True)
class Missing:
    """A comparison, or a part of one, that could not be made, and why: one line with the remedy."""

    name: str
    reason: str


Finding = Ratio | Figure | Growth | Missing
