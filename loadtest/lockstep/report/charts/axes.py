"""Scales that suit the data: arithmetic for domains, ticks and labels that do not run into each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

# Without a precision of its own the renderer rounds labels to the distance of the ticks: 250 becomes 300.
TICK_FORMAT = ",.4~r"

# From this ratio of greatest to least on, a linear axis would flatten the small values.
WIDE_SPAN = 8.0
# Up to which ratio of its ends a logarithmic axis has room for which ticks in each decade.
_STEPS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (4.0, (1, 1.2, 1.5, 2, 3, 4, 6, 8)),
    (60.0, (1, 2, 5)),
    (2_000.0, (1, 3)),
    (math.inf, (1,)),
)


@dataclass(frozen=True, slots=True)
class Axis:
    """A domain, the values to mark on it, and whether it is logarithmic."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool

    @property
    def kind(self) -> Literal["log", "linear"]:
        """The scale's name in Vega-Lite."""
        return "log" if self.logarithmic else "linear"

    def fraction(self, value: float) -> float:
        """Where the value lies between low (0) and high (1)."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, fraction: float) -> float:
        """The value that lies there: the reverse of `fraction`."""
        if self.logarithmic:
            return self.low * math.exp(fraction * math.log(self.high / self.low))
        return self.low + fraction * (self.high - self.low)


def suited(values: Sequence[float]) -> Axis:
    """The axis for these values: logarithmic where all are above 0 and span widely, else from 0."""
    minimum, maximum = min(values, default=0.0), max(values, default=0.0)
    if minimum > 0 and maximum / minimum >= WIDE_SPAN:
        return logarithmic(values)
    return linear(maximum)


def linear(maximum: float) -> Axis:
    """From 0 to a little over the maximum value, with about four round ticks."""
    if maximum <= 0:
        return Axis(0.0, 1.0, (0.0,), logarithmic=False)
    rough = maximum / 4
    decade = 10.0 ** math.floor(math.log10(rough))
    step = next(decade * each for each in (1, 2, 2.5, 5, 10) if decade * each >= rough * 0.999)
    count = math.floor(maximum / step + 1e-9)
    return Axis(0.0, maximum * 1.06, tuple(step * number for number in range(count + 1)), logarithmic=False)


def counts(maximum: int) -> Axis:
    """As `linear`, with whole numbers for ticks."""
    axis = linear(maximum)
    return replace(axis, ticks=tuple(tick for tick in axis.ticks if tick == int(tick)))


def logarithmic(values: Sequence[float]) -> Axis:
    """Around the values, which are all above 0; ticks at powers of ten, and between where there is room."""
    low, high = min(values) / 1.25, max(values) * 1.25
    ratio = high / low
    steps = next(steps for most, steps in _STEPS if ratio < most)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = tuple(
        step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high
    )
    return Axis(low, high, ticks, logarithmic=True)


def apart(positions: Sequence[float], gap: float) -> list[float]:
    """The positions moved as little as it takes for neighbours to be `gap` apart; order is kept, ties too."""
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    groups: list[list[int]] = []
    centres: list[float] = []
    for index in order:
        groups.append([index])
        centres.append(positions[index])
        # Groups that touch become one, centred on the mean of what its members asked for.
        while len(groups) > 1 and centres[-1] - centres[-2] < gap * (len(groups[-1]) + len(groups[-2])) / 2:
            merged = groups[-2] + groups[-1]
            groups[-2:] = [merged]
            centres[-2:] = [sum(positions[each] for each in merged) / len(merged)]
    moved = [0.0] * len(positions)
    for group, centre in zip(groups, centres, strict=True):
        for place, index in enumerate(group):
            moved[index] = centre + gap * (place - (len(group) - 1) / 2)
    return moved
