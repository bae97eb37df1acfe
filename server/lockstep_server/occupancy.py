"""How many wait and how many are in service: now, at most, and over time. Exact under threads.

Two sums are kept for Little's law, L = X T (J. D. C. Little, 1961): the area under the number in service, and
the stays that made it up. They are the same area, cut upright and lengthwise; once nobody is in service they
are equal to the nanosecond, or somebody was lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Stay(Protocol):
    """Whoever is counted: when it was admitted and released, in monotonic nanoseconds."""

    admission_ns: int | None
    release_ns: int | None


class Turnstile(Protocol):
    """Who counts those who wait and those who are in service."""

    def line_up(self) -> None:
        """One more waits."""

    def give_up(self) -> None:
        """One who waited will never be admitted."""

    def enter(self, stay: Stay) -> int:
        """One who waited is admitted: now, which is noted, and returned."""

    def leave(self, stay: Stay) -> int:
        """One is released: now, which is noted, and returned."""


@dataclass(frozen=True, slots=True)
class Occupied:
    """A snapshot of an Occupancy, taken at at_ns.

    in_service_ns: the integral of the number in service over time up to at_ns, those in service now included.
    released: how many have left. held_ns: the sum of their stays. All three only grow.
    """

    at_ns: int
    waiting: int
    in_service: int
    max_waiting: int
    max_in_service: int
    in_service_ns: int
    released: int
    held_ns: int


class Occupancy:
    """Counts who waits to be admitted and who is in service, and notes when each was admitted and released.

    Enter is to be called as soon as it has admitted, leave just before the permit goes back: then
    in_service never exceeds the permits, and its maximum is the truth. Each call takes one short lock.
    """

    __slots__ = (
        "_balance_ns",
        "_clock_ns",
        "_held_ns",
        "_in_service",
        "_lock",
        "_max_in_service",
        "_max_waiting",
        "_released",
        "_waiting",
    )

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._waiting = self._in_service = self._max_waiting = self._max_in_service = 0
        self._balance_ns = self._released = self._held_ns = 0

    def line_up(self) -> None:
        """See Turnstile.line_up."""
        with self._lock:
            self._waiting += 1
            if self._waiting > self._max_waiting:
                self._max_waiting = self._waiting

    def give_up(self) -> None:
        """See Turnstile.give_up."""
        with self._lock:
            self._waiting -= 1

    def enter(self, stay: Stay, at_ns: int | None = None) -> int:
        """See Turnstile.enter. Now is before our own lock, which is part of the hold; at_ns: where another
        process saw it."""
        stay.admission_ns = admission_ns = self._clock_ns() if at_ns is None else at_ns
        with self._lock:
            self._waiting -= 1
            self._in_service += 1
            self._balance_ns -= admission_ns
            if self._in_service > self._max_in_service:
                self._max_in_service = self._in_service
        return admission_ns

    def leave(self, stay: Stay, at_ns: int | None = None) -> int:
        """See Turnstile.leave. Now is under the lock, so that whoever sees it gone finds when; at_ns as in
        enter."""
        assert stay.admission_ns is not None, "only who entered can leave"
        with self._lock:
            stay.release_ns = release_ns = self._clock_ns() if at_ns is None else at_ns
            self._in_service -= 1
            self._balance_ns += release_ns
            self._released += 1
            self._held_ns += release_ns - stay.admission_ns
        return release_ns

    def reset_peaks(self) -> None:
        """Count the maxima from the present values on."""
        with self._lock:
            self._max_waiting, self._max_in_service = self._waiting, self._in_service

    def snapshot(self) -> Occupied:
        """All numbers of one moment."""
        with self._lock:
            at_ns = self._clock_ns()
            return Occupied(
                at_ns=at_ns,
                waiting=self._waiting,
                in_service=self._in_service,
                max_waiting=self._max_waiting,
                max_in_service=self._max_in_service,
                # Every leave added its moment, every enter took its own away; who is there might leave now.
                in_service_ns=self._balance_ns + self._in_service * at_ns,
                released=self._released,
                held_ns=self._held_ns,
            )
