"""The client that a user holds: messages over one TCP connection, each of them timed, each failure named.

Knows no Locust.
"""

from __future__ import annotations

import time

from lockstep.errors import HarnessError
from lockstep.tcp.messages import Message, RawEnd, as_bytes, raw_end
from lockstep.tcp.samples import ABSENT, ANSWERED, Outcome, Phase, Reply
from lockstep.tcp.state import NOTHING_SENT, STILL_IN_FLIGHT, Event, State
from lockstep.tcp.stream import MessageStream

# Looked up once: see ANSWERED.
_FIRST_REPLY, _MESSAGE = Phase.FIRST_REPLY, Phase.MESSAGE
_IDLE, _AWAITING = State.IDLE, State.AWAITING
_SENT = Event.SENT
_now_ns = time.monotonic_ns
HAS_AN_END = "`end` is for raw framing: in {framing} framing every reply has an end of its own"


class TcpClient(MessageStream):
    """Sends messages over one TCP connection and takes their replies, in order, for one greenlet or thread.

    A failed step is data: a method returns its Outcome, which the meter is told too, and raises nothing. The
    connection is then given up, and the next message opens another. HarnessError is raised where the client
    is misused, by a second greenlet too, and where this machine is at fault: no files, ports or such host.
    """

    __slots__ = ()

    def request(self, payload: bytes, expect: bytes | None = None, *, end: RawEnd | None = None) -> Reply:
        """Send one message and wait for its reply, both together within timeout_s; connects where need be.

        payload: bytes, which the framing puts into a frame. expect: the reply's payload, any if None; another
        one is a MISMATCH. end: where a reply in raw framing ends: `sized(...)`, `until(...)`, or a function
        of the bytes that are there, which gives how many of them are the reply, None if more must come. In
        raw framing with neither `expect` nor `end`, whatever comes first is the reply.

        Returns a Reply, which is true if it was ANSWERED: outcome, payload without frame and timing header,
        and wait_ns and service_ns, nanoseconds as the server told.
        HarnessError where replies to messages of `send` are still due, and where the framing cannot carry the
        payload.
        """
        if expect is not None:
            expect = as_bytes("what is expected", expect)
        rule = self._rule(expect, end)
        return self._exchange(self._frame(payload), ABSENT, expect, rule)

    def exchange(self, message: Message, due_ns: int = ABSENT) -> Outcome:
        """As `request`, for a message that was made ready: the short way, taken 100,000 times a second.

        due_ns: when it should have been sent, monotonic nanoseconds; ABSENT where nobody can say.
        """
        # A message in flight is no change of state here: two moves would cost a third as much again.
        link, wanted = self._link, message.reply
        if self.state is not _IDLE or link is None or wanted is None:
            rule = self._rule(message.expect, None)
            return self._exchange(message.frame, due_ns, message.expect, rule).outcome
        sent_ns = _now_ns()
        try:
            if not message.distinct and (unasked := self._unasked(link)):
                return self._reported(Reply(self._refuse(_MESSAGE, unasked))).outcome
            link.send(message.frame)
            data = link.receive()
        except OSError as error:
            self._in_flight.add(due_ns, sent_ns, len(message.frame))
            return self._reported(self._fail(error)).outcome
        except HarnessError:
            raise
        except BaseException as error:
            self._in_flight.add(due_ns, sent_ns, len(message.frame))
            self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise
        self.free_ns = end_ns = _now_ns()
        times_ns = self._fast_check(data, wanted)
        if times_ns is None:
            return self._full_check(message, due_ns, sent_ns, data)
        wait_ns, service_ns = times_ns
        row = (due_ns, sent_ns, end_ns, wait_ns, service_ns, len(message.frame), len(data))
        self._meter.message(row)
        timestamps = self._timestamps
        timestamps.answered += 1
        if timestamps.first_reply_ns is None:
            timestamps.first_sent_ns, timestamps.first_reply_ns = sent_ns, end_ns
            self._meter.step(_FIRST_REPLY, sent_ns, end_ns)
        return ANSWERED

    def send(self, payload: bytes, *, reply: bool = True) -> Outcome:
        """Write one message without waiting for its reply, within timeout_s; connects where need be.

        payload: as for `request`. Its time runs from here until `receive` has the reply. reply: False for a
        message that gets none: it is a step `send` of its own, over once the system has taken all its bytes.

        Returns ANSWERED once it is written, else how it failed. Any number of replies may be due; one that is
        not fetched for timeout_s is a TIMEOUT at the next message.
        """
        frame = self._frame(payload)
        return self._send(frame, ABSENT) if reply else self._send_only(frame)

    def receive(self, expect: bytes | None = None, *, end: RawEnd | None = None) -> Reply:
        """Wait, for timeout_s, for the reply to the oldest message of `send` that has none yet.

        expect, end, and what is returned: as for `request`. Where that message was lost meanwhile, with its
        connection, this returns at once, and how. HarnessError where no message waits for a reply.
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
        raise HarnessError(NOTHING_SENT)

    def _full_check(self, message: Message, due_ns: int, sent_ns: int, data: bytes) -> Outcome:
        """What came is not the whole reply and nothing else: it may be a part of it, or wrong."""
        if self._timestamps.first_sent_ns is None:
            self._timestamps.first_sent_ns = sent_ns
        self._move(_SENT)
        self._in_flight.add(due_ns, sent_ns, len(message.frame))
        return self._reported(
            self._next_reply(message.expect, self._rule(message.expect, None), data)
        ).outcome

    def _frame(self, payload: bytes) -> bytes:
        try:
            return self._framing.encode(as_bytes("the payload", payload))
        except ValueError as error:
            raise HarnessError(str(error)) from error

    def _exchange(self, frame: bytes, due_ns: int, expect: bytes | None, rule: RawEnd) -> Reply:
        if self.state is _AWAITING:
            self._need_link().begin()
            raise HarnessError(STILL_IN_FLIGHT)
        outcome = self._send(frame, due_ns)
        return self._reported(self._next_reply(expect, rule) if outcome is ANSWERED else Reply(outcome))

    def _reported(self, reply: Reply) -> Reply:
        """Who asked is told of this one, and waits for no other."""
        self._in_flight.forget_lost()
        return reply

    def _rule(self, expect: bytes | None, end: RawEnd | None) -> RawEnd:
        """Where the next reply ends. HarnessError where what is asked for makes no sense."""
        if not self._framing.cuts:
            return raw_end(expect, end, self._header)
        if end is not None:
            raise HarnessError(HAS_AN_END.format(framing=self._framing.name))
        return raw_end(None, None, 0)
