"""How late the event loop wakes who is due: what every user of this process has to wait on top."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent
from hdrh.histogram import HdrHistogram

from lockstep.record.histograms import HIGHEST_NS
from lockstep.worker.pacer import WakeUp

TICK_NS = 20_000_000
# To one part in a hundred: a lateness is judged by its size.
SIGNIFICANT_DIGITS = 2


class LoopLag:
    """A greenlet that wants to be woken every 20 ms and notes how late it was.

    Ticks are due at fixed moments: a loop that stood still for a second missed fifty, and each counts with
    its own lateness, or a long halt would weigh no more than a short one (coordinated omission: Tene, 2013).
    histogram: in nanoseconds. alarm: for this greenlet alone; whoever made it closes it, after `stop`.
    """

    def __init__(self, alarm: WakeUp, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.histogram = HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS)
        self._alarm = alarm
        self._clock = clock
        self._greenlet = gevent.spawn(self._run, clock())

    def stop(self) -> None:
        """No more ticks."""
        self._greenlet.kill(block=False)

    def _run(self, due_ns: int) -> None:
        while True:
            due_ns += TICK_NS
            self._alarm.wait_until(due_ns)
            self.histogram.record_value(min(max(self._clock() - due_ns, 1), HIGHEST_NS))
