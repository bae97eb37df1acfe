"""What a session, or a message, must hold while it is served.

A admission knows nothing of time, sockets or counting: its user does those around it.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol


class Admission(Protocol):
    """Admits a limited number of holders at once."""

    def acquire(self) -> object:
        """Return once admitted."""

    def release(self) -> None:
        """Give the permit back."""


class OpenAdmission:
    """Admits everyone at once. Costs two empty calls."""

    def acquire(self) -> None:
        """See Admission.acquire."""

    def release(self) -> None:
        """See Admission.release."""


class LockAdmission:
    """One holder. The cheapest lock there is; the system picks who is next: a waiter can be overtaken."""

    __slots__ = ("acquire", "release")

    def __init__(self) -> None:
        lock = threading.Lock()
        self.acquire = lock.acquire
        self.release = lock.release


class SemaphoreAdmission:
    """`permits` holders. A condition variable in Python, so dearer than a lock; a newcomer can overtake."""

    __slots__ = ("acquire", "release")

    def __init__(self, permits: int) -> None:
        semaphore = threading.Semaphore(permits)
        self.acquire = semaphore.acquire
        self.release = semaphore.release


class TicketAdmission:
    """One holder, first come, first served. Every waiter has a lock of its own and is handed the permit.

    Fair, at the price of a switch to the next waiter on every release: nobody can slip in meanwhile.
    """

    __slots__ = ("_held", "_mutex", "_waiters")

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._held = False
        self._waiters: deque[threading.Lock] = deque()

    def acquire(self) -> None:
        """See Admission.acquire."""
        with self._mutex:
            if not self._held:
                self._held = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiters.append(turn)
        turn.acquire()

    def release(self) -> None:
        """See Admission.release."""
        with self._mutex:
            if self._waiters:
                self._waiters.popleft().release()
            else:
                self._held = False
