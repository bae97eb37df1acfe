"""Closed users and a gate, simulated: what a cell's clients and its server would see."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from tests.factories.units import US, S

# One way over the network, and how long a user takes to its next turn.
HOP_NS = 50 * US
TURN_NS = 80 * US


@dataclass(frozen=True, slots=True)
class Mode:
    """How a server admits. permits: None for no limit. by_message: the gate is held for a message, not for a
    connection. in_order: first come, first served; else any of the waiting is next."""

    permits: int | None
    by_message: bool = False
    in_order: bool = True


MODES = {
    "free": Mode(None),
    "lock": Mode(1, in_order=False),
    "semaphore=3": Mode(3, in_order=False),
    "queue=2": Mode(2),
    "iterative": Mode(1),
    "ticket": Mode(1),
    "lock/message": Mode(1, by_message=True, in_order=False),
}


@dataclass(frozen=True, slots=True)
class Work:
    """level: users. hold_ns: mean service time of a message. spread: how far it varies about that, 0 to 1.

    From 0 to open_ns users begin sessions and messages, `drain_ns` later whoever is busy is aborted.
    """

    mode: Mode
    level: int
    messages: int
    hold_ns: int
    open_ns: int
    drain_ns: int = 3 * S
    spread: float = 0.0


@dataclass(slots=True)
class UserVisit:
    """One connection. start_ns and end_ns as its user saw it; the rest as the server did.

    sent: when each message was sent, and when its reply was there, None where it never came.
    """

    user: int
    start_ns: int
    turn_ns: int
    arrival_ns: int = 0
    admission_ns: int | None = None
    release_ns: int | None = None
    end_ns: int | None = None
    sent: list[tuple[int, int | None, int]] = field(default_factory=list)


class Closed:
    """The simulation. visits: every connection, in the order in which they began."""

    def __init__(self, work: Work, seed: int) -> None:
        self.visits: list[UserVisit] = []
        self._work = work
        self._rng = random.Random(seed)
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._number = count()
        self._now_ns = 0
        self._free = work.mode.permits
        self._line: list[Callable[[], None]] = []

    def run(self) -> list[UserVisit]:
        """All visits, those under way at the end among them: they have no end."""
        for user in range(self._work.level):
            self._at(self._rng.randrange(HOP_NS), self._turn(user, None))
        end_ns = self._work.open_ns + self._work.drain_ns
        while self._events and self._events[0][0] <= end_ns:
            self._now_ns, _, act = heappop(self._events)
            act()
        return self.visits

    def _at(self, after_ns: int, act: Callable[[], None]) -> None:
        heappush(self._events, (self._now_ns + after_ns, next(self._number), act))

    @property
    def _open(self) -> bool:
        return self._now_ns < self._work.open_ns

    def _turn(self, user: int, due_ns: int | None) -> Callable[[], None]:
        def begin() -> None:
            if not self._open:
                return
            visit = UserVisit(user, self._now_ns, self._now_ns if due_ns is None else due_ns)
            self.visits.append(visit)
            self._at(2 * HOP_NS, lambda: self._connected(visit))

        return begin

    def _connected(self, visit: UserVisit) -> None:
        visit.arrival_ns = self._now_ns
        if self._work.mode.by_message:
            visit.admission_ns = self._now_ns
            self._say(visit)
        else:
            # The first message waits with its connection.
            sent_ns = self._now_ns
            self._acquire(lambda: self._admitted(visit, sent_ns))
            visit.sent.append((sent_ns, None, 0))

    def _admitted(self, visit: UserVisit, sent_ns: int) -> None:
        visit.admission_ns = self._now_ns
        self._serve(visit, sent_ns)

    def _say(self, visit: UserVisit) -> None:
        sent_ns = self._now_ns
        visit.sent.append((sent_ns, None, 0))
        if self._work.mode.by_message:
            self._at(HOP_NS, lambda: self._acquire(lambda: self._serve(visit, sent_ns)))
        else:
            self._at(HOP_NS, lambda: self._serve(visit, sent_ns))

    def _serve(self, visit: UserVisit, sent_ns: int) -> None:
        spread = self._work.spread
        hold_ns = round(self._work.hold_ns * self._rng.uniform(1 - spread, 1 + spread))
        wait_ns = self._now_ns - sent_ns

        def served() -> None:
            if self._work.mode.by_message:
                self._release()
            self._at(HOP_NS, lambda: self._replied(visit, sent_ns, wait_ns))

        self._at(hold_ns, served)

    def _replied(self, visit: UserVisit, sent_ns: int, wait_ns: int) -> None:
        visit.sent[-1] = (sent_ns, self._now_ns, wait_ns)
        if self._open and len(visit.sent) < self._work.messages:
            self._say(visit)
        else:
            self._at(HOP_NS, lambda: self._left(visit))

    def _left(self, visit: UserVisit) -> None:
        visit.release_ns = self._now_ns
        if not self._work.mode.by_message:
            self._release()
        self._at(HOP_NS, lambda: self._over(visit))

    def _over(self, visit: UserVisit) -> None:
        visit.end_ns = self._now_ns
        self._at(TURN_NS, self._turn(visit.user, self._now_ns))

    def _acquire(self, act: Callable[[], None]) -> None:
        if self._free is None or self._free > 0:
            self._free = None if self._free is None else self._free - 1
            act()
        else:
            self._line.append(act)

    def _release(self) -> None:
        if self._free is None:
            return
        if not self._line:
            self._free += 1
            return
        self._line.pop(0 if self._work.mode.in_order else self._rng.randrange(len(self._line)))()
