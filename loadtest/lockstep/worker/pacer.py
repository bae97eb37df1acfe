"""Hands arrivals to idle users at the moments at which they are due: open load."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Generic, NamedTuple, Protocol, TypeVar

import gevent
from gevent.hub import Waiter

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


# Users whose connections fail at once never let go of the processor; under overload they must now and then.
MAX_IN_A_ROW = 64


class WakeUp(Protocol):
    """What the pacer sleeps on."""

    def wait_until(self, at_ns: int) -> None:
        """Block until the clock has reached at_ns."""


class _IdleUser:
    """A user in `take`: what it waits on, and what it was given."""

    __slots__ = ("iteration", "waiter")

    def __init__(self, waiter: Waiter) -> None:
        self.waiter = waiter
        self.iteration: Iteration | None = None


class Pacer:
    """Gives each arrival of a schedule to the user that has been idle longest, or to the next one to come.

    From `start` to `close`; a user that asks before gets what is due, but is woken by nobody.

    start_ns: the schedule's zero on the clock (monotonic ns). patience_ns: how long an arrival waits for a
    user before it is dropped. alarm: for the pacer alone; whoever made it closes it, after the pacer.

    Once closed, taken and dropped together are all that were due. Cost: a greenlet that is woken for each
    arrival while users are idle, and not at all while none is.
    """

    def __init__(
        self,
        schedule: Schedule,
        start_ns: int,
        patience_ns: int,
        alarm: WakeUp,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._queue: ArrivalQueue[_IdleUser] = ArrivalQueue(schedule, start_ns, patience_ns)
        self._alarm = alarm
        self._clock = clock
        self._hub = gevent.get_hub()
        self._closed = False
        self._in_a_row = 0
        self._parked: Waiter | None = None
        self._greenlet = gevent.Greenlet(self._run)

    def start(self) -> None:
        """Begin to wake users as arrivals are due. Once."""
        self._greenlet.start()

    @property
    def taken(self) -> int:
        """Arrivals that users took."""
        return self._queue.taken

    @property
    def delayed(self) -> int:
        """Of those taken, the ones for which no user was idle when they were due."""
        return self._queue.delayed

    @property
    def dropped(self) -> int:
        """Arrivals that no user took: too old when one came, or left over at the close."""
        return self._queue.dropped

    def take(self) -> int | None:
        """Wait for an arrival of one's own: when it was due, in monotonic ns. None once the pacer is closed.

        May be killed while it waits: the arrival then goes to somebody else.
        """
        if self._in_a_row >= MAX_IN_A_ROW:
            self._in_a_row = 0
            gevent.sleep(0)
        if self._closed:
            return None
        user = _IdleUser(Waiter(self._hub))
        now_ns = self._clock()
        self._queue.join(user, now_ns)
        self._assign(now_ns)
        if user.iteration is None:
            self._wait(user)
        else:
            self._in_a_row += 1
        return None if user.iteration is None else user.iteration.due_ns

    def close(self, now_ns: int) -> None:
        """Send everybody home with None; what was due before now_ns and is not taken is dropped.

        Whoever was idle when an arrival of the last moment was due still gets it: the alarm was only slow.
        """
        if self._closed:
            return
        self._assign(now_ns - 1)
        self._closed = True
        for user in self._queue.close(now_ns):
            self._hub.loop.run_callback(user.waiter.switch, None)
        if self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)

    def _wait(self, user: _IdleUser) -> None:
        self._in_a_row = 0
        parked, self._parked = self._parked, None
        if parked is not None:
            self._hub.loop.run_callback(parked.switch, None)
        try:
            user.waiter.get()
        except BaseException:
            # Killed: either it still stands in line, or it had been given an iteration and was not yet awake.
            if user.iteration is None:
                self._queue.leave(user)
            else:
                self._queue.give_back(user.iteration)
                self._assign(self._clock())
            raise

    def _assign(self, now_ns: int) -> None:
        for user, iteration in self._queue.assign(now_ns):
            user.iteration = iteration
            # For who asks this moment and does not wait yet, the waiter only keeps the value.
            self._hub.loop.run_callback(user.waiter.switch, None)

    def _run(self) -> None:
        try:
            while not self._closed:
                now_ns = self._clock()
                self._assign(now_ns)
                at_ns = self._queue.wake_ns(now_ns)
                if at_ns is None:
                    self._parked = Waiter(self._hub)
                    self._parked.get()
                else:
                    self._alarm.wait_until(at_ns)
        finally:
            # Should the alarm fail, nobody may be left waiting for arrivals that never come.
            self.close(self._clock())
