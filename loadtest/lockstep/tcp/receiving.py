"""Replies as a connection takes them in: received, checked, each booked once; the long way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypedDict, Unpack

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import AddressBook
from lockstep.tcp.connection import Connection
from lockstep.tcp.endings import RawEnd, raw_end, whatever
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.expect import Wanted
from lockstep.tcp.link import Link, LinkMaker
from lockstep.tcp.messages import prepared_for
from lockstep.tcp.replies import ReplyBuffer, fast_check_of, full_check, reply_buffer
from lockstep.tcp.samples import (
    ANSWERED,
    STOPPED,
    TOO_LATE,
    UNASKED,
    Meter,
    Outcome,
    Phase,
    Reply,
    with_bytes,
)
from lockstep.tcp.state import Event, State
from lockstep_wire.framing import Framing, framing_of
from lockstep_wire.peer import FrameError

# Looked up once: see ANSWERED.
_FIRST_REPLY = Phase.FIRST_REPLY
_LAST_ANSWERED = Event.ANSWERED
_now_ns = time.monotonic_ns
CUT_SHORT = "{peer} closed before the reply was whole"
HAS_AN_END = "`end` is for raw framing: in {framing} framing every reply has an end of its own"
SENT_WRONGLY = "{peer} sent {what}"
UNFINISHED = "nothing more within {timeout_s:g} s after"


class ConnectionSettings(TypedDict, total=False):
    """What else may be said of a connection: as Connection's own parameters."""

    timeout_s: float | None
    close_timeout_s: float | None
    link: LinkMaker
    source: str | None
    user: str | None
    patient: bool
    addresses: AddressBook
    sleep: Callable[[float], None]


class StreamSettings(ConnectionSettings, total=False):
    """The same of a stream of messages."""

    framing: str | Framing
    timing: bool
    max_frame: int


class CutShortError(Exception):
    """The peer closed while a reply was due."""


