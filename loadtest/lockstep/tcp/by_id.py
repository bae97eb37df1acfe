"""Replies that carry the id of their message: in any order, and to several greenlets that share a connection.

Whoever waits for a reply while nobody else does reads for all; each reply goes to whom it belongs to. What
carries no id is a push; an id that nobody waits for ends the connection, as a reply too many does elsewhere.
"""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from greenlet import getcurrent

from lockstep.errors import HarnessError
from lockstep.tcp.caught import CaughtReply
from lockstep.tcp.client import HAS_LEFT, TcpClient
from lockstep.tcp.connection import CLOSED_UNANSWERED
from lockstep.tcp.link import Link, check_bound
from lockstep.tcp.messages import Message, Ticket
from lockstep.tcp.replies import RawEnd, ReplyBuffer, Wanted
from lockstep.tcp.samples import (
    ABSENT,
    ANSWERED,
    LOST_WITH_IT,
    TOO_LATE,
    Outcome,
    Phase,
    Reply,
    with_bytes,
)
from lockstep.tcp.state import GIVEN_UP, OPENING, SHUT_DOWN, Line, Signal, State, left_s
from lockstep.tcp.stream import CUT_SHORT, SENT_WRONGLY, CutShortError
from lockstep_wire.framing import FrameError

FRAMES_ONLY = "only a framing says where a message ends: set `framing` too"
NO_ID = (
    "by_id() finds no id in the message {payload!r:.40}: say send(..., reply=False) to one without a reply"
)
NOBODYS_ID = "a reply whose id, as by_id() finds it, is that of no message that waits"
NONE_WITH_ITS_ID = "nothing with its id within {{timeout_s:g}} s; by_id() found none in {count:,} that came"
SAME_ID = "a message with the id {key!r:.40} has no reply yet: give each its own"
NOT_BY_ID = "with match = by_id(...) there is no {what}: call request(), in as many greenlets as you need"

IdOf = Callable[[bytes], Hashable]
"""The id in a payload; None where there is none."""


@dataclass(frozen=True, slots=True)
class ById:
    """Where the id is: in a message, and in its reply."""

    of_message: IdOf
    of_reply: IdOf


def by_id(of_reply: IdOf, of_message: IdOf | None = None) -> ById:
    """For `match=`: replies are told by an id that both sides carry.

    of_reply: takes a reply's payload and returns its id, anything that can be a key; None says that it is no
    reply, but a push. of_message: the same of a message, of_reply where it is None.
    """
    for function in (of_reply, of_message):
        if function is not None and not callable(function):
            raise HarnessError(f"by_id({function!r:.40}): give a function, as lambda payload: payload[:4]")
    return ById(of_reply if of_message is None else of_message, of_reply)


_now_ns = time.monotonic_ns
# Who never takes pushes must not fill the memory with them.
MAX_PUSHES = 10_000


