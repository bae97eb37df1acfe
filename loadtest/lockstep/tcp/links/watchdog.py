"""Bounds the steps of many links with one timer, so that no wait has to set, or even read, a clock."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Protocol

import gevent

# A step ends at most three ticks late, and never early. A tick is a tenth of the bound, but no more than a
# quarter of a second, and no less than the loop's timers can tell apart.
LONGEST_TICK_S = 0.25
SHORTEST_TICK_S = 0.001


class Watched(Protocol):
    """Whose steps are bounded. ticks: what the present step has seen; 0 when another begins."""

    ticks: int

    @property
    def waiting(self) -> bool:
        """Whether it waits now."""

    def expire(self) -> None:
        """The bound is reached: end the step with a TimeoutError."""


class Watchdog:
    """Expires the watched whose step lasts longer than timeout_s. One for each bound in a process."""

    def __init__(self, timeout_s: float) -> None:
        self._tick_s = max(min(timeout_s / 10, LONGEST_TICK_S), SHORTEST_TICK_S)
        self._most_ticks = math.ceil(timeout_s / self._tick_s)
        self._watched: set[Watched] = set()
        # Not a reason to keep the loop alive.
        self._timer = gevent.get_hub().loop.timer(self._tick_s, self._tick_s, ref=False)

    def watch(self, one: Watched) -> None:
        """Begin to watch."""
        if not self._watched:
            self._timer.start(self._tick)
        self._watched.add(one)

    def forget(self, one: Watched) -> None:
        """Watch no longer; nothing happens where it was not watched."""
        self._watched.discard(one)
        if not self._watched:
            self._timer.stop()

    def _tick(self) -> None:
        for one in list(self._watched):
            if one.waiting:
                one.ticks += 1
                # The first tick may come at once, and after one that is late the next comes all the sooner:
                # hence two more than fit the bound.
                if one.ticks > self._most_ticks + 1:
                    one.expire()


@lru_cache(maxsize=16)
def watchdog_for(timeout_s: float) -> Watchdog:
    """The process's watchdog for this bound."""
    return Watchdog(timeout_s)