class Receiving(Connection):
    """A connection whose replies come in a framing."""

    __slots__ = (
        "_error_in",
        "_fast_check",
        "_framing",
        "_header",
        "_max_frame",
        "_prepared",
        "_timing",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        meter: Meter,
        *,
        framing: str | Framing = "raw",
        timing: bool = False,
        max_frame: int = 1 << 20,
        **settings: Unpack[ConnectionSettings],
    ) -> None:
        """See Connection.

        framing: a framing, or its name. timing: the server puts wait and service time before its replies.
        max_frame: of a reply's payload, in bytes; a longer one is a MISMATCH.
        """
        super().__init__(endpoint, meter, **settings)
        self._framing: Framing = framing_of(framing)
        self._timing = self._framing.timing if timing else None
        self._header = self._timing.size if self._timing else 0
        self._max_frame = max_frame + self._header
        self._fast_check = fast_check_of(self._framing, timing)
        self._error_in = self._framing.error_in
        self._prepared = prepared_for(self._framing, timing)

    def _next_reply(self, expect: Wanted, rule: RawEnd, data: bytes | None = None, frames: int = 1) -> Reply:
        """Receive the oldest message's reply, check and book it.

        data: what has been received of it. frames: how many are the reply; an error is one, and the last.
        """
        link = self._need_link()
        replies = self._held_replies()
        try:
            if data is not None:
                self._take_in(data)
            payloads = self._take_frames(link, replies, rule, frames)
        except FrameError as error:
            reason = SENT_WRONGLY.format(peer=self.address, what=error)
            return self._wrong(Outcome.MISMATCH, with_bytes(reason, error.data), error.data)
        except CutShortError:
            if self._aborted:
                return self._wrong(Outcome.ABORTED, STOPPED, None)
            held, reason = replies.held, CUT_SHORT.format(peer=self.address)
            return self._wrong(Outcome.SHORT, with_bytes(reason, held), held, Outcome.SHORT)
        except OSError as error:
            return self._fail(error)
        except Exception as error:
            # In the user's own idea of where a reply ends.
            self._wrong(Outcome.ABORTED, f"{type(error).__name__}: {error}", None)
            raise
        except BaseException as error:
            self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise
        if frames == 1:
            return self._book(payloads[0], expect, replies)
        reply = self._book(b"".join(payloads), expect, replies)
        return reply._replace(payloads=tuple(payloads))

    def _take_frames(self, link: Link, replies: ReplyBuffer, rule: RawEnd, frames: int) -> list[bytes]:
        """So many of them, received where need be; fewer where one is an error."""
        payloads: list[bytes] = []
        while len(payloads) < frames:
            while (payload := replies.take(rule)) is None:
                self._take_in(link.receive())
            payloads.append(payload)
            if frames > 1 and self._error_in(payload) is not None:
                break
        return payloads

    def _take_in(self, data: bytes) -> None:
        if not data:
            raise CutShortError
        self._in_flight.received += len(data)
        self._held_replies().feed(data)

    def _book(self, payload: bytes, expect: Wanted, replies: ReplyBuffer) -> Reply:
        """Check a whole reply and tell of it."""
        self.free_ns = end_ns = _now_ns()
        try:
            checked = full_check(payload, expect, self._timing, self._error_in)
        except Exception as error:
            # In the user's own idea of what a reply is to be.
            self._wrong(Outcome.ABORTED, f"{type(error).__name__}: {error}", payload)
            raise
        outcome, timestamps, in_flight = checked.outcome, self._timestamps, self._in_flight
        first = timestamps.first_reply_ns is None
        if first:
            timestamps.first_reply_ns = end_ns
        if outcome is Outcome.MISMATCH:
            return self._wrong(outcome, checked.detail, checked.payload)
        if len(in_flight) == 1:
            if self._spoiled(replies):
                held = replies.held
                return self._wrong(Outcome.MISMATCH, with_bytes(UNASKED, held), checked.payload)
            self._move(_LAST_ANSWERED)
        if outcome is not ANSWERED:
            timestamps.refusal = outcome
            in_flight.failed(outcome, checked.detail, end_ns, self._stopped, checked.payload)
            return Reply(outcome, checked.payload, checked.wait_ns, checked.service_ns)
        timestamps.answered += 1
        reply = Reply(outcome, checked.payload, checked.wait_ns, checked.service_ns)
        sent_ns = in_flight.answered(end_ns, reply, expect is not None)
        if first:
            self._meter.step(_FIRST_REPLY, sent_ns, end_ns)
        return reply

    def _spoiled(self, replies: ReplyBuffer) -> bool:
        """Whether there is more behind the last reply that was due, and nobody asks for it."""
        return not replies.empty and self.state is not State.HALF_CLOSED

    def _fail(self, error: OSError) -> Reply:
        """The link has failed while messages were in flight."""
        held = b"" if self._replies is None else self._replies.held
        outcome, reason = self._explain(error, UNFINISHED if held else TOO_LATE)
        others = Outcome.ABORTED if outcome is Outcome.TIMEOUT else outcome
        return self._wrong(outcome, with_bytes(reason, held), held, others)

    def _wrong(
        self, outcome: Outcome, detail: str, payload: bytes | None, others: Outcome = Outcome.ABORTED
    ) -> Reply:
        """The oldest message has failed, and the others are lost with it."""
        self._lose_all(outcome, detail, others, payload)
        return Reply(outcome, payload or None)

    def _held_replies(self) -> ReplyBuffer:
        if self._replies is None:
            self._replies = reply_buffer(self._framing, self._max_frame)
        return self._replies

    def _rule(self, expect: Wanted, end: RawEnd | None) -> RawEnd:
        """Where the next reply ends. HarnessError where what is asked for makes no sense."""
        if not self._framing.cuts:
            return raw_end(expect, end, self._header)
        if end is not None:
            raise HarnessError(HAS_AN_END.format(framing=self._framing.name))
        return whatever

    def _need_link(self) -> Link:
        assert self._link is not None, "no connection"
        return self._link
