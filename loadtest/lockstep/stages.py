"""A load that changes by plan: ramps, holds, spikes and waves, of users or of a rate. Arithmetic only.

    ramp 0-100 10s, hold 100 20s, spike 300 2s, sine 50-150 30s

A stage is a level over time, and what has come by a moment is the area below it. An open load's arrivals are
those moments at which that area has grown by one more (inversion): so a ramp's arrivals are as exact as those
of a constant rate, and Poisson arrivals of a changing rate are those of rate 1 drawn on the area instead of
on time (Cinlar, Introduction to Stochastic Processes, 1975, chapter 4).
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from lockstep.errors import PlanError
from lockstep_wire.choices import did_you_mean
from lockstep_wire.units import parse_duration_ns

KINDS = ("ramp", "hold", "spike", "sine")
MOST = 1_000_000.0
_FORM = "write for example ramp 0-100 10s, hold 100 20s, spike 300 2s, sine 50-150 30s"
_STAGE = re.compile(r"(\S+)\s+([0-9.]+)(?:-([0-9.]+))?\s+(\S+)")
_MOST_STAGES = 1000
# So many stand where the load is named.
_TOLD = 4
# Halvings of a stage that find a moment in it to far less than a nanosecond.
_HALVINGS = 64


@dataclass(frozen=True, slots=True)
class Stage:
    """So many seconds in which the level goes from `first` to `last`.

    A ramp does so evenly; hold and spike stay where they are; a sine goes there and back, in one wave.
    """

    kind: str
    first: float
    last: float
    seconds: float

    def at(self, second: float) -> float:
        """The level, so many seconds after the stage's beginning."""
        if self.kind == "sine":
            return self.first + (self.last - self.first) * (1 - math.cos(self._turn * second)) / 2
        return self.first + (self.last - self.first) * second / self.seconds

    def area(self, second: float) -> float:
        """What has come by then: the level's integral from the stage's beginning."""
        span = self.last - self.first
        if self.kind == "sine":
            return self.first * second + span * (second - math.sin(self._turn * second) / self._turn) / 2
        return self.first * second + span * second * second / (2 * self.seconds)

    def when(self, area: float) -> float:
        """The second at which so much has come; the stage's end where it does not come to that."""
        if area >= self.area(self.seconds):
            return self.seconds
        low, high = 0.0, self.seconds
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if self.area(middle) < area:
                low = middle
            else:
                high = middle
            if low == high:
                break
        return high

    @property
    def levels(self) -> str:
        """Its kind and its levels: `ramp 0-100`."""
        last = "" if self.first == self.last else f"-{self.last:g}"
        return f"{self.kind} {self.first:g}{last}"

    @property
    def peak(self) -> float:
        """The greatest level of it."""
        return max(self.first, self.last)

    @property
    def _turn(self) -> float:
        return 2 * math.pi / self.seconds


@dataclass(frozen=True, slots=True)
class Stages:
    """Stages one after another."""

    each: tuple[Stage, ...]

    @classmethod
    def parse(cls, text: str) -> Stages:
        """PlanError says which stage is wrong, and how."""
        parts = [part.strip() for part in re.split(r"[,;]", text) if part.strip()]
        if not parts or len(parts) > _MOST_STAGES:
            raise PlanError("stages", f"{text[:60]!r} names no stages, or too many: {_FORM}")
        stages = cls(tuple(_stage(part) for part in parts))
        if not stages.total:
            raise PlanError("stages", f"{text[:60]!r} is no load at all: {_FORM}")
        return stages

    @property
    def levels(self) -> str:
        """What the first of them are, without their times: `ramp 0-100, hold 100`."""
        words = [stage.levels for stage in self.each[:_TOLD]]
        return ", ".join([*words, *(["..."] if len(self.each) > _TOLD else [])])

    @property
    def seconds(self) -> float:
        """How long they last together."""
        return math.fsum(stage.seconds for stage in self.each)

    @property
    def peak(self) -> float:
        """The greatest level."""
        return max(stage.peak for stage in self.each)

    @property
    def total(self) -> float:
        """What comes of all of them."""
        return math.fsum(stage.area(stage.seconds) for stage in self.each)

    @property
    def mean(self) -> float:
        """The level on average."""
        return self.total / self.seconds

    def after(self, seconds: float) -> Stages:
        """The same behind so many seconds at the level at which they begin."""
        first = self.each[0].first
        return Stages((Stage("hold", first, first, seconds), *self.each)) if seconds else self

    def at(self, second: float) -> float:
        """The level at a moment: the first before they begin, the last after they end."""
        starts = _starts(self)
        index = min(max(bisect_right(starts, second) - 1, 0), len(self.each) - 1)
        stage = self.each[index]
        return stage.at(min(max(second - starts[index], 0.0), stage.seconds))

    def by(self, second: float) -> float:
        """What has come by a moment."""
        parts = zip(_starts(self), self.each, strict=True)
        return math.fsum(stage.area(min(max(second - start, 0.0), stage.seconds)) for start, stage in parts)

    def when(self, area: float) -> float | None:
        """The second at which so much has come, None where that never happens."""
        reached = 0.0
        for start, stage in zip(_starts(self), self.each, strict=True):
            whole = stage.area(stage.seconds)
            if area <= reached + whole and whole > 0:
                return start + stage.when(area - reached)
            reached += whole
        return None


@lru_cache(maxsize=64)
def _starts(stages: Stages) -> tuple[float, ...]:
    """When each begins, in seconds."""
    return (0.0, *accumulate(stage.seconds for stage in stages.each[:-1]))


def _stage(text: str) -> Stage:
    match = _STAGE.fullmatch(text)
    if match is None:
        raise PlanError("stages", f"{text[:60]!r} is no stage: {_FORM}")
    kind, first, last, length = match.groups()
    if kind not in KINDS:
        raise PlanError("stages", f"{kind!r} is unknown: {did_you_mean(kind, KINDS)}")
    if (last is None) != (kind in ("hold", "spike")):
        form = "one level" if last is not None else "two levels, FROM-TO"
        raise PlanError("stages", f"{text!r}: a {kind} has {form}: {_FORM}")
    return Stage(
        kind, _level(text, first), _level(text, first if last is None else last), _seconds(text, length)
    )


def _level(text: str, number: str) -> float:
    try:
        level = float(number)
    except ValueError:
        raise PlanError("stages", f"{text!r}: {number!r} is no number: {_FORM}") from None
    if level > MOST:
        raise PlanError("stages", f"{text[:60]!r}: give levels from 0 to {MOST:,.0f}")
    return level


def _seconds(text: str, length: str) -> float:
    try:
        seconds = parse_duration_ns(length) / 1e9
    except ValueError as wrong:
        raise PlanError("stages", f"{text!r}: {length!r} {wrong}") from None
    if seconds < 0.001:
        raise PlanError("stages", f"{text!r} lasts too short: give 1ms or more")
    return seconds
