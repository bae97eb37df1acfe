"""The table of modes: what each is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lockstep_server.admission import (
    Admission,
    LockAdmission,
    OpenAdmission,
    SemaphoreAdmission,
    TicketAdmission,
)
from lockstep_server.dispatch import Dispatch, WorkerPool, one_after_another, thread_each


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to serve connections.

    dispatch, admission: made anew for each listener, from N (1 for the modes that take none).
    permits: how many can be in service at once, from N; None where nothing limits it.
    counted: written with =N. by_message: a message can be admitted instead of the whole connection.
    """

    dispatch: Callable[[int], Dispatch]
    admission: Callable[[int], Admission]
    permits: Callable[[int], int | None]
    counted: bool = False
    by_message: bool = False

    @property
    def thread_each(self) -> bool:
        """Whether every connection has a thread of its own."""
        return self.dispatch is _thread_each


def _thread_each(_: int) -> Dispatch:
    return thread_each


def _one_after_another(_: int) -> Dispatch:
    return one_after_another


def _open(_: int) -> Admission:
    return OpenAdmission()


def _lock(_: int) -> Admission:
    return LockAdmission()


def _ticket(_: int) -> Admission:
    return TicketAdmission()


def _unlimited(_: int) -> None:
    return None


def _n(n: int) -> int:
    return n


MODES: dict[str, Mode] = {
    "free": Mode(_thread_each, _open, _unlimited),
    "lock": Mode(_thread_each, _lock, _n, by_message=True),
    "semaphore": Mode(_thread_each, SemaphoreAdmission, _n, counted=True, by_message=True),
    "ticket": Mode(_thread_each, _ticket, _n, by_message=True),
    "queue": Mode(WorkerPool, _open, _n, counted=True),
    "iterative": Mode(_one_after_another, _open, _n),
}
