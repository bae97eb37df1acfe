"""The shipped scenarios: what a user does in one iteration.

Each is a function of a virtual user, so that it runs under Locust and in a plain thread alike, and returns
whether the iteration went well.
A message whose connection could not be opened counts as sent and carries the connect's outcome: nothing goes
missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain, islice, repeat

from lockstep.tcp.many import ScenarioClient
from lockstep.tcp.messages import Message
from lockstep.tcp.samples import ABSENT, ANSWERED, NO_CONNECTION, Meter, Outcome, Phase, Sample
from lockstep.tcp.state import State
from lockstep.traffic import Traffic
from lockstep_wire.greeting import greeting_of

_SCHEDULE_DELAY, _SESSION = Phase.SCHEDULE_DELAY, Phase.SESSION
# Open, and no reply is due: asked before every message, and cheaper so than `connected`.
_IDLE = State.IDLE
_now_ns = time.monotonic_ns
# Multiples of it are spread evenly over any time (Knuth, The Art of Computer Programming, 6.4).
_GOLDEN = 2654435761


class VirtualUser:
    """A user of one cell, as its scenario sees it: a connection, and the messages to send on it.

    client: the connection. ring: the messages to send, round and round.
    traffic: how many to a connection. reply: what a greeting is answered with, None if unchecked.
    may_send: asked before each message whether the cell still runs. number: which user this is, from 1.
    open_load: times run from when an iteration was due, however late it began.
    """

    __slots__ = (
        "_reply",
        "beat_ns",
        "client",
        "may_send",
        "messages",
        "meter",
        "number",
        "open_load",
        "traffic",
    )

    def __init__(
        self,
        client: ScenarioClient,
        meter: Meter,
        traffic: Traffic,
        ring: tuple[Message, ...],
        may_send: Callable[[], bool],
        *,
        reply: str | None = None,
        number: int = 1,
        open_load: bool = False,
    ) -> None:
        self.client = client
        self.meter = meter
        self.traffic = traffic
        self.may_send = may_send
        self.number = number
        self.open_load = open_load
        self._reply = reply
        # When its next heartbeat is due, monotonic nanoseconds.
        self.beat_ns = 0
        # Each user begins at a place of its own in the ring.
        start = number % len(ring)
        self.messages = islice(chain.from_iterable(repeat(ring)), start, None)

    def send_next(self, due_ns: int = ABSENT) -> Outcome:
        """Send the next message and check the reply."""
        return self.client.exchange(next(self.messages), due_ns)

    def post_next(self, due_ns: int = ABSENT) -> Outcome:
        """Send the next message, to which no reply comes."""
        return self.client.post(next(self.messages), due_ns)

    def greet(self, payload: bytes) -> Outcome:
        """Send this greeting and check the reply."""
        expect = payload if self._reply == "echo" else self._reply.encode() if self._reply else None
        return self.client.request(payload, expect).outcome

    def open(self) -> Outcome:
        """Connect; where that fails, book the message that would have come first."""
        start_ns = _now_ns()
        outcome = self.client.connect()
        if outcome is not ANSWERED:
            self._fail(Phase.MESSAGE, outcome, start_ns, NO_CONNECTION)
        return outcome

    def abort(self) -> None:
        """Wake it out of whatever it waits for on its connection."""
        self.client.abort(stopped=True)

    def leave(self) -> None:
        """Close what is still open."""
        self.client.close()

    def begin(self, due_ns: int) -> int:
        """Begin a whole session, and book how late that is: when it began, in monotonic ns."""
        start_ns = _now_ns()
        if due_ns != ABSENT:
            self.meter.step(_SCHEDULE_DELAY, due_ns, start_ns)
        return start_ns

    def end(self, start_ns: int, outcome: Outcome) -> bool:
        """Close, and book the whole session: whether it went well."""
        closed = self.client.close()
        worst = closed if outcome is ANSWERED else outcome
        if worst is not ANSWERED:
            self._fail(Phase.SESSION, worst, start_ns)
            return False
        self.meter.step(_SESSION, start_ns, self.client.free_ns)
        return True

    def _fail(self, phase: Phase, outcome: Outcome, start_ns: int, detail: str = "") -> None:
        # Nothing in a scenario aborts: then it was whoever ends the cell.
        stopped = outcome is Outcome.ABORTED
        self.meter.failure(Sample(phase, outcome, start_ns, _now_ns(), detail=detail, stopped=stopped))


def session(user: VirtualUser, due_ns: int) -> bool:
    """Connect, send the messages one after another, close."""
    start_ns = user.begin(due_ns)
    outcome = user.open()
    message_due_ns = due_ns if user.open_load else ABSENT
    for _ in range(user.traffic.messages):
        if outcome is not ANSWERED or user.client.state is not _IDLE or not user.may_send():
            break
        outcome = user.send_next(message_due_ns)
        message_due_ns = ABSENT
    return user.end(start_ns, outcome)


def greeting(user: VirtualUser, due_ns: int) -> bool:
    """The teaching text's client: connect, greet once by number, take the reply, close."""
    start_ns = user.begin(due_ns)
    outcome = user.open()
    if outcome is ANSWERED:
        outcome = user.greet(greeting_of(user.number))
    return user.end(start_ns, outcome)


