"""The beginning of a cell on connections that stay: all are opened before anybody's first message.

Where some talk while others still connect, the talk takes up the server, and the last of ten thousand wait
for minutes. What is measured is the talk of all of them, so it begins when all are there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable

import gevent
from gevent.event import Event

# Over all workers. A server that starts a thread for each connection accepts some thousands a second; what
# comes faster overflows its backlog, and the kernel loses connections that their clients believe to have.
CONNECTS_PER_S = 2500


class Opening:
    """Waits for a set of users, never for a number: who leaves before it has opened is not waited for.

    expected: who opens a connection, connects_per_s how fast they begin to. on_open: told once, when the last
    of them has, of the seconds it took.
    """

    def __init__(
        self, expected: Iterable[Hashable], connects_per_s: float, on_open: Callable[[float], None]
    ) -> None:
        self._begun = 0
        self._awaited = set(expected)
        self._connects_per_s = connects_per_s
        self._on_open = on_open
        self._open = Event()
        self._began_s = time.monotonic()
        self._finish_if_all_are_there()

    @property
    def over(self) -> bool:
        """Whether nobody is waited for any more."""
        return bool(self._open.is_set())

    def await_turn(self, user: Hashable) -> None:
        """Wait until this user may begin to connect; one that nobody expected is waited for from now on."""
        if self.over:
            return
        self._awaited.add(user)
        due_s = self._began_s + self._begun / self._connects_per_s
        self._begun += 1
        gevent.sleep(max(due_s - time.monotonic(), 0))

    def await_all(self, user: Hashable) -> None:
        """This user has opened its connection, or failed to; it waits here for the others."""
        self.discard(user)
        self._open.wait()

    def discard(self, user: Hashable) -> None:
        """Wait for this user no longer: it is done, or it has left."""
        self._awaited.discard(user)
        self._finish_if_all_are_there()

    def give_up(self) -> None:
        """Let everybody go on, without telling on_open."""
        self._open.set()

    def _finish_if_all_are_there(self) -> None:
        if not self._awaited and not self.over:
            self._on_open(time.monotonic() - self._began_s)
            self._open.set()
