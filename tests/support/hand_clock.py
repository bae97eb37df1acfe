"""A clock that a test moves by hand, with the alarm that goes by it."""

from __future__ import annotations

import gevent
from gevent.event import Event


class HandClock:
    """Monotonic nanoseconds that stand still until they are set; one greenlet waits at a time."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self._moved = Event()

    def __call__(self) -> int:
        return self.now_ns

    def wait_until(self, at_ns: int) -> None:
        """Block until the clock has been set to at_ns or later."""
        while self.now_ns < at_ns:
            self._moved.clear()
            self._moved.wait()

    def set(self, now_ns: int) -> None:
        """Move on; nobody runs yet."""
        self.now_ns = now_ns
        self._moved.set()

    def go_to(self, now_ns: int) -> None:
        """Move on and let everybody run who has something to do."""
        self.set(now_ns)
        settle()


def settle() -> None:
    """Let everybody run who has something to do."""
    for _ in range(5):
        gevent.sleep(0)
