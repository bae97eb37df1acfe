"""What a connection is in the midst of: its state, when it did what, and whose turn it is.

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

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from lockstep.errors import HarnessError
from lockstep.tcp.samples import Outcome

if TYPE_CHECKING:
    from lockstep.runs.connections import ClientView

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


NOT_IN_TIME = (
    "another greenlet has used this connection for {timeout_s:g} s: where replies carry an id say so "
    "(match = by_id(...)), or give each greenlet a client of its own"
)


class Signal(Protocol):
    """What one greenlet waits for and another one sets: gevent's Event."""

    def set(self) -> None:
        """Wake who waits, now or later."""

    def clear(self) -> None:
        """Forget that it was set."""

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it was set, within so many seconds."""


class Line:
    """Who waits for a client that another one uses. True where somebody does.

    Whoever uses it calls next_one() once it is through, and waits itself where somebody is in the line.
    """

    __slots__ = ("_new_signal", "_waiting")

    def __init__(self, new_signal: Callable[[], Signal]) -> None:
        self._new_signal = new_signal
        self._waiting: deque[Signal] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def wait(self, timeout_s: float | None) -> None:
        """Until it is this one's turn. HarnessError where it is not within timeout_s seconds."""
        signal = self._new_signal()
        self._waiting.append(signal)
        called = False
        try:
            called = signal.wait(timeout_s)
            if not called:
                raise HarnessError(NOT_IN_TIME.format(timeout_s=timeout_s))
        finally:
            self._waiting.remove(signal)
            if not called:
                # It may have been called as it gave up.
                self.next_one()

    def next_one(self) -> None:
        """The client is free: whoever waits longest goes on."""
        if self._waiting:
            self._waiting[0].set()


def left_s(until_ns: int | None) -> float | None:
    """How many seconds are left; 0 where none are, None where there is no end."""
    return None if until_ns is None else max(until_ns - time.monotonic_ns(), 0) / 1e9
