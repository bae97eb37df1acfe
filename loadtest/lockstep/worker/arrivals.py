"""When iterations are due in open load: schedules as arithmetic, in ns from the cell's start. No clock.

A schedule is one worker's share. Nobody divides it: each worker computes its own part, and the parts of all
workers together are arrivals at the full rate.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from lockstep.stages import Stages
from lockstep.traffic import Arrival

NS_PER_S = 1_000_000_000
# Arrivals drawn at once: enough to make numpy's call cheap, few enough that no user waits for the drawing.
BLOCK = 256
# Later than any cell lasts.
NEVER_NS = 1 << 60


class Schedule(Protocol):
    """One worker's arrivals, numbered from 0 in the order in which they are due."""

    def due_ns(self, k: int) -> int:
        """When the k-th is due."""

    def count_before(self, elapsed_ns: int) -> int:
        """How many are due before a moment, one due at that very moment not included."""


class Constant:
    """Every workers-th arrival of an evenly spaced sequence, beginning with the worker-th.

    The n-th arrival of all workers together is due at n / rate, rounded down to the nanosecond. It is
    computed from n anew, so that nothing adds up: after a billion arrivals the distance is still right.
    """

    def __init__(self, rate_per_s: float, worker: int, workers: int) -> None:
        # By its decimal digits: 0.1 a second is one in exactly 10 s, which its binary fraction is not.
        self._distance_ns = NS_PER_S / Fraction(str(float(rate_per_s)))
        self._worker = worker
        self._workers = workers

    def due_ns(self, k: int) -> int:
        """When this worker's k-th is due."""
        distance_ns = self._distance_ns
        return (k * self._workers + self._worker) * distance_ns.numerator // distance_ns.denominator

    def count_before(self, elapsed_ns: int) -> int:
        """How many of this worker's are due before a moment."""
        distance_ns = self._distance_ns
        of_all = -(-elapsed_ns * distance_ns.denominator // distance_ns.numerator)
        return max(-(-(of_all - self._worker) // self._workers), 0)


class Poisson:
    """Exponential gaps, independent of each other, of mean workers / rate.

    Poisson streams side by side are again one, of the sum of their rates (superposition: Kingman, Poisson
    Processes, 1993, chapter 2), so each worker draws its own at its share of the rate. Worker and seed choose
    one of numpy's independent streams (SeedSequence's spawn key); the same ones give the same arrivals
    wherever numpy's version is the same.

    Cost: a block of gaps is kept at a time. Going on is cheap; going back before the block draws all anew.
    """

    def __init__(self, rate_per_s: float, worker: int, workers: int, seed: int) -> None:
        self._mean_ns = NS_PER_S * workers / rate_per_s
        self._seed = np.random.SeedSequence(seed, spawn_key=(worker,))
        self._begin()

    def due_ns(self, k: int) -> int:
        """When this worker's k-th is due."""
        if k < self._first:
            self._begin()
        while k - self._first >= BLOCK:
            self._go_on()
        return self._moments_ns()[k - self._first]

    def count_before(self, elapsed_ns: int) -> int:
        """How many of this worker's are due before a moment."""
        if elapsed_ns <= self._after_ns:
            self._begin()
        while self._last_ns < elapsed_ns:
            self._go_on()
        return self._first + bisect_left(self._moments_ns(), elapsed_ns)

    def _begin(self) -> None:
        self._random = np.random.Generator(np.random.PCG64(self._seed))
        self._first = 0
        self._draw(0)

    def _go_on(self) -> None:
        self._first += BLOCK
        self._draw(self._last_ns)

    def _draw(self, after_ns: int) -> None:
        # Only the sum within a block is a float; the blocks add up in integers, so that a nanosecond still
        # counts after days.
        self._sums_ns = np.cumsum(self._random.exponential(self._mean_ns, BLOCK))
        self._after_ns = after_ns
        self._last_ns = after_ns + round(float(self._sums_ns[-1]))
        self._moments: list[int] = []

    def _moments_ns(self) -> list[int]:
        """The block's moments, made when first asked for: a block that is only passed costs little."""
        if not self._moments:
            sums_ns: list[float] = self._sums_ns.tolist()
            self._moments = [self._after_ns + round(sum_ns) for sum_ns in sums_ns]
        return self._moments


class Staged:
    """Arrivals of a rate that changes: those of an even rate of 1, of whose time the stages' area is made.

    unit: that schedule, in which a nanosecond is a billionth of an arrival of all workers together. After
    the last stage nothing is due any more.
    """

    def __init__(self, unit: Schedule, stages: Stages) -> None:
        self._unit = unit
        self._stages = stages

    def due_ns(self, k: int) -> int:
        """When this worker's k-th is due."""
        second = self._stages.when(self._unit.due_ns(k) / NS_PER_S)
        return NEVER_NS if second is None else round(second * NS_PER_S)

    def count_before(self, elapsed_ns: int) -> int:
        """How many of this worker's are due before a moment."""
        # In the area an arrival lies within rounding of that moment, on either side.
        count = self._unit.count_before(round(self._stages.by(elapsed_ns / NS_PER_S) * NS_PER_S))
        while count and self.due_ns(count - 1) >= elapsed_ns:
            count -= 1
        while self.due_ns(count) < elapsed_ns:
            count += 1
        return count


@dataclass(frozen=True, slots=True)
class Share:
    """One worker's part of an open load.

    arrival: what the plan asks for. rate_per_s: iterations per second of all workers together. worker: its
    number, from 0 to workers - 1. seed: 0 or more, the same for all workers.
    """

    arrival: Arrival
    rate_per_s: float
    worker: int
    workers: int
    seed: int


SCHEDULES: dict[str, Callable[[Share], Schedule]] = {
    "constant": lambda share: Constant(share.rate_per_s, share.worker, share.workers),
    "poisson": lambda share: Poisson(share.rate_per_s, share.worker, share.workers, share.seed),
}
"""The schedule of each of plan.OPEN_ARRIVALS."""


def schedule_of(
    arrival: Arrival, worker: int, workers: int, seed: int, stages: Stages | None = None
) -> Schedule | None:
    """The share of worker number `worker`, from 0, of what a plan asks for; None where the load is closed.

    seed: 0 or more. stages: how the rate changes, from the schedule's zero on; None where it does not.
    KeyError where the kind has no schedule: it never becomes another one.
    """
    if arrival.rate_per_s is None:
        return None
    rate_per_s = arrival.rate_per_s if stages is None else 1.0
    even = SCHEDULES[arrival.kind](Share(arrival, rate_per_s, worker, workers, seed))
    return even if stages is None else Staged(even, stages)
