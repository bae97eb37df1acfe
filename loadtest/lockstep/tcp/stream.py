"""Messages and their replies over one connection, the long way: sent, received, checked, each booked once.

Replies have no number: which message one belongs to is known by order alone. So after a wrong reply, one
that nobody asked for, or a missed deadline, the stream is no longer understood: the connection is given up at
once, and nothing old answers anything new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypedDict, Unpack

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import AddressBook
from lockstep.tcp.connection import CLOSED_IN_GREETING, Connection
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.link import Link, LinkMaker, check_bound
from lockstep.tcp.messages import Message, Ticket, prepared_for
from lockstep.tcp.replies import (
    RawEnd,
    ReplyBuffer,
    Wanted,
    full_check,
    raw_end,
    reply_buffer,
    timed_check_of,
    whatever,
)
from lockstep.tcp.samples import (
    ABSENT,
    ANSWERED,
    NO_CONNECTION,
    TOO_LATE,
    UNASKED,
    Meter,
    Outcome,
    Phase,
    Reply,
    with_bytes,
)
from lockstep.tcp.state import GIVEN_UP, SHUT_DOWN, TALKING, Event, State, in_use
from lockstep_wire.framing import FrameError, Framing, framing_of

# Looked up once: see ANSWERED.
_FIRST_REPLY, _MESSAGE = Phase.FIRST_REPLY, Phase.MESSAGE
_SENT, _LAST_ANSWERED = Event.SENT, Event.ANSWERED
_CONNECTING = State.CONNECTING
_now_ns = time.monotonic_ns
CUT_SHORT = "{peer} closed before the reply was whole"
HAS_AN_END = "`end` is for raw framing: in {framing} framing every reply has an end of its own"
SENT_WRONGLY = "{peer} sent {what}"
UNFINISHED = "nothing more within {timeout_s:g} s after"
AFTER_ABORT = "abort() was called: connect() again"
OVERDUE = (
    "no reply was fetched within {timeout_s:g} s; to a message that gets none say send(..., reply=False)"
)
# Asking whether something has come unasked takes as long as half a message, for what has come is acknowledged
# first. A peer that always answers twice shows at a connection's first messages; later on those are asked for
# that come after a pause, in which a stray reply could have come, and one of so many others.
OFTEN, SELDOM = 16, 64
PAUSE_NS = 1_000_000


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


# What ends a stream in mid-step.
BROKEN = (FrameError, CutShortError, OSError)


class MessageStream(Connection):
    """A connection that carries messages in a framing, and opens itself when one is to be sent."""

    __slots__ = (
        "_error_in",
        "_framing",
        "_header",
        "_max_frame",
        "_prepared",
        "_timed_check",
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
        # Where no times come, a reply is right by its bytes alone.
        self._timed_check = timed_check_of(self._framing) if timing else None
        self._error_in = self._framing.error_in
        self._prepared = prepared_for(self._framing, timing)

    def _send(self, message: Message, due_ns: int) -> Outcome:
        outcome = self._get_ready(_MESSAGE, message.tag)
        if outcome is not ANSWERED:
            return outcome
        link = self._need_link()
        self._begin_message(message, _now_ns(), due_ns)
        try:
            link.send(message.frame)
        except OSError as error:
            return self._fail(error).outcome
        except BaseException as error:
            self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise
        return ANSWERED

    def _begin_message(
        self, message: Message, sent_ns: int, due_ns: int = ABSENT, ticket: Ticket | None = None
    ) -> None:
        """A message that gets a reply is under way from now on. sent_ns: when its first byte is written."""
        if self._timestamps.first_sent_ns is None:
            self._timestamps.first_sent_ns = sent_ns
        self._move(_SENT)
        self._in_flight.add(due_ns, sent_ns, len(message.frame), message.tag, ticket)

    def _send_only(self, message: Message) -> Outcome:
        frame, tag = message.frame, message.tag
        if self._link is not None and self._link.waiting and self.state in TALKING:
            return self._send_beside(self._link, message)
        outcome = self._get_ready(Phase.SEND, tag)
        if outcome is not ANSWERED:
            return outcome
        link = self._need_link()
        start_ns = _now_ns()
        try:
            link.send(frame)
        except OSError as error:
            return self._lose(Phase.SEND, start_ns, *self._explain(error), sent=len(frame), tag=tag)
        except BaseException as error:
            self._break_off(error, Phase.SEND, start_ns)
            raise
        self.free_ns = end_ns = _now_ns()
        self._meter.step(Phase.SEND, start_ns, end_ns)
        return ANSWERED

    def _send_beside(self, link: Link, message: Message) -> Outcome:
        """The same while another greenlet waits for what the peer says."""
        frame, start_ns = message.frame, _now_ns()
        try:
            link.send_beside(frame)
        except OSError as error:
            failed = self._explain(error)
            sample = self._failure(Phase.SEND, start_ns, *failed, sent=len(frame), tag=message.tag)
            # Half a frame may be written. Whoever waits is woken, and gives the connection up.
            link.abort()
            self._meter.failure(sample)
            return failed[0]
        self._meter.step(Phase.SEND, start_ns, _now_ns())
        return ANSWERED

    def _get_ready(self, phase: Phase, tag: int) -> Outcome:
        """Whether a message can be sent now; opens a connection where there is none.

        What stands in the way is booked as the message's own failure, so that nobody's message vanishes.
        """
        start_ns = _now_ns()
        link, state = self._link, self.state
        if state in GIVEN_UP:
            return self._refuse_aborted(phase, start_ns, tag)
        if state is _CONNECTING:
            raise in_use()
        if link is not None:
            if state is State.HALF_CLOSED and phase is not Phase.RECEIVE:
                link.begin()
                raise HarnessError(SHUT_DOWN)
            try:
                unasked = self._unasked_before(phase, link, start_ns)
            except OSError as error:
                return self._unsent(phase, start_ns, *self._explain(error), tag=tag)
            if unasked:
                return self._refuse(phase, unasked, tag)
            if self._timeout_s is not None and self._in_flight.older_than(
                start_ns - round(self._timeout_s * 1e9)
            ):
                self._lose_all(Outcome.TIMEOUT, OVERDUE.format(timeout_s=self._timeout_s))
        return ANSWERED if self._link is not None else self._open_for(phase, start_ns, tag)

    def _open_for(self, phase: Phase, start_ns: int, tag: int) -> Outcome:
        """Open a connection for what wants one; where there is none that fails with it."""
        # What comes after a step of on_connect() that has lost the connection is lost with it.
        ended = None if self._greeter is None else self._timestamps.ended
        if ended is ANSWERED:
            raise HarnessError(CLOSED_IN_GREETING)
        try:
            outcome = self._open() if ended is None else ended
        except HarnessError:
            raise
        except Exception:
            # In the user's own on_connect(): what wanted the connection must not vanish.
            self._unsent(phase, start_ns, Outcome.ABORTED, NO_CONNECTION, tag=tag)
            raise
        if outcome is not ANSWERED:
            reason = self._why_aborted if self._aborted else NO_CONNECTION
            return self._unsent(phase, start_ns, outcome, reason, tag=tag)
        return ANSWERED

    def _refuse_aborted(self, phase: Phase, start_ns: int, tag: int) -> Outcome:
        """Send nothing after abort(), until connect(); what is left of the connection is closed."""
        if self._link is not None and not self._link.waiting:
            self._close()
        if phase is _MESSAGE:
            self._in_flight.lose(Outcome.ABORTED)
        self._meter.failure(self._failure(phase, start_ns, Outcome.ABORTED, AFTER_ABORT, tag=tag))
        return Outcome.ABORTED

    def _unasked_before(self, phase: Phase, link: Link, now_ns: int) -> bytes:
        """What has come that nobody asked for, where it could be taken for this message's reply."""
        listening = self.state is State.LISTENING
        if phase is Phase.RECEIVE or (listening and phase is Phase.SEND):
            link.begin()
            return b""
        if listening and self._replies is not None and not self._replies.empty:
            link.begin()
            return self._replies.held
        if listening or self._is_to_ask(now_ns):
            return self._unasked(link)
        link.begin()
        return b""

    def _is_to_ask(self, now_ns: int) -> bool:
        """Whether to ask before this message if something has come unasked: see OFTEN."""
        answered = self._timestamps.answered
        return answered < OFTEN or not answered % SELDOM or now_ns - self.free_ns > PAUSE_NS

    def _unasked(self, link: Link) -> bytes:
        """What has come although nothing is in flight; a step begins."""
        link.begin()
        return b"" if self._in_flight else link.unread()

    def _refuse(self, phase: Phase, unasked: bytes, tag: int) -> Outcome:
        """Send nothing on a connection whose stream is not understood."""
        detail = with_bytes(UNASKED, unasked)
        return self._unsent(phase, _now_ns(), Outcome.MISMATCH, detail, tag=tag, received=len(unasked))

    def _unsent(
        self, phase: Phase, start_ns: int, outcome: Outcome, detail: str, *, tag: int, received: int = 0
    ) -> Outcome:
        """A message fails before a byte of it was written."""
        if phase is _MESSAGE:
            self._in_flight.lose(outcome)
        return self._lose(phase, start_ns, outcome, detail, received=received, tag=tag)

    @contextmanager
    def _within(self, timeout_s: float | None) -> Iterator[None]:
        """Steps have another bound meanwhile; the usual one where it is None."""
        if timeout_s is None:
            yield
            return
        check_bound("timeout", timeout_s)
        usual_s = self._timeout_s
        self.timeout_s = timeout_s
        try:
            yield
        finally:
            self.timeout_s = usual_s

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
        except BROKEN as error:
            return self._broken(error)
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

    def _broken(self, error: OSError | FrameError | CutShortError) -> Reply:
        """The stream has failed while messages were in flight: the oldest one's reply."""
        if isinstance(error, FrameError):
            reason = SENT_WRONGLY.format(peer=self.address, what=error)
            return self._wrong(Outcome.MISMATCH, with_bytes(reason, error.data), error.data)
        if isinstance(error, OSError):
            return self._fail(error)
        if self._aborted:
            return self._wrong(Outcome.ABORTED, self._why_aborted, None)
        held, reason = self._held_replies().held, CUT_SHORT.format(peer=self.address)
        return self._wrong(Outcome.SHORT, with_bytes(reason, held), held, Outcome.SHORT)

    def _fail(self, error: OSError) -> Reply:
        """The link has failed while messages were in flight."""
        held = b"" if self._replies is None else self._replies.held
        outcome, reason = self._explain(error, UNFINISHED if held else self._too_late)
        others = Outcome.ABORTED if outcome is Outcome.TIMEOUT else outcome
        return self._wrong(outcome, with_bytes(reason, held), held, others)

    @property
    def _too_late(self) -> str:
        """What to say of a reply that has not come in time."""
        return TOO_LATE

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
