"""Which user gets which arrival, and when: the pacer's decisions, without a clock and without greenlets."""

from __future__ import annotations

from collections import OrderedDict
from heapq import heappop, heappush
from typing import Generic, NamedTuple, TypeVar

from lockstep.worker.arrivals import Schedule

User = TypeVar("User")


class Iteration(NamedTuple):
    """An arrival that a user was given: when it was due (monotonic ns), and whether nobody was idle then."""

    due_ns: int
    delayed: bool


class ArrivalQueue(Generic[User]):
    """First to come, first served: idle users stand in line, arrivals that nobody was free for pend.

    Moments are monotonic nanoseconds. start_ns: the schedule's zero. patience_ns: an arrival that has pended
    longer than this when a user comes is dropped. An arrival is taken or dropped, never both; delayed ones
    are taken too.
    """

    def __init__(self, schedule: Schedule, start_ns: int, patience_ns: int) -> None:
        self.taken = 0
        self.delayed = 0
        self.dropped = 0
        self._schedule = schedule
        self._start_ns = start_ns
        self._patience_ns = patience_ns
        self._closed = False
        # Idle users and since when. A plain dict would look through all that left to find the first.
        self._idle: OrderedDict[User, int] = OrderedDict()
        # When those were due that had been given to a user who could not take them, as a heap. All of them
        # are older than the next of the schedule.
        self._returned_ns: list[int] = []
        self._go_to(0)

    def join(self, user: User, now_ns: int) -> None:
        """A user is idle: it stands at the end of the line."""
        self._idle[user] = now_ns

    def leave(self, user: User) -> None:
        """A user that stands in line is gone."""
        self._idle.pop(user, None)

    def give_back(self, iteration: Iteration) -> None:
        """The user that was given this is gone without it: it pends again, or is dropped after the close."""
        self.taken -= 1
        self.delayed -= iteration.delayed
        if self._closed:
            self.dropped += 1
        else:
            heappush(self._returned_ns, iteration.due_ns)

    def assign(self, now_ns: int) -> list[tuple[User, Iteration]]:
        """Give away whatever is due and somebody stands in line for: who gets what, in order."""
        assigned = []
        while self._idle:
            joined_ns = next(iter(self._idle.values()))
            self._drop_before(joined_ns - self._patience_ns)
            due_ns = self._returned_ns[0] if self._returned_ns else self._next_due_ns
            if due_ns > now_ns:
                break
            if self._returned_ns:
                heappop(self._returned_ns)
            else:
                self._go_to(self._next + 1)
            user, _ = self._idle.popitem(last=False)
            # Delayed is what found no idle user when it was due; who was woken late has a schedule delay.
            iteration = Iteration(due_ns, joined_ns > due_ns)
            self.taken += 1
            self.delayed += iteration.delayed
            assigned.append((user, iteration))
        return assigned

    def wake_ns(self, now_ns: int) -> int | None:
        """After `assign`: when to ask again. None while arrivals pend: the next user to come asks itself."""
        if self._idle or (self._next_due_ns > now_ns and not self._returned_ns):
            return self._next_due_ns
        return None

    def close(self, now_ns: int) -> list[User]:
        """Drop what was due before now_ns and is not taken; the users that still stand in line go home."""
        self._closed = True
        left = self._schedule.count_before(now_ns - self._start_ns) - self._next
        self.dropped += max(left, 0) + len(self._returned_ns)
        self._returned_ns.clear()
        users = list(self._idle)
        self._idle.clear()
        return users

    def _drop_before(self, moment_ns: int) -> None:
        while self._returned_ns and self._returned_ns[0] < moment_ns:
            heappop(self._returned_ns)
            self.dropped += 1
        if self._next_due_ns < moment_ns:
            first_kept = self._schedule.count_before(moment_ns - self._start_ns)
            self.dropped += first_kept - self._next
            self._go_to(first_kept)

    def _go_to(self, k: int) -> None:
        self._next = k
        self._next_due_ns = self._start_ns + self._schedule.due_ns(k)
