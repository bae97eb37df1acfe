"""The table of modes: what each is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lockstep_server.dispatch import Dispatch, WorkerPool, one_after_another, thread_each
from lockstep_server.gates import Gate, LockGate, OpenGate, SemaphoreGate, TicketGate


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to serve connections.

    dispatch, gate: made anew for each listener, from N (1 for the modes that take none).
    permits: how many can be in service at once, from N; None where nothing limits it.
    counted: written with =N. by_message: its gate can be held for each message instead of the connection.
    """

    dispatch: Callable[[int], Dispatch]
    gate: Callable[[int], Gate]
    permits: Callable[[int], int | None]
    counted: bool = False
    by_message: bool = False


def _thread_each(_: int) -> Dispatch:
    return thread_each


def _one_after_another(_: int) -> Dispatch:
    return one_after_another


def _open(_: int) -> Gate:
    return OpenGate()


def _lock(_: int) -> Gate:
    return LockGate()


def _ticket(_: int) -> Gate:
    return TicketGate()


def _unlimited(_: int) -> None:
    return None


def _n(n: int) -> int:
    return n


MODES: dict[str, Mode] = {
    "free": Mode(_thread_each, _open, _unlimited),
    "lock": Mode(_thread_each, _lock, _n, by_message=True),
    "semaphore": Mode(_thread_each, SemaphoreGate, _n, counted=True, by_message=True),
    "ticket": Mode(_thread_each, _ticket, _n, by_message=True),
    "queue": Mode(WorkerPool, _open, _n, counted=True),
    "iterative": Mode(_one_after_another, _open, _n),
}