def persistent(user: VirtualUser, due_ns: int) -> bool:
    """One message on a connection that stays open; it is opened first, or again, where there is none."""
    client = user.client
    if client.state is _IDLE or user.open() is ANSWERED:
        return client.exchange(next(user.messages), due_ns) is ANSWERED
    return False


def back_to_back(user: VirtualUser, _due_ns: int) -> bool:
    """`persistent` where nobody paces it: message after message, as long as the cell goes on."""
    client = user.client
    if client.state is not _IDLE and user.open() is not ANSWERED:
        return False
    return client.exchange_all(user.messages, user.may_send) is ANSWERED


def pipelined(user: VirtualUser, _due_ns: int) -> bool:
    """Many messages in flight on a connection that stays, as long as the cell goes on."""
    client = user.client
    if client.state is not _IDLE and user.open() is not ANSWERED:
        return False
    return client.keep_in_flight(user.messages, user.traffic.depth, user.may_send) is ANSWERED


def send_only(user: VirtualUser, due_ns: int) -> bool:
    """One message that gets no reply, on a connection that stays: over when the system has taken it."""
    if user.client.state is _IDLE or user.open() is ANSWERED:
        return user.post_next(due_ns) is ANSWERED
    return False


def receive_only(user: VirtualUser, _due_ns: int) -> bool:
    """Take what is pushed on a connection that stays, as long as the cell goes on."""
    client = user.client
    if client.state is not _IDLE and user.open() is not ANSWERED:
        return False
    while user.may_send():
        outcome = client.take_pushes()
        if outcome is not ANSWERED:
            # Who is ended while it waits has lost nothing.
            return outcome is Outcome.ABORTED
    return client.hang_up() is ANSWERED


def with_heartbeats(scenario: Scenario, beat: Message, every_ns: int) -> Scenario:
    """The scenario, and a heartbeat before the first message after so many nanoseconds, on its connection.

    The first of each user comes at a moment of its own within that time: they do not all beat at once.
    """

    def run(user: VirtualUser, due_ns: int) -> bool:
        now_ns = _now_ns()
        if now_ns >= user.beat_ns:
            first = not user.beat_ns
            user.beat_ns = now_ns + (user.number * _GOLDEN % every_ns if first else every_ns)
            if not first and user.client.state is _IDLE and user.client.exchange(beat) is not ANSWERED:
                return False
        return scenario(user, due_ns)

    return run


Scenario = Callable[[VirtualUser, int], bool]
"""One iteration: the user, and when it was due (monotonic ns, ABSENT where nobody can say)."""

SCENARIOS: dict[str, Scenario] = {
    "session": session,
    "greeting": greeting,
    "persistent": persistent,
    "pipelined": pipelined,
    "send-only": send_only,
    "receive-only": receive_only,
}
