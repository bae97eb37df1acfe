"""Where a worker's users wait for everybody else's, until the master says when all begin at once."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent
from gevent.event import Event

# Timers are a millisecond coarse: what is left is waited out awake.
AWAKE_NS = 2_000_000


class Meeting:
    """The users of one worker in one cell.

    users: how many it has. tell: tells the master of a round, how many wait of how many, and how long for the
    rest, in seconds. rounds: how many are over; missed: users that came too late for one, added up.
    """

    def __init__(
        self,
        users: Callable[[], int],
        tell: Callable[[int, int, int, float], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.rounds = self.missed = 0
        self._users, self._tell, self._clock = users, tell, clock
        self._waiting = 0
        self._began_ns: int | None = None
        self._released = Event()
        self._closed = False

    def meet(self, within_s: float) -> int | None:
        """Wait for the others: when all began, monotonic ns; None once the cell is over.

        within_s: how long the first of all waits for them.
        """
        if self._closed:
            return None
        released, number = self._released, self.rounds
        self._waiting += 1
        if self._waiting in (1, self._users()):
            self._tell(number, self._waiting, self._users(), within_s)
        try:
            released.wait()
        except BaseException:
            if number == self.rounds:
                self._waiting -= 1
            raise
        return self._began_ns

    def go(self, number: int, at_ns: int | None) -> None:
        """All begin this round at a moment of this machine's clock, or now; blocks until then."""
        if self._over(number):
            return
        if at_ns is not None:
            gevent.sleep(max(at_ns - AWAKE_NS - self._clock(), 0) / 1e9)
            while self._clock() < at_ns:
                pass
        if self._over(number):
            return
        self.missed += max(self._users() - self._waiting, 0)
        self._release(self._clock() if at_ns is None else at_ns)

    def close(self) -> None:
        """The cell is over: nobody begins any more."""
        self._closed = True
        self._release(None)

    def _over(self, number: int) -> bool:
        """Whether nobody waits for this round any more."""
        return self._closed or number != self.rounds

    def _release(self, began_ns: int | None) -> None:
        released, self._released = self._released, Event()
        self._began_ns, self._waiting = began_ns, 0
        self.rounds += began_ns is not None
        released.set()
