"""Connections that are opened before a cell's time: nobody begins before all of them are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable

import gevent
from gevent.event import Event


class Opening:
    """Waits for a set of users, never for a number: who leaves before it has opened is not waited for.

    connects_per_s: how fast those who are expected begin to connect. on_open: called once, with the seconds
    since `start`, when the last of them has; within `start` where nobody is expected.
    """

    def __init__(self, connects_per_s: float, on_open: Callable[[float], None]) -> None:
        self._begun = 0
        self._awaited: set[Hashable] = set()
        self._connects_per_s = connects_per_s
        self._on_open = on_open
        self._open = Event()
        self._began_s = 0.0

    def expect(self, those: Iterable[Hashable]) -> None:
        """Wait for these too. Before `start`."""
        self._awaited.update(those)

    def start(self) -> None:
        """Connects may begin. Once, before anybody waits."""
        self._began_s = time.monotonic()
        self._finish_if_all_are_there()

    @property
    def over(self) -> bool:
        """Whether nobody is waited for any more."""
        return bool(self._open.is_set())

    def await_start(self, user: Hashable) -> None:
        """Wait until this user may begin to connect; one that nobody expected is waited for from now on."""
        if self.over:
            return
        self._awaited.add(user)
        due_s = self._began_s + self._begun / self._connects_per_s
        self._begun += 1
        gevent.sleep(max(due_s - time.monotonic(), 0))

    def wait(self) -> None:
        """Wait until all are there; of somebody who opens nothing."""
        self._open.wait()

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
