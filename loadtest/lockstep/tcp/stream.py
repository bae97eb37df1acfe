"""Messages and their replies over one connection, the long way: how they are sent.

Replies have no number: which message one belongs to is known by order alone. So after a wrong reply, one
that nobody asked for, or a missed deadline, the stream is no longer understood: the connection is given up at
once, and nothing old answers anything new.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lockstep.errors import HarnessError
from lockstep.tcp.link import Link, check_bound
from lockstep.tcp.messages import Message
from lockstep.tcp.receiving import Receiving
from lockstep.tcp.samples import ANSWERED, NO_CONNECTION, UNASKED, Outcome, Phase, with_bytes
from lockstep.tcp.state import GIVEN_UP, SHUT_DOWN, TALKING, Event, State, in_use

# Looked up once: see ANSWERED.
_MESSAGE = Phase.MESSAGE
_CONNECTING = State.CONNECTING
_SENT = Event.SENT
_now_ns = time.monotonic_ns
AFTER_ABORT = "abort() was called: connect() again"
OVERDUE = (
    "no reply was fetched within {timeout_s:g} s; to a message that gets none say send(..., reply=False)"
)
# Asking whether something has come unasked takes as long as half a message, for what has come is acknowledged
# first. A peer that always answers twice shows at a connection's first messages; later on those are asked for
# that come after a pause, in which a stray reply could have come, and one of so many others.
OFTEN, SELDOM = 16, 64
PAUSE_NS = 1_000_000


class MessageStream(Receiving):
    """A connection that carries messages in a framing, and opens itself when one is to be sent."""

    __slots__ = ()

    def _send(self, message: Message, due_ns: int) -> Outcome:
        frame, tag = message.frame, message.tag
        outcome = self._get_ready(_MESSAGE, tag)
        if outcome is not ANSWERED:
            return outcome
        link = self._need_link()
        start_ns = _now_ns()
        if self._timestamps.first_sent_ns is None:
            self._timestamps.first_sent_ns = start_ns
        self._move(_SENT)
        self._in_flight.add(due_ns, start_ns, len(frame), tag)
        try:
            link.send(frame)
        except OSError as error:
            return self._fail(error).outcome
        except BaseException as error:
            self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise
        return ANSWERED

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
        if self._link is None:
            # What comes after a step of on_connect() that has lost the connection is lost with it.
            ended = None if self._greeter is None else self._timestamps.ended
            outcome = self._open() if ended is None else ended
            if outcome is not ANSWERED:
                return self._unsent(phase, start_ns, outcome, NO_CONNECTION, tag=tag)
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
