"""Many messages at a time, or in one direction only: pipelined, sent without replies, pushed by the peer.

Each is booked once as a message, as those that go to and fro one at a time are.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count, islice

from lockstep.errors import HarnessError
from lockstep.tcp.client import TcpClient
from lockstep.tcp.link import Link
from lockstep.tcp.messages import RING, RING_BYTES, Message, prepare
from lockstep.tcp.replies import raw_end, whatever
from lockstep.tcp.samples import ABSENT, ANSWERED, TOO_LATE, UNCHECKED, Outcome, Phase, with_bytes
from lockstep.tcp.state import Event, State
from lockstep.tcp.stream import BROKEN, SENT_WRONGLY, CutShortError
from lockstep_wire.framing import FrameError, Framing
from lockstep_wire.push import pushed_ns

# Looked up once: see ANSWERED.
_MESSAGE, _FAN_OUT = Phase.MESSAGE, Phase.FAN_OUT
_IDLE = State.IDLE
_now_ns = time.monotonic_ns
NOT_TAKEN = "the peer did not take it within {timeout_s:g} s"
HAS_LEFT = "the peer closed, and pushes no more"
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz"


class ScenarioClient(TcpClient):
    """What a connection of the shipped scenarios can do beside one message with its reply."""

    __slots__ = ()

    def exchange_all(self, messages: Iterator[Message], may_send: Callable[[], bool]) -> Outcome:
        """`exchange` each as soon as the one before it is answered, until may_send says no or one fails.

        A message is due when the one before it is over. Where a reply is right at sight, it is booked and the
        next message sent wherever that is known first: may_send and the meter must not wait for anything.
        Returns ANSWERED, or how the one that failed did.
        """
        message, outcome = next(messages), ANSWERED
        while outcome is ANSWERED and may_send():
            link = self._link
            if link is not None and self.state is _IDLE and self._follows_at_once(message):
                outcome, message = self._relay(link, message, messages, may_send)
            else:
                outcome = self.exchange(message, self.free_ns)
                message = next(messages)
        return outcome

    def _follows_at_once(self, message: Message) -> bool:
        """Whether nothing is to be asked before it, and its reply can be known at sight."""
        if message.reply is None or self._timestamps.first_reply_ns is None:
            return False
        return message.distinct or not self._is_to_ask(_now_ns())

    def _relay(
        self, link: Link, message: Message, messages: Iterator[Message], may_send: Callable[[], bool]
    ) -> tuple[Outcome, Message]:
        """This message, and those after it for as long as each follows at once: how the last one went.

        The other is the first that was not sent.
        """
        timestamps, tell, timed = self._timestamps, self._meter.message, self._timed_check is not None
        odd: bytes | None = None
        due_ns, sent_ns = self.free_ns, _now_ns()

        def answer(data: bytes) -> bytes | None:
            # As `exchange`, whose every call could be measured here.
            nonlocal message, odd, due_ns, sent_ns
            end_ns, sent = _now_ns(), message
            wait_ns = service_ns = ABSENT
            if data != sent.reply or timed:
                times_ns = self._times_of(data, sent.reply)
                if times_ns is None:
                    odd = data
                    return None
                wait_ns, service_ns = times_ns
            self.free_ns = end_ns
            row = (due_ns, sent_ns, end_ns, wait_ns, service_ns, len(sent.frame), len(data), sent.tag)
            tell(row, sent.answer)
            timestamps.answered += 1
            message = following = next(messages)
            # Of a ring all differ, and no call has to ask.
            differs = following.distinct and following.reply is not None
            if may_send() and (differs or self._follows_at_once(following)):
                due_ns, sent_ns = end_ns, _now_ns()
                return following.frame
            return None

        try:
            link.relay(message.frame, answer)
        except HarnessError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again where it is not the link's
            return self._unanswered(message, due_ns, sent_ns, error), next(messages)
        if odd is not None:
            return self._full_check(message, due_ns, sent_ns, odd), next(messages)
        return ANSWERED, message

    def keep_in_flight(
        self, messages: Iterator[Message], depth: int, may_send: Callable[[], bool]
    ) -> Outcome:
        """Keep `depth` messages in flight until one fails, or may_send says no and all are answered.

        As many are sent with one write as replies have come with one read. Connects where need be. A time
        runs from the write to the read that brought the last of its reply.

        Returns ANSWERED, or how the first that failed did: the others in flight are lost with it.
        """
        outcome = self._get_ready(_MESSAGE, 0)
        if outcome is ANSWERED:
            link = self._need_link()
            try:
                outcome = self._keep(link, messages, depth, may_send)
            except BROKEN as error:
                outcome = self._broken(error).outcome
            except HarnessError:
                raise
            except BaseException as error:
                self._lose_all(Outcome.ABORTED, self._interruption(error))
                raise
        self._in_flight.forget_lost()
        return outcome

    def post(self, message: Message, due_ns: int = ABSENT) -> Outcome:
        """Send a message that gets no reply; over, and booked, when the system has taken all its bytes.

        due_ns: as for `exchange`. Where the peer is slow to read, this is how long it makes its sender wait.
        """
        outcome = self._get_ready(_MESSAGE, message.tag)
        if outcome is ANSWERED:
            outcome = self._post(self._need_link(), message, due_ns)
        self._in_flight.forget_lost()
        return outcome

    def take_pushes(self) -> Outcome:
        """Wait, for timeout_s, until the peer says something unasked, and book all that came whole.

        Each is a message whose time runs from the one before it, or from the connect. Where it says when it
        was due it is a step `fan_out` too. Returns ANSWERED, or how the connection failed, and is gone.
        """
        link = self._need_link()
        link.begin()
        try:
            while not self._take_in_pushes(link.receive()):
                pass
        except CutShortError:
            if self._aborted:
                return self._stopped_taking()
            return self._lose(_MESSAGE, self._last_ns, Outcome.SHORT, HAS_LEFT)
        except FrameError as error:
            detail = with_bytes(SENT_WRONGLY.format(peer=self.address, what=error), error.data)
            return self._lose(_MESSAGE, self._last_ns, Outcome.MISMATCH, detail, received=len(error.data))
        except OSError as error:
            outcome, detail = self._explain(error, TOO_LATE)
            if outcome is Outcome.ABORTED:
                return self._stopped_taking()
            return self._lose(_MESSAGE, self._last_ns, outcome, detail)
        except BaseException:
            self._leave(Outcome.ABORTED)
            raise
        return ANSWERED

    def hang_up(self) -> Outcome:
        """Close, and book what is pushed until the peer has closed too: nothing of it is unasked."""
        link = self._need_link()
        link.begin()
        if self._aborted:
            return self._stopped_taking()
        self._move(Event.FINISH)
        start_ns = self._timestamps.close_start_ns = _now_ns()
        try:
            link.finish()
            while data := link.receive():
                self._take_in_pushes(data)
        except (OSError, FrameError) as error:
            if isinstance(error, OSError):
                return self._lose(Phase.CLOSE, start_ns, *self._explain(error))
            return self._lose(Phase.CLOSE, start_ns, Outcome.MISMATCH, str(error))
        except BaseException as error:
            self._break_off(error, Phase.CLOSE, start_ns)
            raise
        self._leave(ANSWERED)
        self._meter.step(Phase.CLOSE, start_ns, self.free_ns)
        return ANSWERED

    def _keep(
        self, link: Link, messages: Iterator[Message], depth: int, may_send: Callable[[], bool]
    ) -> Outcome:
        due: deque[Message] = deque()
        while True:
            if len(due) < depth and may_send():
                self._send_many(link, list(islice(messages, depth - len(due))), due)
            if not due:
                return ANSWERED
            self._take_in(link.receive())
            outcome = self._book_whole(due)
            if outcome is not ANSWERED:
                return outcome

    def _send_many(self, link: Link, batch: list[Message], due: deque[Message]) -> None:
        sent_ns = _now_ns()
        self._begin_message(batch[0], sent_ns)
        for message in batch[1:]:
            self._in_flight.add(ABSENT, sent_ns, len(message.frame), message.tag)
        due.extend(batch)
        link.send(b"".join([message.frame for message in batch]))

    def _book_whole(self, due: deque[Message]) -> Outcome:
        """Check and book the replies that are there, the oldest first; a complaint is no end of them."""
        replies = self._held_replies()
        while due:
            expect = due[0].expect
            # A frame knows itself where it ends.
            payload = replies.take(whatever if self._framing.cuts else raw_end(expect, None, self._header))
            if payload is None:
                break
            due.popleft()
            outcome = self._book(payload, expect, replies).outcome
            if outcome is not ANSWERED and outcome is not Outcome.ERROR:
                return outcome
        return ANSWERED

    def _post(self, link: Link, message: Message, due_ns: int) -> Outcome:
        sent_ns = _now_ns()
        if self._timestamps.first_sent_ns is None:
            self._timestamps.first_sent_ns = sent_ns
        try:
            link.send(message.frame)
        except OSError as error:
            self._in_flight.add(due_ns, sent_ns, len(message.frame), message.tag)
            outcome, detail = self._explain(error, NOT_TAKEN)
            return self._lose_all(outcome, detail)
        except HarnessError:
            raise
        except BaseException as error:
            self._in_flight.add(due_ns, sent_ns, len(message.frame), message.tag)
            self._lose_all(Outcome.ABORTED, self._interruption(error))
            raise
        self.free_ns = end_ns = _now_ns()
        self._timestamps.answered += 1
        # There is no reply to be looked at.
        tag = message.tag & ~UNCHECKED
        self._meter.message((due_ns, sent_ns, end_ns, ABSENT, ABSENT, len(message.frame), 0, tag))
        return ANSWERED

    @property
    def _last_ns(self) -> int:
        """When the peer last said something, or was connected to."""
        return max(self.free_ns, self._timestamps.connected_ns or ABSENT)

    def _take_in_pushes(self, data: bytes) -> bool:
        """Book what is whole; whether anything was. CutShortError where the peer has closed."""
        self._take_in(data)
        in_flight, replies, timestamps = self._in_flight, self._held_replies(), self._timestamps
        start_ns, end_ns = self._last_ns, _now_ns()
        while (payload := replies.take(whatever)) is not None:
            # All that came belongs to the first: only the sum is a figure.
            received, in_flight.received = in_flight.received, 0
            self._meter.message((ABSENT, start_ns, end_ns, ABSENT, ABSENT, 0, received, 0))
            due_ns = pushed_ns(payload)
            if due_ns is not None and due_ns <= end_ns:
                self._meter.step(_FAN_OUT, due_ns, end_ns)
            timestamps.answered += 1
            start_ns = self.free_ns = end_ns
        return start_ns == end_ns

    def _stopped_taking(self) -> Outcome:
        """Whoever ends the user has ended its waiting: no message was lost by that."""
        self._leave(Outcome.ABORTED)
        return Outcome.ABORTED


def message_ring(
    framing: Framing, size: int, expect: bytes | None, *, echo: bool, timing: bool
) -> tuple[Message, ...]:
    """Messages of `size` bytes to be sent round and round.

    Each differs from its neighbours, so that a reply to another message shows. echo: each expects its own
    payload; else all expect `expect`.
    """
    length = max(2, min(RING, RING_BYTES // size))
    return tuple(
        prepare(framing, payload, payload if echo else expect, timing, distinct=echo)
        for payload in islice(payloads(size), length)
    )


def payloads(size: int) -> Iterator[bytes]:
    """Endless printable payloads of `size` bytes that differ from one to the next."""
    filler = (_ALPHABET * (size // len(_ALPHABET) + 1))[:size]
    for number in count():
        head = b"%08x" % (number & 0xFFFFFFFF)
        yield (head[-size:] if size < len(head) else head + filler[len(head) :])
