"""The signals that ask a command to stop, and how it ends by one that nothing else heeds."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from lockstep.errors import stopped_by

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_NAMES = {signal.SIGINT: "Ctrl-C"}


def called(number: int) -> str:
    """What a signal was, as the user calls it."""
    each = signal.Signals(number)
    return _NAMES.get(each, each.name)


def handled_by(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Signal -> who handled it before. What is ignored, as SIGHUP is under nohup, stays so."""
    heeded = [each for each in STOP_SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    return {each: signal.signal(each, handler) for each in heeded}


class _Stopped(SystemExit):
    """Raised where the command is, so that whatever it has begun is put away on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(stopped_by(number))
        self.number = number


@contextmanager
def ending_in_a_line() -> Iterator[None]:
    """The first stop signal ends what is within, and the process: in one line, with the signal's exit code.

    A second one ends it at once, and says nothing.
    """

    def stop(number: int, _: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise _Stopped(number)

    before = handled_by(stop)
    try:
        yield
    except _Stopped as stopped:
        print(f"lockstep: stopped by {called(stopped.number)}", file=sys.stderr)
        raise
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
