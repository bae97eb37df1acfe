"""The beginning of a cell on connections that stay: all are opened before anybody's first message.

Where some talk while others still connect, the talk takes up the server, and the last of ten thousand wait
for minutes. What is measured is the talk of all of them, so it begins when all are there.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gevent.event import Event


class Opening:
    """expected: how many users open a connection. on_open: told once, when the last of them has, of the
    seconds it took."""

    def __init__(self, expected: int, on_open: Callable[[float], None]) -> None:
        self._left = expected
        self._on_open = on_open
        self._open = Event()
        self._began_s = time.monotonic()
        if expected == 0:
            self._finish()

    @property
    def over(self) -> bool:
        """Whether nobody is waited for any more."""
        return bool(self._open.is_set())

    def one_more(self) -> None:
        """A user has opened its connection, or failed to; it waits here for the others."""
        self._left -= 1
        if self._left == 0:
            self._finish()
        self._open.wait()

    def give_up(self) -> None:
        """Let everybody go on, without telling on_open."""
        self._open.set()

    def _finish(self) -> None:
        if not self._open.is_set():
            self._on_open(time.monotonic() - self._began_s)
            self._open.set()
