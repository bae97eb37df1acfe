"""How much one side does in a second of its own processor time: what is fair on a machine that others share.

The other side counts, so it applies to any process alike and asks nothing of it; and since only what lies
between two readings counts, starting up is in neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import proc
from bench.processes import Running, ToolError
from bench.ratio import Ratio

NS_PER_S = 1_000_000_000
SETTLE_S = 0.5
STEADY_TIMEOUT_S = 60.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Reading:
    """How far things are: units done, processor time used and the wall clock, nanoseconds each."""

    count: int
    cpu_ns: int
    wall_ns: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Units per second, of the measured process's own processor time and of wall time."""

    per_cpu_s: float
    per_wall_s: float

    @property
    def cpu_share(self) -> float:
        """How much of one core it had."""
        return self.per_wall_s / self.per_cpu_s

    def told(self, unit: str) -> str:
        """In words, for a line of progress."""
        return f"{self.per_cpu_s:,.0f} {unit}, with {self.cpu_share:.0%} of a core"


def ratio_of(
    name: str, unit: str, ours: Sequence[Rate], theirs: Sequence[Rate], wanted: float | None = None
) -> Ratio:
    """The ratio of what both do in a second of their own processor time."""
    return Ratio(
        name,
        unit,
        [rate.per_cpu_s for rate in ours],
        [rate.per_cpu_s for rate in theirs],
        wanted,
        ours_shares=[rate.cpu_share for rate in ours],
        theirs_shares=[rate.cpu_share for rate in theirs],
    )


def between(first: Reading, last: Reading) -> Rate:
    """The rate from one reading to a later one. ToolError if nothing was done in between."""
    count, cpu_ns = last.count - first.count, last.cpu_ns - first.cpu_ns
    if count <= 0 or cpu_ns <= 0:
        raise ToolError(f"nothing to measure: {count} units in {cpu_ns / 1e9:g} s of processor time")
    return Rate(count * NS_PER_S / cpu_ns, count * NS_PER_S / (last.wall_ns - first.wall_ns))


def await_steady(measured: Running, count: Callable[[], int], timeout_s: float = STEADY_TIMEOUT_S) -> None:
    """Wait until units are being done, then a while longer. ToolError if the process ends or does nothing."""
    end = time.monotonic() + timeout_s
    start = count()
    while count() <= start:
        measured.check()
        if time.monotonic() > end:
            raise ToolError(f"{measured.name} did nothing within {timeout_s:g} s")
        time.sleep(POLL_S)
    time.sleep(SETTLE_S)


def rate_of(measured: Running, count: Callable[[], int], seconds: float) -> Rate:
    """What a process does in that many seconds once it is at work. count: what its other side has seen."""
    await_steady(measured, count)

    def read() -> Reading:
        return Reading(count(), proc.cpu_ns(measured.pid), time.monotonic_ns())

    first = read()
    time.sleep(seconds)
    last = read()
    measured.check()
    return between(first, last)
