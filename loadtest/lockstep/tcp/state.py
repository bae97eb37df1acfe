"""What a connection is in the midst of: its state, whose replies are still to come, when it did what.

The states as a picture, without abort(), which is possible in each:

    CLOSED -- connect --> CONNECTING -- connected --> IDLE -- finish --> CLOSING -- left --> CLOSED
                                                      |  ^
                                                    sent answered
                                                      v  |
                                                    AWAITING

Beside these, LISTENING is an IDLE in which whatever the peer says is asked for, until the next message is
sent; and shutdown() leads from each of the three to HALF_CLOSED, which the peer ends by closing too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from lockstep.errors import HarnessError
from lockstep.tcp.names import UNCHECKED, name_of
from lockstep.tcp.samples import ABSENT, LOST_WITH_IT, Meter, Outcome, Phase, Reply, Sample

if TYPE_CHECKING:
    from lockstep.runs.connections import ClientView
    from lockstep.tcp.expect import Wanted
    from lockstep.tcp.turns import Signal

# Who never fetches a reply must not fill the memory with the news of it.
MAX_LOST = 10_000

SHUT_DOWN = "shutdown() was called, so nothing more can be sent: receive() until the peer closes, or close()"
STILL_IN_FLIGHT = (
    "request() while earlier messages have no reply yet: call receive() for each of them first; to a message "
    "that gets none say send(..., reply=False)"
)
IN_USE = (
    "two greenlets or threads use one client at the same time: give each a client of its own, or let them "
    "take turns with a lock (gevent.lock.BoundedSemaphore)"
)


class State(StrEnum):
    """Where a connection is in its life."""

    CLOSED = "closed"
    """no socket; the next message opens a connection"""
    CONNECTING = "connecting"
    """an address is waited for, or tried"""
    IDLE = "idle"
    """open, and no reply is due: what comes next is the next message's reply"""
    AWAITING = "awaiting"
    """open, and replies are due"""
    LISTENING = "listening"
    """open, and no reply is due: what comes is what was waited for, and may come again"""
    HALF_CLOSED = "half closed"
    """we have said that we send no more; the peer may go on"""
    CLOSING = "closing"
    """we have said goodbye, the peer has not"""
    ABORTED_CONNECTING = "aborted while connecting"
    """abort() was called, and whoever connects has yet to see it"""
    ABORTED_OPEN = "aborted, not yet closed"
    """abort() was called: whoever waits, or comes next, closes the socket and books what was due"""
    ABORTED = "aborted"
    """no socket, and every message fails until connect()"""


class Event(StrEnum):
    """What changes a connection's state, or might."""

    CONNECT = "connect"
    CONNECTED = "connected"
    SENT = "sent"
    """a message that gets a reply was begun"""
    ANSWERED = "answered"
    """the last reply that was due has come"""
    LISTEN = "listen"
    """what comes unasked is waited for"""
    SHUTDOWN = "shutdown"
    FINISH = "finish"
    LEFT = "left"
    """the socket is closed, whatever the reason"""
    ABORT = "abort"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.CLOSED: {
        Event.CONNECT: State.CONNECTING,
        Event.LEFT: State.CLOSED,
        Event.ABORT: State.ABORTED,
    },
    State.CONNECTING: {
        Event.CONNECTED: State.IDLE,
        Event.LEFT: State.CLOSED,
        Event.ABORT: State.ABORTED_CONNECTING,
    },
    State.IDLE: {
        Event.SENT: State.AWAITING,
        Event.LISTEN: State.LISTENING,
        Event.SHUTDOWN: State.HALF_CLOSED,
        Event.FINISH: State.CLOSING,
        Event.LEFT: State.CLOSED,
        Event.ABORT: State.ABORTED_OPEN,
    },
    State.AWAITING: {
        Event.SENT: State.AWAITING,
        Event.ANSWERED: State.IDLE,
        Event.SHUTDOWN: State.HALF_CLOSED,
        Event.LEFT: State.CLOSED,
        Event.ABORT: State.ABORTED_OPEN,
    },
    State.LISTENING: {
        Event.SENT: State.AWAITING,
        Event.LISTEN: State.LISTENING,
        Event.SHUTDOWN: State.HALF_CLOSED,
        Event.FINISH: State.CLOSING,
        Event.LEFT: State.CLOSED,
        Event.ABORT: State.ABORTED_OPEN,
    },
    State.HALF_CLOSED: {
        Event.ANSWERED: State.HALF_CLOSED,
        Event.LISTEN: State.HALF_CLOSED,
        Event.FINISH: State.CLOSING,
        Event.LEFT: State.CLOSED,
        Event.ABORT: State.ABORTED_OPEN,
    },
    State.CLOSING: {
        Event.LEFT: State.CLOSED,
        Event.ABORT: State.ABORTED_OPEN,
    },
    # After abort() whoever was in a step is let go on to its end: it changes nothing.
    State.ABORTED_CONNECTING: {
        Event.CONNECTED: State.ABORTED_OPEN,
        Event.LEFT: State.ABORTED,
        Event.ABORT: State.ABORTED_CONNECTING,
    },
    State.ABORTED_OPEN: {
        Event.SENT: State.ABORTED_OPEN,
        Event.ANSWERED: State.ABORTED_OPEN,
        Event.LISTEN: State.ABORTED_OPEN,
        Event.SHUTDOWN: State.ABORTED_OPEN,
        Event.FINISH: State.ABORTED_OPEN,
        Event.LEFT: State.ABORTED,
        Event.ABORT: State.ABORTED_OPEN,
    },
    State.ABORTED: {
        Event.CONNECT: State.CONNECTING,
        Event.LEFT: State.ABORTED,
        Event.ABORT: State.ABORTED,
    },
}
"""What follows on what. The rest cannot happen, unless two use one client at the same time."""

