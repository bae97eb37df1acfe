"""How many wait and how many are in service, now and at most. Exact under threads."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Occupied:
    """A snapshot of an Occupancy."""

    waiting: int
    in_service: int
    max_waiting: int
    max_in_service: int


class Occupancy:
    """Counts the line in front of a gate and those past it.

    Enter is to be called after the gate admitted, leave before the permit goes back: then in_service never
    exceeds the permits, and its maximum is the truth. Each call takes one short lock.
    """

    __slots__ = ("_in_service", "_lock", "_max_in_service", "_max_waiting", "_waiting")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = self._in_service = self._max_waiting = self._max_in_service = 0

    def line_up(self) -> None:
        """One more waits."""
        with self._lock:
            self._waiting += 1
            if self._waiting > self._max_waiting:
                self._max_waiting = self._waiting

    def give_up(self) -> None:
        """One who waited will never be admitted."""
        with self._lock:
            self._waiting -= 1

    def enter(self) -> None:
        """One who waited is admitted."""
        with self._lock:
            self._waiting -= 1
            self._in_service += 1
            if self._in_service > self._max_in_service:
                self._max_in_service = self._in_service

    def leave(self) -> None:
        """One is no longer in service."""
        with self._lock:
            self._in_service -= 1

    def reset_peaks(self) -> None:
        """Count the maxima from the present values on."""
        with self._lock:
            self._max_waiting, self._max_in_service = self._waiting, self._in_service

    def snapshot(self) -> Occupied:
        """All four numbers of one moment."""
        with self._lock:
            return Occupied(self._waiting, self._in_service, self._max_waiting, self._max_in_service)
