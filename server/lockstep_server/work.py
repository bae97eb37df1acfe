"""Simulated work: what the server does with a message between receiving it and replying."""

from __future__ import annotations

import time
from collections.abc import Callable

Work = Callable[[], int]
"""Does the work of one message and returns how long it took, in nanoseconds."""

_now_ns = time.monotonic_ns


def no_work() -> int:
    """Nothing, in no time; reads no clock."""
    return 0


def sleeping(hold_ns: int) -> Work:
    """Waits as for a disk or another service: takes no processor, other threads go on meanwhile."""
    hold_s = hold_ns / 1e9

    def work() -> int:
        start_ns = _now_ns()
        time.sleep(hold_s)
        return _now_ns() - start_ns

    return work


def computing(hold_ns: int) -> Work:
    """Takes `hold_ns` of this thread's processor time: threads compete for cores, and for the GIL."""

    def work() -> int:
        start_ns = _now_ns()
        end_ns = time.thread_time_ns() + hold_ns
        while time.thread_time_ns() < end_ns:
            sum(range(200))
        return _now_ns() - start_ns

    return work


WORKS: dict[str, Callable[[int], Work]] = {"sleep": sleeping, "cpu": computing}


def get_work(name: str, hold_ns: int) -> Work:
    """The work of that name for that long; none at all if it is to take no time."""
    return WORKS[name](hold_ns) if hold_ns else no_work