class IdClient(TcpClient):
    """A client that any number of greenlets may use at once.

    A reply is late once its message has waited for timeout_s; that is seen after twice as long at the latest.
    """

    # No slots: a user's client extends this class and another one.
    def match_by(self, match: ById, new_signal: Callable[[], Signal]) -> None:
        """Once, before anything else. new_signal: makes what a greenlet waits for."""
        if not self._framing.cuts:
            raise HarnessError(FRAMES_ONLY)
        self._match = match
        self._new_signal = new_signal
        self._opening = Line(new_signal)
        self._pushed: deque[bytes] = deque(maxlen=MAX_PUSHES)
        # Who waits, be it for a reply or for a push, and who of them reads for all.
        self._waiting: list[Ticket] = []
        self._reader: Ticket | None = None
        self._patience_s: float | None = None

    def exchange(self, message: Message, due_ns: int = ABSENT) -> Outcome:
        """See TcpClient.exchange."""
        self._told = reply = self._exchange(message, due_ns, self._rule(message.expect, None))
        return reply.outcome

    def _exchange(self, message: Message, due_ns: int, rule: RawEnd, frames: int = 1) -> Reply:
        if frames != 1 or self._take_patience() is not None:
            what = "timeout= of a request" if frames == 1 else "replies="
            raise HarnessError(NOT_BY_ID.format(what=what))
        key = self._match.of_message(message.payload)
        if key is None:
            raise HarnessError(NO_ID.format(payload=message.payload))
        ticket = Ticket(key, message.expect, self._new_signal())
        outcome = self._send_with(ticket, message, due_ns)
        if outcome is not ANSWERED:
            return Reply(outcome)
        self._await(ticket, rule, lambda: ticket.reply is not None)
        return Reply(Outcome.ABORTED) if ticket.reply is None else ticket.reply

    def _send(self, message: Message, due_ns: int) -> Outcome:  # noqa: ARG002
        raise HarnessError(NOT_BY_ID.format(what="send() with a reply"))

    def _run_pipeline(self, messages: Sequence[Message]) -> list[Reply]:  # noqa: ARG002
        raise HarnessError(NOT_BY_ID.format(what="pipeline()"))

    def _catch(self, message: Message, rule: RawEnd, replies: int) -> CaughtReply:  # noqa: ARG002
        raise HarnessError(NOT_BY_ID.format(what="catch="))

    @contextmanager
    def _within(self, timeout_s: float | None) -> Iterator[None]:
        """Others have their own bounds: whoever begins now asks for this one at once."""
        if timeout_s is not None:
            check_bound("timeout", timeout_s)
        self._patience_s = timeout_s
        try:
            yield
        finally:
            self._patience_s = None

    def _take_patience(self) -> float | None:
        patience_s, self._patience_s = self._patience_s, None
        return patience_s

    def _send_with(self, ticket: Ticket, message: Message, due_ns: int) -> Outcome:
        outcome = self._get_open(Phase.MESSAGE, message.tag)
        if outcome is not ANSWERED:
            return outcome
        if any(other.key == ticket.key for other in self._in_flight.tickets):
            raise HarnessError(SAME_ID.format(key=ticket.key))
        link = self._need_link()
        self._begin_message(message, _now_ns(), due_ns, ticket)
        try:
            link.send_beside(message.frame)
        except OSError as error:
            if self._link is link:
                self._blame(ticket)
                self._fail(error)
        except BaseException as error:
            if self._link is link:
                self._blame(ticket)
                self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise
        return ANSWERED

    def _get_open(self, phase: Phase, tag: int) -> Outcome:
        """As _get_ready; who comes meanwhile waits until another one has opened the connection."""
        while self._opened_by_another:
            try:
                self._opening.wait(self._timeout_s)
            finally:
                self._opening.next_one()
        if self._link is not None and self.state not in GIVEN_UP:
            if self.state is State.HALF_CLOSED and phase is not Phase.RECEIVE:
                raise HarnessError(SHUT_DOWN)
            return ANSWERED
        try:
            return self._get_ready(phase, tag)
        finally:
            self._opening.next_one()

    @property
    def _opened_by_another(self) -> bool:
        if self._greeter is not None:
            return self._greeter is not getcurrent()
        return self.state in OPENING

    def _await(
        self, ticket: Ticket, rule: RawEnd, done: Callable[[], bool], patience_s: float | None = None
    ) -> None:
        """Until it is done, or so late, or the connection gone: by reading for all, or as another does."""
        link = self._link
        until_ns = None if patience_s is None else _now_ns() + round(patience_s * 1e9)
        self._waiting.append(ticket)
        try:
            while (
                not done() and link is not None and self._link is link and (rest_s := left_s(until_ns)) != 0
            ):
                if self._reader is None:
                    self._reader = ticket
                    if patience_s is not None:
                        link.bound(patience_s)
                    try:
                        self._read(link, ticket, rule, lambda: done() or left_s(until_ns) == 0)
                    finally:
                        self._reader = None
                        if patience_s is not None and self._link is link:
                            link.bound(self._timeout_s)
                else:
                    ticket.signal.wait(rest_s)
                    ticket.signal.clear()
        finally:
            self._waiting.remove(ticket)
            if self._waiting and self._reader is None:
                # Whoever has waited longest reads on.
                self._waiting[0].signal.set()

    def _read(self, link: Link, ticket: Ticket, rule: RawEnd, done: Callable[[], bool]) -> None:
        """Receive and share out, until it is done."""
        try:
            self._share_out(rule)
            while not done() and self._link is link:
                if self._overdue:
                    raise TimeoutError(errno.ETIMEDOUT, "timed out")
                link.begin()
                self._take_in(link.receive())
                self._share_out(rule)
        except FrameError as error:
            reason = with_bytes(SENT_WRONGLY.format(peer=self.address, what=error), error.data)
            self._wrong(Outcome.MISMATCH, reason, error.data)
        except CutShortError:
            if self.state is State.HALF_CLOSED and not self._in_flight:
                self._ended_by_peer()
                return
            outcome = Outcome.ABORTED if self._aborted else Outcome.SHORT
            reason = self._why_aborted if self._aborted else CUT_SHORT.format(peer=self.address)
            self._wrong(outcome, reason, None, outcome)
        except OSError as error:
            # The bound of whoever reads is not that of the others; that nothing is pushed is no failure.
            if self._link is link and (self._overdue or not isinstance(error, TimeoutError)):
                self._fail(error)
        except BaseException as error:
            if self._link is link:
                self._blame(ticket)
                self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise

    @property
    def _overdue(self) -> bool:
        """Whether the oldest message has waited too long."""
        timeout_s = self._timeout_s
        return timeout_s is not None and self._in_flight.older_than(_now_ns() - round(timeout_s * 1e9))

    def _share_out(self, rule: RawEnd) -> None:
        """Each whole frame that is there goes to whom it belongs to."""
        replies, in_flight = self._held_replies(), self._in_flight
        while self._link is not None and (payload := replies.take(rule)) is not None:
            key = self._match.of_reply(payload)
            if key is None:
                in_flight.received = 0
                self._pushed.append(payload)
                for waiting in self._waiting:
                    if waiting.key is None:
                        waiting.signal.set()
                continue
            ticket = next((each for each in in_flight.tickets if each.key == key), None)
            if ticket is None:
                self._wrong(Outcome.MISMATCH, with_bytes(NOBODYS_ID, payload), payload)
                return
            in_flight.bring_forward(ticket)
            self._book(payload, ticket.expect, replies)

    @property
    def _too_late(self) -> str:
        """Pushes that nobody takes may be the replies."""
        count = len(self._pushed)
        return NONE_WITH_ITS_ID.format(count=count) if count else super()._too_late

    def _blame(self, ticket: Ticket) -> None:
        """Where a message is in flight for it, that is the one that fails; all others are lost with it."""
        if ticket in self._in_flight.tickets:
            self._in_flight.bring_forward(ticket)

    def _listen(self, expect: Wanted, rule: RawEnd, *, quiet: bool = False) -> Reply:
        """See Pushes: here a push is what carries no id."""
        start_ns = _now_ns()
        own_s = self._take_patience()
        patience_s = self._timeout_s if own_s is None else own_s
        if not self._pushed:
            outcome = self._get_open(Phase.RECEIVE, 0)
            if outcome is not ANSWERED:
                return Reply(outcome)
            self._await(Ticket(None, None, self._new_signal()), rule, lambda: bool(self._pushed), patience_s)
        if self._pushed:
            return self._book_push(self._pushed.popleft(), expect, start_ns, 0)
        if self._link is None:
            return self._listened_in_vain(start_ns)
        if not quiet:
            reason = TOO_LATE.format(timeout_s=patience_s)
            self._note_failure(Outcome.TIMEOUT, reason, start_ns, 0)
        return Reply(Outcome.TIMEOUT)

    def _listened_in_vain(self, start_ns: int) -> Reply:
        """The connection is gone: a failure, unless it was we who said that all was said."""
        outcome = self._timestamps.ended or Outcome.ABORTED
        if outcome is not ANSWERED:
            reason = HAS_LEFT.format(peer=self.address) if outcome is Outcome.SHORT else LOST_WITH_IT
            self._meter.failure(self._failure(Phase.RECEIVE, start_ns, outcome, reason))
        return Reply(outcome)

    def _close(self) -> Outcome:
        if self._link is not None and self._link.waiting and self.state not in OPENING:
            return self._lose_all(Outcome.ABORTED, CLOSED_UNANSWERED)
        return super()._close()

    def _leave(self, outcome: Outcome) -> None:
        """Whoever reads on the link, and those who wait for him, are woken: it is about to be closed."""
        link = self._link
        if link is not None and link.waiting:
            link.abort()
        super()._leave(outcome)
        for waiting in self._waiting:
            waiting.signal.set()

    def _spoiled(self, replies: ReplyBuffer) -> bool:  # noqa: ARG002
        """What comes behind a reply is somebody else's, or a push."""
        return False

    @property
    def _asks_for_more(self) -> bool:
        return True
