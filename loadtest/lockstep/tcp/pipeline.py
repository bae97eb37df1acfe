"""Many messages at once: written one after another while their replies are read, each booked for itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from lockstep.tcp.link import Link
from lockstep.tcp.messages import Message
from lockstep.tcp.receiving import CUT_SHORT, SENT_WRONGLY, CutShortError
from lockstep.tcp.samples import (
    ABSENT,
    ANSWERED,
    LOST_WITH_IT,
    STOPPED,
    Outcome,
    Phase,
    Reply,
    with_bytes,
)
from lockstep.tcp.state import Event
from lockstep.tcp.stream import MessageStream
from lockstep_wire.peer import FrameError

_now_ns = time.monotonic_ns
# So much is written before what has come is looked at; a time is no more exact than it takes.
CHUNK_BYTES = 1 << 16


class Pipelining(MessageStream):
    """A stream on which a message need not wait for the reply to the one before it."""

    __slots__ = ()

    def _run_pipeline(self, messages: Sequence[Message]) -> list[Reply]:
        """A reply to each, in their order; after one that has lost the connection all others are ABORTED."""
        if not messages:
            return []
        outcome = self._get_ready(Phase.MESSAGE, messages[0].tag)
        if outcome is not ANSWERED:
            self._in_flight.forget_lost()
            return [Reply(outcome), *self._never_sent(messages[1:], outcome)]
        link = self._need_link()
        under_way = _UnderWay(messages)
        try:
            failed = self._keep_going(link, under_way)
        except BaseException as error:
            if under_way.begun:
                if self._link is not None:
                    self._lose_all(Outcome.ABORTED, self._interruption(error))
                self._never_sent(messages[under_way.begun :], Outcome.ABORTED)
            raise
        self._in_flight.forget_lost()
        replies = under_way.replies
        if failed is not None:
            under_way.due.popleft()
            replies = [*replies, failed]
        replies += [Reply(Outcome.ABORTED)] * len(under_way.due)
        return replies + self._never_sent(messages[under_way.begun :], Outcome.ABORTED)

    def _keep_going(self, link: Link, under_way: _UnderWay) -> Reply | None:
        """Until all are answered, or one has lost the connection: that one's reply."""
        try:
            while under_way.unsent or under_way.due:
                link.begin()
                self._go_on(link, under_way)
                if (wrong := self._book_answered(under_way)) is not None:
                    return wrong
        except FrameError as error:
            detail = with_bytes(SENT_WRONGLY.format(peer=self.address, what=error), error.data)
            return self._wrong(Outcome.MISMATCH, detail, error.data)
        except CutShortError:
            if self._aborted:
                return self._wrong(Outcome.ABORTED, STOPPED, None)
            held = self._held_replies().held
            return self._wrong(
                Outcome.SHORT, with_bytes(CUT_SHORT.format(peer=self.address), held), held, Outcome.SHORT
            )
        except OSError as error:
            return self._fail(error)
        return None

    def _go_on(self, link: Link, under_way: _UnderWay) -> None:
        """Write some more, or wait where all is written; take in what has come."""
        if not under_way.unsent:
            self._take_in(link.receive())
            return
        link.push(self._next_chunk(under_way))
        while data := link.unread():
            self._take_in(data)

    def _next_chunk(self, under_way: _UnderWay) -> bytes:
        """As many bytes as are written at once; the messages that begin in them are sent now."""
        now_ns, parts, size = _now_ns(), [], 0
        while under_way.unsent and size < CHUNK_BYTES:
            message = under_way.unsent[0]
            frame = memoryview(message.frame)
            if not under_way.written:
                self._begin(message, now_ns)
                under_way.due.append(message)
                under_way.begun += 1
            part = frame[under_way.written : under_way.written + CHUNK_BYTES - size]
            parts.append(part)
            size += len(part)
            under_way.written += len(part)
            if under_way.written == len(frame):
                under_way.unsent.popleft()
                under_way.written = 0
        return b"".join(parts)

    def _begin(self, message: Message, now_ns: int) -> None:
        if self._timestamps.first_sent_ns is None:
            self._timestamps.first_sent_ns = now_ns
        self._move(Event.SENT)
        self._in_flight.add(ABSENT, now_ns, len(message.frame), message.tag)

    def _book_answered(self, under_way: _UnderWay) -> Reply | None:
        """Check and book the replies that are there, the oldest first: the one that has lost the connection.

        An error in the peer's own words is no such.
        """
        replies, due = self._held_replies(), under_way.due
        while due:
            expect = due[0].expect
            payload = replies.take(self._rule(expect, None))
            if payload is None:
                return None
            reply = self._book(payload, expect, replies)
            if self._link is None:
                return reply
            due.popleft()
            under_way.replies.append(reply)
        return None

    def _never_sent(self, messages: Sequence[Message], outcome: Outcome) -> list[Reply]:
        """Each of these fails too: no message of a pipeline goes missing."""
        now_ns = _now_ns()
        for message in messages:
            self._meter.failure(self._failure(Phase.MESSAGE, now_ns, outcome, LOST_WITH_IT, tag=message.tag))
        return [Reply(outcome)] * len(messages)


class _UnderWay:
    """How far a pipeline has come. written: bytes of the first unsent one. due: sent, and not answered."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.unsent = deque(messages)
        self.written = 0
        self.due: deque[Message] = deque()
        self.replies: list[Reply] = []
        # How many were begun to be written.
        self.begun = 0
