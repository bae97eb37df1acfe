"""Messages over one TCP connection, from the client's side: every one timed, every failure named.

Knows no Locust. A failed exchange is data: methods return an Outcome or a Reply and tell the meter; they
raise only where the harness itself is at fault, or misused (HarnessError), or is being torn down.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Unpack

from lockstep.errors import HarnessError
from lockstep.tcp import failures
from lockstep.tcp.connection import Connection, ConnectionSettings
from lockstep.tcp.failures import CutShortError, as_bytes, with_bytes
from lockstep.tcp.link import Link
from lockstep.tcp.replies import RawEnd, ReplyBuffer, get_glance, inspect, raw_end, reply_buffer
from lockstep.tcp.samples import ABSENT, ANSWERED, Meter, Outcome, Phase, Reply
from lockstep.tcp.state import GIVEN_UP, Event, State, in_use
from lockstep_wire.framing import Framing, get_framing
from lockstep_wire.peer import FrameTooLong

if TYPE_CHECKING:
    from lockstep.tcp.messages import Message

# Looked up once: see ANSWERED.
_FIRST_REPLY, _MESSAGE = Phase.FIRST_REPLY, Phase.MESSAGE
_IDLE, _AWAITING, _CONNECTING = State.IDLE, State.AWAITING, State.CONNECTING
_SENT, _LAST_ANSWERED = Event.SENT, Event.ANSWERED
_now_ns = time.monotonic_ns


class TcpClient(Connection):
    """Sends messages and takes their replies, in order; opens a connection where there is none.

    A reply that is not what was asked for, bytes that nobody asked for, a missed deadline: the stream is no
    longer understood, and the connection is given up at once, so that nothing old answers anything new.

    framing: `raw`, `line` or `length`. timing: the server puts wait and service time before its replies.
    max_frame: the greatest reply's payload, in bytes. The others: as for Connection.
    """

    __slots__ = ("_framing", "_glance", "_header", "_max_frame", "_timing")

    def __init__(
        self,
        host: str,
        port: int,
        meter: Meter,
        *,
        framing: str = "raw",
        timing: bool = False,
        max_frame: int = 1 << 20,
        **settings: Unpack[ConnectionSettings],
    ) -> None:
        super().__init__(host, port, meter, **settings)
        self._framing: Framing = get_framing(framing)
        self._timing = self._framing.timing if timing else None
        self._header = self._timing.size if self._timing else 0
        self._glance = get_glance(self._framing, timing)
        self._max_frame = max_frame + self._header

    def request(self, payload: bytes, expect: bytes | None = None, *, end: RawEnd | None = None) -> Reply:
        """Send one message and wait for its reply; with `expect` the reply's bytes are checked.

        end: where a raw reply ends (`sized`, `until`). With raw framing and neither, whatever one receive
        brings is the reply.
        """
        if expect is not None:
            expect = as_bytes("what is expected", expect)
        rule = self._rule(expect, end)
        return self._exchange(self._frame(payload), ABSENT, expect, rule)

    def exchange(self, message: Message, due_ns: int = ABSENT) -> Outcome:
        """As `request`, for a message that was made ready: the short way, taken 100,000 times a second.

        due_ns: when it should have been sent, monotonic nanoseconds; ABSENT where nobody can say.
        """
        link, wanted = self._link, message.reply
        if self.state is not _IDLE or link is None or wanted is None:
            rule = self._rule(message.expect, None)
            return self._exchange(message.frame, due_ns, message.expect, rule).outcome
        sent_ns = _now_ns()
        try:
            if not message.distinct and (unasked := self._unasked(link)):
                return self._told(Reply(self._refuse(_MESSAGE, unasked))).outcome
            link.send(message.frame)
            data = link.receive()
        except OSError as error:
            self._in_flight.add(due_ns, sent_ns, len(message.frame))
            return self._told(self._fail(error)).outcome
        except HarnessError:
            raise
        except BaseException as error:
            self._in_flight.add(due_ns, sent_ns, len(message.frame))
            self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise
        self.free_ns = end_ns = _now_ns()
        told = self._glance(data, wanted)
        if told is None:
            return self._look_closer(message, due_ns, sent_ns, data)
        wait_ns, service_ns = told
        row = (due_ns, sent_ns, end_ns, wait_ns, service_ns, len(message.frame), len(data))
        self._meter.message(row)
        timestamps = self._timestamps
        timestamps.answered += 1
        if timestamps.first_reply_ns is None:
            timestamps.first_sent_ns, timestamps.first_reply_ns = sent_ns, end_ns
            self._meter.step(_FIRST_REPLY, sent_ns, end_ns)
        return ANSWERED

    def _look_closer(self, message: Message, due_ns: int, sent_ns: int, data: bytes) -> Outcome:
        """What came is not, at a glance, the reply that was hoped for: it may be a part of it, or wrong."""
        if self._timestamps.first_sent_ns is None:
            self._timestamps.first_sent_ns = sent_ns
        self._move(_SENT)
        self._in_flight.add(due_ns, sent_ns, len(message.frame))
        return self._told(self._next_reply(message.expect, self._rule(message.expect, None), data)).outcome

    def send(self, payload: bytes, *, reply: bool = True) -> Outcome:
        """Write one message without waiting for its reply.

        Its time runs from here until `receive` has the reply. reply: False for a message that gets none: it
        is counted as a `send` once it is written, and no reply is ever taken for its own.
        """
        frame = self._frame(payload)
        return self._send(frame, ABSENT) if reply else self._send_only(frame)

    def receive(self, expect: bytes | None = None, *, end: RawEnd | None = None) -> Reply:
        """Wait for the reply to the oldest message that has none yet; expect, end: as for `request`.

        Where that message is lost already, it is told how.
        """
        if expect is not None:
            expect = as_bytes("what is expected", expect)
        rule = self._rule(expect, end)
        lost = self._in_flight.next_lost()
        if lost is not None:
            return Reply(lost)
        if self._in_flight and self._link is not None:
            self._link.begin()
            reply = self._next_reply(expect, rule)
            if not reply:
                self._in_flight.next_lost()
            return reply
        raise HarnessError(failures.NOTHING_SENT)

    def _frame(self, payload: bytes) -> bytes:
        try:
            return self._framing.encode(as_bytes("the payload", payload))
        except ValueError as error:
            raise HarnessError(str(error)) from error

    def _exchange(self, frame: bytes, due_ns: int, expect: bytes | None, rule: RawEnd) -> Reply:
        if self.state is _AWAITING:
            self._need_link().begin()
            raise HarnessError(failures.STILL_IN_FLIGHT)
        outcome = self._send(frame, due_ns)
        return self._told(self._next_reply(expect, rule) if outcome is ANSWERED else Reply(outcome))

    def _told(self, reply: Reply) -> Reply:
        """Who asked is told of this one, and waits for no other."""
        self._in_flight.forget_lost()
        return reply

    def _send(self, frame: bytes, due_ns: int) -> Outcome:
        outcome = self._get_ready(_MESSAGE)
        if outcome is not ANSWERED:
            return outcome
        link = self._need_link()
        start_ns = _now_ns()
        if self._timestamps.first_sent_ns is None:
            self._timestamps.first_sent_ns = start_ns
        elif self._in_flight:
            # Only a second message in flight could be held back for the first one's acknowledgement.
            link.send_soon()
        self._move(_SENT)
        self._in_flight.add(due_ns, start_ns, len(frame))
        try:
            link.send(frame)
        except OSError as error:
            return self._fail(error).outcome
        except BaseException as error:
            self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise
        return ANSWERED

    def _send_only(self, frame: bytes) -> Outcome:
        outcome = self._get_ready(Phase.SEND)
        if outcome is not ANSWERED:
            return outcome
        link = self._need_link()
        # No answer acknowledges it: the system would hold the next one back.
        link.send_soon()
        start_ns = _now_ns()
        try:
            link.send(frame)
        except OSError as error:
            return self._lose(Phase.SEND, start_ns, *self._explain(error), sent=len(frame))
        except BaseException as error:
            self._break_off(error, Phase.SEND, start_ns)
            raise
        self.free_ns = end_ns = _now_ns()
        self._meter.step(Phase.SEND, start_ns, end_ns)
        return ANSWERED

    def _get_ready(self, phase: Phase) -> Outcome:
        """Whether a message can be sent now; opens a connection where there is none.

        What stands in the way is booked as the message's own failure, so that nobody's message vanishes.
        """
        start_ns = _now_ns()
        link, state = self._link, self.state
        if state in GIVEN_UP:
            return self._refuse_aborted(phase, start_ns)
        if state is _CONNECTING:
            raise in_use()
        if link is not None:
            try:
                unasked = self._unasked(link)
            except OSError as error:
                return self._unsent(phase, start_ns, *self._explain(error))
            if unasked:
                return self._refuse(phase, unasked)
            if self._timeout_s is not None and self._in_flight.older_than(
                start_ns - round(self._timeout_s * 1e9)
            ):
                self._lose_all(Outcome.TIMEOUT, failures.OVERDUE.format(timeout_s=self._timeout_s))
        if self._link is None:
            outcome = self._open()
            if outcome is not ANSWERED:
                return self._unsent(phase, start_ns, outcome, failures.NO_CONNECTION)
        return ANSWERED

    def _refuse_aborted(self, phase: Phase, start_ns: int) -> Outcome:
        """Send nothing after abort(), until connect(); what is left of the connection is closed."""
        if self._link is not None and not self._link.waiting:
            self._close()
        if phase is _MESSAGE:
            self._in_flight.lose(Outcome.ABORTED)
        return self._book_failed(phase, start_ns, Outcome.ABORTED, failures.AFTER_ABORT)

    def _unasked(self, link: Link) -> bytes:
        """What has come although nothing is in flight; a step begins."""
        link.begin()
        return b"" if self._in_flight else link.unread()

    def _refuse(self, phase: Phase, unasked: bytes) -> Outcome:
        """Send nothing on a connection whose stream is not understood."""
        detail = with_bytes(failures.UNASKED, unasked)
        return self._unsent(phase, _now_ns(), Outcome.MISMATCH, detail, len(unasked))

    def _unsent(
        self, phase: Phase, start_ns: int, outcome: Outcome, detail: str, received: int = 0
    ) -> Outcome:
        """A message fails before a byte of it was written."""
        if phase is _MESSAGE:
            self._in_flight.lose(outcome)
        return self._lose(phase, start_ns, outcome, detail, received=received)

    def _next_reply(self, expect: bytes | None, rule: RawEnd, data: bytes | None = None) -> Reply:
        """Receive the oldest message's reply, check and book it. data: what has been received of it."""
        link = self._need_link()
        replies = self._held_replies()
        try:
            if data is not None:
                self._take_in(data)
            while (payload := replies.take(rule)) is None:
                self._take_in(link.receive())
        except FrameTooLong as error:
            return self._wrong(Outcome.MISMATCH, with_bytes(str(error), error.data), error.data)
        except CutShortError:
            if self._aborted:
                return self._wrong(Outcome.ABORTED, failures.STOPPED, None)
            held = replies.held
            return self._wrong(Outcome.SHORT, with_bytes(failures.CUT_SHORT, held), held, Outcome.SHORT)
        except OSError as error:
            return self._fail(error)
        except Exception as error:
            # In the user's own idea of where a reply ends.
            self._wrong(Outcome.ABORTED, f"{type(error).__name__}: {error}", None)
            raise
        except BaseException as error:
            self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise
        return self._book(payload, expect, replies)

    def _take_in(self, data: bytes) -> None:
        if not data:
            raise CutShortError
        self._in_flight.received += len(data)
        self._held_replies().feed(data)

    def _book(self, payload: bytes, expect: bytes | None, replies: ReplyBuffer) -> Reply:
        """Check a whole reply and tell of it."""
        self.free_ns = end_ns = _now_ns()
        found = inspect(payload, expect, self._timing)
        timestamps = self._timestamps
        first = timestamps.first_reply_ns is None
        if first:
            timestamps.first_reply_ns = end_ns
        if found.outcome is not ANSWERED:
            return self._wrong(found.outcome, found.detail, found.payload)
        if len(self._in_flight) == 1:
            if not replies.empty:
                held = replies.held
                return self._wrong(Outcome.MISMATCH, with_bytes(failures.UNASKED, held), found.payload)
            self._move(_LAST_ANSWERED)
        timestamps.answered += 1
        sent_ns = self._in_flight.answered(end_ns, found.wait_ns, found.service_ns)
        if first:
            self._meter.step(_FIRST_REPLY, sent_ns, end_ns)
        return Reply(found.outcome, found.payload, found.wait_ns, found.service_ns)

    def _fail(self, error: OSError) -> Reply:
        """The link has failed while messages were in flight."""
        held = b"" if self._replies is None else self._replies.held
        outcome, reason = self._explain(error, failures.UNFINISHED if held else failures.TOO_LATE)
        others = Outcome.ABORTED if outcome is Outcome.TIMEOUT else outcome
        return self._wrong(outcome, with_bytes(reason, held), held, others)

    def _wrong(
        self, outcome: Outcome, detail: str, payload: bytes | None, others: Outcome = Outcome.ABORTED
    ) -> Reply:
        """The oldest message has failed, and the others are lost with it."""
        self._lose_all(outcome, detail, others)
        return Reply(outcome, payload or None)

    def _held_replies(self) -> ReplyBuffer:
        if self._replies is None:
            self._replies = reply_buffer(self._framing, self._max_frame)
        return self._replies

    def _need_link(self) -> Link:
        assert self._link is not None, "no connection"
        return self._link

    def _rule(self, expect: bytes | None, end: RawEnd | None) -> RawEnd:
        """Where the next reply ends. HarnessError where what is asked for makes no sense."""
        if self._framing.name == "raw":
            return raw_end(expect, end, self._header)
        if end is not None:
            raise HarnessError(failures.HAS_AN_END.format(framing=self._framing.name))
        return raw_end(None, None, 0)
