"""The signals that ask a run to stop: it is saved and its report made, whichever of them came."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import gevent

from lockstep.stopping import STOP_SIGNALS, called, handled_by


class StoppedBySignal(KeyboardInterrupt):
    """Raised where a run is led, when it is asked to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)

    @property
    def words(self) -> str:
        """What it was, as the user calls it."""
        return called(self.signal)


@contextmanager
def stoppable() -> Iterator[None]:
    """The first stop signal raises StoppedBySignal in the greenlet that entered this, and nowhere else.

    By itself it would strike whatever runs: the hub mostly, which prints a trace before it hands it on.
    """
    here = gevent.getcurrent()

    def stop(number: int, _: FrameType | None) -> None:
        ignore_stop_signals()
        gevent.kill(here, StoppedBySignal(number))

    before = handled_by(stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def ignore_stop_signals() -> None:
    """Saving a run, its report, and putting processes away: all bounded, none to be left half done."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)


class LocustStop:
    """Ends what a Locust master runs, on the first stop signal, as Locust ends it on Ctrl-C.

    Locust itself heeds SIGTERM only once a headless plan is over, and would die of it before. From then on,
    and in a manual run, it is Locust's again. To be made in Locust's main greenlet.

    running: whether there is a run to save; else a signal does what it did before. number: which signal ended
    a run; None while none did.
    """

    def __init__(self, running: Callable[[], bool]) -> None:
        self.number: int | None = None
        self._running = running
        self._main = gevent.getcurrent()
        self._before = handled_by(self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._running():
            self.number = number
            ignore_stop_signals()
            gevent.kill(self._main, StoppedBySignal(number))
        else:
            signal.signal(number, self._before[number])
            signal.raise_signal(number)
