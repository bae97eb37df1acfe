"""Messages made ready, and those whose replies are still to come. Never sees a socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lockstep.errors import HarnessError
from lockstep.tcp.replies import Wanted, as_bytes, complains, wanted
from lockstep.tcp.samples import (
    ABSENT,
    ANSWERED,
    LOST_WITH_IT,
    UNCHECKED,
    Meter,
    Outcome,
    Phase,
    Reply,
    Sample,
    name_of,
    tag_of,
)
from lockstep_wire.framing import Framing

if TYPE_CHECKING:
    from lockstep.tcp.state import Signal

# A ring of so many messages is made ready, or as few as fit this many bytes: neighbours always differ.
RING = 256
RING_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Message:
    """A message made ready to be sent, and what its reply is to be.

    payload: and its frame, in bytes. expect: the reply's payload, or what is asked of it; None if unchecked.
    reply: what must come over the socket, but for a timing header; None where that cannot be said beforehand.
    distinct: whether the reply to the message before it looks otherwise, so that it cannot pass for this one.
    tag: what its row carries, see samples.tag_of. answer: what whoever asks is told of a right reply, without
    times; None where `reply` is.
    """

    payload: bytes
    frame: bytes
    expect: Wanted
    reply: bytes | None
    distinct: bool = False
    tag: int = UNCHECKED
    answer: Reply | None = None


def prepare(
    framing: Framing,
    payload: bytes,
    expect: Wanted,
    timing: bool,
    distinct: bool = False,
    name: str | None = None,
) -> Message:
    """A message ready to be sent. ValueError where the framing cannot carry the payload."""
    reply = answer = None
    if isinstance(expect, bytes):
        # With a timing header the fast check finds the payload behind it.
        reply = expect if timing else framing.frame_of(expect) or None
        answer = None if reply is None else Reply(ANSWERED, expect)
    checked = expect is not None or complains(framing)
    tag = tag_of(name, checked=checked)
    return Message(payload, framing.encode(payload), expect, reply, distinct, tag, answer)


class Prepared(dict[tuple[object, object, str | None], Message]):
    """Messages of one framing by payload, expectation and name, made ready once and kept while they are few.

    Whoever sends the same again and again pays for framing and checking it once.
    """

    def __init__(self, framing: Framing, timing: bool) -> None:
        super().__init__()
        self._framing, self._timing = framing, timing
        self._bytes = 0

    def __missing__(self, key: tuple[object, object, str | None]) -> Message:
        """HarnessError where the framing cannot carry it, or what is expected makes no sense."""
        message = self[key] = self._make(*key)
        self._bytes += len(message.frame) + len(message.reply or b"")
        if len(self) > RING or self._bytes > RING_BYTES:
            self.clear()
            self._bytes = 0
        return message

    def ready(self, payload: object, expect: object, name: str | None) -> Message:
        """The same, also of what cannot be a key: a bytearray, or a callable object of some kinds."""
        try:
            return self[payload, expect, name]
        except TypeError:
            return self._make(payload, expect, name)

    def _make(self, payload: object, expect: object, name: str | None) -> Message:
        data = as_bytes("the payload", payload)
        try:
            return prepare(self._framing, data, wanted(expect), self._timing, name=name)
        except ValueError as error:
            raise HarnessError(str(error)) from error


def prepared_for(framing: Framing, timing: bool) -> Prepared:
    """What all connections of a process with this framing have in common."""
    key: Any = framing
    try:
        return _shared(key, timing)
    except TypeError:
        # A user's own, which has no hash: each connection has one for itself.
        return Prepared(framing, timing)


@lru_cache(maxsize=64)
def _shared(framing: Any, timing: bool) -> Prepared:
    return Prepared(framing, timing)


# Who never fetches a reply must not fill the memory with the news of it.
MAX_LOST = 10_000


class Ticket:
    """Who waits for one reply among several who do. key: what the reply carries. reply: set once it is known.

    signal: wakes who waits.
    """

    __slots__ = ("expect", "key", "reply", "signal")

    def __init__(self, key: Hashable, expect: Wanted, signal: Signal) -> None:
        self.key = key
        self.expect = expect
        self.signal = signal
        self.reply: Reply | None = None

    def settle(self, reply: Reply) -> None:
        """Tell who waits."""
        self.reply = reply
        self.signal.set()


class _Sent(NamedTuple):
    due_ns: int
    sent_ns: int
    sent_bytes: int
    tag: int
    ticket: Ticket | None = None


class InFlight:
    """Messages without a reply yet, oldest first: replies come in their order.

    Those that failed are kept too until whoever fetches replies one by one asks for them: they have their
    turn before whatever was sent later, also on another connection.
    """

    __slots__ = ("_lost", "_meter", "_sent", "received")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        # Made when first needed: an empty deque takes as much as the rest of a connection.
        self._sent: deque[_Sent] | tuple[()] = ()
        # Bytes that came since the last booking: they belong to the oldest.
        self.received = 0
        self._lost: deque[Outcome] | tuple[()] = ()

    def __len__(self) -> int:
        return len(self._sent)

    def tell(self, meter: Meter) -> None:
        """From now on, tell this one."""
        self._meter = meter

    def add(self, due_ns: int, sent_ns: int, sent_bytes: int, tag: int, ticket: Ticket | None = None) -> None:
        """A message was written, or at least begun. due_ns: ABSENT where nobody said."""
        if isinstance(self._sent, tuple):
            self._sent = deque()
        self._sent.append(_Sent(due_ns, sent_ns, sent_bytes, tag, ticket))

    @property
    def tickets(self) -> list[Ticket]:
        """Of those that somebody waits for, oldest first."""
        return [sent.ticket for sent in self._sent if sent.ticket is not None]

    def bring_forward(self, ticket: Ticket) -> None:
        """What happens next to the oldest happens to this one."""
        if isinstance(self._sent, deque):
            (sent,) = (each for each in self._sent if each.ticket is ticket)
            self._sent.remove(sent)
            self._sent.appendleft(sent)

    def answered(self, end_ns: int, reply: Reply, checked: bool) -> int:
        """The oldest has its reply, which was looked at or not; when it was sent is returned."""
        due_ns, sent_ns, sent_bytes, tag, ticket = self._oldest()
        received, self.received = self.received, 0
        wait_ns = ABSENT if reply.wait_ns is None else reply.wait_ns
        service_ns = ABSENT if reply.service_ns is None else reply.service_ns
        tag = tag & ~UNCHECKED if checked else tag
        row = (due_ns, sent_ns, end_ns, wait_ns, service_ns, sent_bytes, received, tag)
        if ticket is not None:
            ticket.settle(reply)
        self._meter.message(row, reply)
        return sent_ns

    def older_than(self, moment_ns: int) -> bool:
        """Whether one of them was sent before this."""
        return not isinstance(self._sent, tuple) and bool(self._sent) and self._sent[0].sent_ns < moment_ns

    def failed(
        self, outcome: Outcome, detail: str, end_ns: int, stopped: bool, payload: bytes | None = None
    ) -> None:
        """The oldest will never have its reply, or had a wrong one. payload: as far as that came."""
        _, sent_ns, sent_bytes, tag, ticket = self._oldest()
        received, self.received = self.received, 0
        if ticket is None:
            self.lose(outcome)
        else:
            ticket.settle(Reply(outcome, payload or None))
        self._meter.failure(
            Sample(
                Phase.MESSAGE,
                outcome,
                sent_ns,
                end_ns,
                sent_bytes=sent_bytes,
                received_bytes=received,
                detail=detail,
                stopped=stopped,
                name=name_of(tag),
                reply=Reply(outcome, payload or None),
            )
        )

    def lost(
        self,
        outcome: Outcome,
        detail: str,
        end_ns: int,
        stopped: bool,
        others: Outcome | None,
        payload: bytes | None = None,
    ) -> None:
        """The oldest has failed, and the rest is lost with it.

        others: how the rest has failed; None where all failed alike, and for the same reason. payload: what
        came of the oldest's reply.
        """
        try:
            if self._sent:
                self.failed(outcome, detail, end_ns, stopped, payload)
        finally:
            self.all_failed(others or outcome, LOST_WITH_IT if others else detail, end_ns, stopped)

    def all_failed(self, outcome: Outcome, detail: str, end_ns: int, stopped: bool) -> None:
        """None of them will have its reply. Each is booked, whatever the one before has raised."""
        raised: BaseException | None = None
        while self._sent:
            try:
                self.failed(outcome, detail, end_ns, stopped)
            except BaseException as error:  # noqa: BLE001 - raised again, once all are booked
                raised = raised or error
        if raised is not None:
            raise raised

    def forget(self) -> None:
        """Begin with a new connection."""
        self._sent = ()
        self.received = 0

    def lose(self, outcome: Outcome) -> None:
        """One has failed, and nobody has asked for it yet."""
        if isinstance(self._lost, tuple):
            self._lost = deque(maxlen=MAX_LOST)
        self._lost.append(outcome)

    def next_lost(self) -> Outcome | None:
        """How the oldest of these failed; it is then no longer kept. None where there is none."""
        return self._lost.popleft() if self._lost else None

    def forget_lost(self) -> None:
        """Whoever sent them knows, or asks for something else now."""
        self._lost = ()

    def _oldest(self) -> _Sent:
        assert not isinstance(self._sent, tuple), "a reply to be booked, and no message sent"
        return self._sent.popleft()
