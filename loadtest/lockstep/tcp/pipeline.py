"""Many messages at once: written one after another while their replies are read, each booked for itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from lockstep.tcp.link import Link
from lockstep.tcp.messages import Message
from lockstep.tcp.samples import ANSWERED, LOST_WITH_IT, Outcome, Phase, Reply
from lockstep.tcp.stream import BROKEN, MessageStream

_now_ns = time.monotonic_ns
# So much is written before what has come is looked at; a time is no more exact than it takes.
CHUNK_BYTES = 1 << 16


class Pipeline:
    """Some messages on their way over a stream, on which none waits for the reply to the one before it."""

    def __init__(self, stream: MessageStream, messages: Sequence[Message]) -> None:
        """messages: at least one."""
        self._stream = stream
        self._messages = messages
        self._unsent = deque(messages)
        # Bytes of the first unsent one.
        self._written = 0
        # How many were begun to be written.
        self._begun = 0
        # Sent, and not answered.
        self._due: deque[Message] = deque()
        self._replies: list[Reply] = []

    def run(self) -> list[Reply]:
        """A reply to each, in their order; after one that has lost the connection all others are ABORTED."""
        stream, messages = self._stream, self._messages
        outcome = stream._get_ready(Phase.MESSAGE, messages[0].tag)
        if outcome is not ANSWERED:
            stream._in_flight.forget_lost()
            return [Reply(outcome), *self._never_sent(messages[1:], outcome)]
        try:
            failed = self._keep_going(stream._need_link())
        except BaseException as error:
            if self._begun:
                if stream._link is not None:
                    stream._lose_all(Outcome.ABORTED, stream._interruption(error))
                self._never_sent(messages[self._begun :], Outcome.ABORTED)
            raise
        stream._in_flight.forget_lost()
        replies = self._replies
        if failed is not None:
            self._due.popleft()
            replies = [*replies, failed]
        replies += [Reply(Outcome.ABORTED)] * len(self._due)
        return replies + self._never_sent(messages[self._begun :], Outcome.ABORTED)

    def _keep_going(self, link: Link) -> Reply | None:
        """Until all are answered, or one has lost the connection: that one's reply."""
        try:
            while self._unsent or self._due:
                link.begin()
                self._go_on(link)
                if (wrong := self._book_answered()) is not None:
                    return wrong
        except BROKEN as error:
            return self._stream._broken(error)
        return None

    def _go_on(self, link: Link) -> None:
        """Write some more, or wait where all is written; take in what has come."""
        if not self._unsent:
            self._stream._take_in(link.receive())
            return
        link.push(self._next_chunk())
        while data := link.unread():
            self._stream._take_in(data)

    def _next_chunk(self) -> bytes:
        """As many bytes as are written at once; the messages that begin in them are sent now."""
        now_ns, parts, size = _now_ns(), [], 0
        while self._unsent and size < CHUNK_BYTES:
            message = self._unsent[0]
            frame = memoryview(message.frame)
            if not self._written:
                self._begin(message, now_ns)
            part = frame[self._written : self._written + CHUNK_BYTES - size]
            parts.append(part)
            size += len(part)
            self._written += len(part)
            if self._written == len(frame):
                self._unsent.popleft()
                self._written = 0
        return b"".join(parts)

    def _begin(self, message: Message, now_ns: int) -> None:
        self._stream._begin_message(message, now_ns)
        self._due.append(message)
        self._begun += 1

    def _book_answered(self) -> Reply | None:
        """Check and book the replies that are there, the oldest first: the one that has lost the connection.

        An error in the peer's own words is no such.
        """
        stream, due = self._stream, self._due
        replies = stream._held_replies()
        while due:
            expect = due[0].expect
            payload = replies.take(stream._rule(expect, None))
            if payload is None:
                return None
            reply = stream._book(payload, expect, replies)
            if stream._link is None:
                return reply
            due.popleft()
            self._replies.append(reply)
        return None

    def _never_sent(self, messages: Sequence[Message], outcome: Outcome) -> list[Reply]:
        """Each of these fails too: no message of a pipeline goes missing."""
        stream, now_ns = self._stream, _now_ns()
        for message in messages:
            failure = stream._failure(Phase.MESSAGE, now_ns, outcome, LOST_WITH_IT, tag=message.tag)
            stream._meter.failure(failure)
        return [Reply(outcome)] * len(messages)
