"""The modes: what a session, or a message, must hold while it is served, and what each mode is made of.

An admission knows nothing of time, sockets or counting: its user does those around it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lockstep_server.dispatch import Dispatch, WorkerPool, one_after_another, thread_each


class Admission(Protocol):
    """Admits a limited number of holders at once."""

    def acquire(self) -> object:
        """Return once admitted."""

    def release(self) -> None:
        """Give the permit back."""


class OpenAdmission:
    """Admits everyone at once. Costs two empty calls. It fails where there are more peers than threads, files
    or memory: nothing here turns anybody away."""

    def acquire(self) -> None:
        """See Admission.acquire."""

    def release(self) -> None:
        """See Admission.release."""


class LockAdmission:
    """One holder. Costs the least of all locks. It fails the slowest: the system picks who is next, so that a
    waiter can be overtaken, and one who holds it long holds everybody up."""

    __slots__ = ("acquire", "release")

    def __init__(self) -> None:
        lock = threading.Lock()
        self.acquire = lock.acquire
        self.release = lock.release


class ReentrantLockAdmission:
    """One holder, which may ask again while it holds; only its own thread can give back. Who is next, the
    system picks.

    Costs what a lock does, and a look at who asks: Python's is of C, and keeps owner and depth. It fails in
    silence: a handler that asks twice and gives back once keeps everybody out, where a plain lock would have
    shown the mistake at the second asking, by standing still.
    """

    __slots__ = ("acquire", "release")

    def __init__(self) -> None:
        lock = threading.RLock()
        self.acquire = lock.acquire
        self.release = lock.release


class SemaphoreAdmission:
    """`permits` holders. Costs a condition variable in Python, so more than a lock. It fails as a lock does,
    later: a newcomer can overtake who waits, and `permits` holders that stay keep everybody else out."""

    __slots__ = ("acquire", "release")

    def __init__(self, permits: int) -> None:
        semaphore = threading.Semaphore(permits)
        self.acquire = semaphore.acquire
        self.release = semaphore.release


class ConditionAdmission:
    """`permits` holders, counted by hand under a condition variable, as textbooks write a semaphore.

    Whoever gives back wakes everybody who waits. That is the cost: for one turn W waiters wake, take the
    condition's lock one after another, and all but one of them lie down again. And it fails as they do: a
    newcomer who is there before those who were woken steals the turn, and who waits may do so for ever.
    """

    __slots__ = ("_condition", "_left")

    def __init__(self, permits: int) -> None:
        self._condition = threading.Condition()
        self._left = permits

    def acquire(self) -> None:
        """See Admission.acquire."""
        with self._condition:
            while self._left == 0:
                self._condition.wait()
            self._left -= 1

    def release(self) -> None:
        """See Admission.release."""
        with self._condition:
            self._left += 1
            self._condition.notify_all()


class TicketAdmission:
    """One holder, first come, first served. Every waiter has a lock of its own and is handed the permit.

    Costs a switch to the next waiter on every release, for nobody can slip in meanwhile. So it fails as a
    convoy: while the one whose turn it is has yet to wake, or to get a core, its permit serves nobody.
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


class ReadWriteAdmission:
    """Readers share, a writer is alone: of all who ask here, counted as they come, every `nth` writes.

    Costs a condition variable at both ends of every turn, so that readers pay more for sharing than a lock
    costs where turns are short. A writer who waits keeps newcomers out, for else readers who overlap would
    keep it waiting for ever. So it fails the other way round: each writer has everybody wait for the slowest
    of the readers that are in, and where writers follow each other, readers starve.
    """

    __slots__ = ("_asked", "_changed", "_nth", "_readers", "_writers_waiting", "_writing")

    def __init__(self, nth: int) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._nth = nth
        self._asked = self._readers = self._writers_waiting = 0
        self._writing = False

    def acquire(self) -> None:
        """See Admission.acquire."""
        with self._changed:
            self._asked += 1
            if self._asked % self._nth:
                while self._writing or self._writers_waiting:
                    self._changed.wait()
                self._readers += 1
                return
            self._writers_waiting += 1
            while self._writing or self._readers:
                self._changed.wait()
            self._writers_waiting -= 1
            self._writing = True

    def release(self) -> None:
        """See Admission.release."""
        with self._changed:
            if self._writing:  # it is alone, so whoever leaves is the writer
                self._writing = False
            else:
                self._readers -= 1
            if not self._readers:
                self._changed.notify_all()


CONNECTION, MESSAGE = "connection", "message"


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to serve connections.

    dispatch, admission: made anew for each listener, from N (1 for the modes that take none).
    permits: how many can be in service at once, from N; None where no number limits it.
    counted: written with =N, which is at most `most`. scopes: what can be admitted, the whole connection or
    each message. processes: whether N processes serve, each of which accepts and dispatches by itself.
    """

    dispatch: Callable[[int], Dispatch]
    admission: Callable[[int], Admission]
    permits: Callable[[int], int | None]
    counted: bool = False
    scopes: tuple[str, ...] = (CONNECTION,)
    most: int = 99_999
    processes: bool = False

    @property
    def thread_each(self) -> bool:
        """Whether every connection has a thread of its own."""
        return self.dispatch is _thread_each

    @property
    def coroutines(self) -> bool:
        """Whether sessions are coroutines of one event loop."""
        return self.dispatch is _event_loop


def _thread_each(_: int) -> Dispatch:
    return thread_each


def _one_after_another(_: int) -> Dispatch:
    return one_after_another


def _event_loop(_: int) -> Dispatch:
    from lockstep_server.event_loop import EventLoop  # and with it asyncio, which nobody else needs

    return EventLoop()


def _open(_: int) -> Admission:
    return OpenAdmission()


def _lock(_: int) -> Admission:
    return LockAdmission()


def _rlock(_: int) -> Admission:
    return ReentrantLockAdmission()


def _ticket(_: int) -> Admission:
    return TicketAdmission()


def _unlimited(_: int) -> None:
    return None


def _n(n: int) -> int:
    return n


def _one_if_all_write(n: int) -> int | None:
    return 1 if n == 1 else None


_EITHER = (CONNECTION, MESSAGE)


MODES: dict[str, Mode] = {
    "free": Mode(_thread_each, _open, _unlimited),
    "lock": Mode(_thread_each, _lock, _n, scopes=_EITHER),
    "rlock": Mode(_thread_each, _rlock, _n, scopes=_EITHER),
    "semaphore": Mode(_thread_each, SemaphoreAdmission, _n, counted=True, scopes=_EITHER),
    "condition": Mode(_thread_each, ConditionAdmission, _n, counted=True, scopes=_EITHER),
    "ticket": Mode(_thread_each, _ticket, _n, scopes=_EITHER),
    "rwlock": Mode(_thread_each, ReadWriteAdmission, _one_if_all_write, counted=True, scopes=(MESSAGE,)),
    "queue": Mode(WorkerPool, _open, _n, counted=True),
    "iterative": Mode(_one_after_another, _open, _n),
    "asyncio": Mode(_event_loop, _open, _unlimited),
    "process": Mode(_one_after_another, _open, _n, counted=True, most=1000, processes=True),
}