OPEN = frozenset({State.IDLE, State.AWAITING, State.LISTENING, State.HALF_CLOSED, State.CLOSING})
# In which a message can be sent.
TALKING = frozenset({State.IDLE, State.AWAITING, State.LISTENING})
# In which whatever the peer says is asked for.
LISTENS = frozenset({State.LISTENING, State.HALF_CLOSED})
OPENING = frozenset({State.CONNECTING, State.ABORTED_CONNECTING})

GIVEN_UP = frozenset({State.ABORTED_CONNECTING, State.ABORTED_OPEN, State.ABORTED})


class Stateful:
    """Has a state that follows the table."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        # Changed by _move alone; an attribute, for it is asked before every message.
        self.state = State.CLOSED

    @property
    def connected(self) -> bool:
        """Whether there is a connection. A peer that has left shows at the next step only."""
        return self.state in OPEN

    @property
    def _aborted(self) -> bool:
        return self.state in GIVEN_UP

    def _move(self, event: Event) -> None:
        """Take the state that follows. HarnessError, and the same state, where this cannot happen now."""
        try:
            # One expression without a call: abort() from another thread cannot come in between.
            self.state = TRANSITIONS[self.state][event]
        except KeyError:
            raise in_use() from None


class InUseError(HarnessError):
    """Somebody begins a step while another is in one; nothing was done."""


def in_use() -> InUseError:
    """What to raise then."""
    return InUseError(IN_USE)


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


@dataclass(slots=True)
class Timestamps:
    """When one connection did what: monotonic nanoseconds, None where it has not happened."""

    connect_start_ns: int
    connected_ns: int | None = None
    first_sent_ns: int | None = None
    first_reply_ns: int | None = None
    close_start_ns: int | None = None
    answered: int = 0
    peer: str | None = None
    # How a step failed after which the connection went on, and how the connection ended.
    refusal: Outcome | None = None
    ended: Outcome | None = None

    def view(self, closed_ns: int, outcome: Outcome, user: str | None) -> ClientView:
        """The connection as the run folder keeps it."""
        # Where nobody keeps connections, nothing of a run folder is needed.
        from lockstep.runs.connections import ClientView

        return ClientView(
            connect_start_ns=self.connect_start_ns,
            connected_ns=self.connected_ns,
            first_sent_ns=self.first_sent_ns,
            first_reply_ns=self.first_reply_ns,
            close_start_ns=self.close_start_ns,
            closed_ns=closed_ns,
            outcome=outcome.value,
            messages=self.answered,
            user=user,
            peer=self.peer,
        )
