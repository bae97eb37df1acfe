"""Greenlets that use one client take turns, first come first served. Never sees a socket."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lockstep.errors import HarnessError

NOT_IN_TIME = (
    "another greenlet has used this connection for {timeout_s:g} s: where replies carry an id say so "
    "(match = by_id(...)), or give each greenlet a client of its own"
)


class Signal(Protocol):
    """What one greenlet waits for and another one sets: gevent's Event."""

    def set(self) -> None:
        """Wake who waits, now or later."""

    def clear(self) -> None:
        """Forget that it was set."""

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it was set, within so many seconds."""


class Line:
    """Who waits for a client that another one uses. True where somebody does.

    Whoever uses it calls next_one() once it is through, and waits itself where somebody is in the line.
    """

    __slots__ = ("_new_signal", "_waiting")

    def __init__(self, new_signal: Callable[[], Signal]) -> None:
        self._new_signal = new_signal
        self._waiting: deque[Signal] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def wait(self, timeout_s: float | None) -> None:
        """Until it is this one's turn. HarnessError where it is not within timeout_s seconds."""
        signal = self._new_signal()
        self._waiting.append(signal)
        called = False
        try:
            called = signal.wait(timeout_s)
            if not called:
                raise HarnessError(NOT_IN_TIME.format(timeout_s=timeout_s))
        finally:
            self._waiting.remove(signal)
            if not called:
                # It may have been called as it gave up.
                self.next_one()

    def next_one(self) -> None:
        """The client is free: whoever waits longest goes on."""
        if self._waiting:
            self._waiting[0].set()


def left_s(until_ns: int | None) -> float | None:
    """How many seconds are left; 0 where none are, None where there is no end."""
    return None if until_ns is None else max(until_ns - time.monotonic_ns(), 0) / 1e9
