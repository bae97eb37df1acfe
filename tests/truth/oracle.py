"""Holds what a client told of a case against what its server knows that it did. Pure: complaints come out.

What a message must have become follows from the bytes that the server sent on its connection, from when it
sent them, and from when the client sent the message. Only this cannot be decided, by anybody, and is let
pass: bytes that look like the right reply, and came while one was due.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lockstep.tcp.samples import Outcome, Phase, Sample
from tests.truth.account import ConnectionLog
from tests.truth.cases import request_frame
from tests.truth.pairing import Message, pair
from tests.truth.player import Played
from tests.truth.reasons import Complain, judge_detail, judge_failed
from tests.truth.streams import Stream, frame_at

_A = Outcome.ANSWERED
_OUTCOMES = set(Outcome)


def complaints(played: Played) -> list[str]:
    """What is wrong with the client's account of a case; empty where nothing is."""
    told = played.told
    raised = [call for call in told.calls if call.outcome not in _OUTCOMES]
    found = [f"{call.verb} {call.index} raised {call.outcome}" for call in raised]
    messages = pair(played, found.append)
    connects = [sample for sample in told.samples if sample.phase is Phase.CONNECT]
    if len(connects) != len(played.logs):
        found.append(f"{len(connects)} connects were told, {len(played.logs)} connections were accepted")
        return found
    for number, log in enumerate(played.logs):
        here = [each for each in messages if each.connection == number]
        here.sort(key=lambda each: each.sample.start_ns)
        _Walk(played, number, log, here, found.append).walk()
    for message in messages:
        _judge_call(message, found.append)
    return found


def _judge_call(message: Message, complain: Complain) -> None:
    """What its caller was told is what was booked, and within the call."""
    sample, call, fetched = message.sample, message.call, message.fetched
    name = f"message {message.asked.index}"
    if sample.start_ns < call.start_ns:
        complain(f"{name} began before it was sent")
    if sample.end_ns < sample.start_ns:
        complain(f"{name} ended before it began")
    if call.verb == "send" and fetched is call:
        if sample.outcome is _A:
            complain(f"{name} was answered, though nobody fetched its reply")
        return
    if sample.end_ns > fetched.end_ns:
        complain(f"{name} ended after its call")
    if fetched.outcome != sample.outcome:
        complain(f"{name} was booked as {sample.outcome}, its caller was told {fetched.outcome}")
    if sample.outcome is _A and not fetched.connected:
        complain(f"{name} was answered, but the connection is gone")


class _Walk:
    """Goes along the bytes that a server said on one connection, message by message as they were sent."""

    def __init__(
        self, played: Played, number: int, log: ConnectionLog, messages: Sequence[Message], complain: Complain
    ) -> None:
        self._case = played.case
        self._samples = list(_of_connection(played.told.samples, number))
        self._name = f"connection {number}"
        self._log = log
        self._heard = dict(log.requests)
        self._messages = messages
        self._replied = [each for each in messages if each.asked.replied]
        self._complain = complain
        self._stream = Stream.of(log)
        self._position = 0

    def walk(self) -> None:
        """Complain of whatever cannot have been."""
        broken: Message | None = None
        last: Message | None = None
        for message in self._messages:
            sample = message.sample
            if broken is not None:
                self._behind(broken, message)
            elif sample.outcome is not _A:
                broken = message
                younger = self._younger(message)
                args = (message, younger, self._stream, self._position, self._log)
                judge_failed(self._case, self._complain, *args)
            elif not message.asked.replied:
                if sample.received_bytes:
                    self._complain(f"message {message.asked.index} gets no reply, but bytes were booked")
            else:
                self._answered(message, last)
                last = message
        self._judge_steps(broken)

    def _behind(self, broken: Message, message: Message) -> None:
        """What was in flight when the connection was given up is lost with it; nothing goes out any more."""
        name, sample = f"message {message.asked.index}", message.sample
        if sample.outcome not in (broken.sample.outcome, Outcome.ABORTED):
            self._complain(f"{name} is {sample.outcome} behind one that is {broken.sample.outcome}")
        if sample.start_ns > broken.sample.end_ns:
            self._complain(f"{name} went out on a connection that was given up")

    def _younger(self, message: Message) -> Message | None:
        rest = self._replied[self._replied.index(message) + 1 :] if message.asked.replied else []
        return rest[0] if rest else None

    def _answered(self, message: Message, last: Message | None) -> None:
        """By exactly these bytes, said by the server for exactly this message."""
        asked, sample, fetched, start = message.asked, message.sample, message.fetched, self._position
        name = f"message {asked.index}"
        size = sample.received_bytes if self._case.framing == "raw" and not asked.checked else None
        frame = frame_at(self._case, self._stream.data, start, asked, size)
        if frame is None:
            self._complain(f"{name} is answered, but its server had not said a whole reply")
            return
        self._position, times, payload = frame
        if asked.checked and payload != asked.right:
            self._complain(f"{name} is answered by {payload!r:.60}, right is {asked.right!r:.60}")
        if fetched.verb != "exchange" and fetched.payload is not None and fetched.payload != payload:
            self._complain(f"{name} returned {fetched.payload!r:.60}, its server said {payload!r:.60}")
        if (sample.wait_ns, sample.service_ns) != (times or (None, None)):
            self._complain(f"{name} has times {sample.wait_ns}, {sample.service_ns}, told were {times}")
        # Replies that came in one receive are booked with the first of them.
        if message.call.verb != "send" and sample.received_bytes != self._position - start:
            self._complain(f"{name} booked {sample.received_bytes} bytes of {self._position - start}")
        self._judge_times(name, message)
        if self._was_old(message, last, start):
            self._complain(f"{name} is answered by bytes that were there before it was sent")

    def _judge_times(self, name: str, message: Message) -> None:
        """Not shorter than the server took, and not longer than the machine may have slept."""
        sample, index = message.sample, message.asked.index
        before_ns, after_ns = self._stream.sent_at(self._position - 1)
        if sample.end_ns < before_ns:
            self._complain(f"{name} ended {before_ns - sample.end_ns} ns before its reply was sent")
        if sample.end_ns > max(after_ns, message.fetched.start_ns) + message.slack_ns:
            self._complain(f"{name} ended {sample.end_ns - after_ns} ns after its reply was sent")
        if index in self._heard and sample.start_ns > self._heard[index]:
            self._complain(f"{name} began {sample.start_ns - self._heard[index]} ns after its server had it")

    def _was_old(self, message: Message, last: Message | None, position: int) -> bool:
        """Whether the byte there had come, for certain, before the message was to be sent."""
        start_ns = message.call.start_ns
        if last is not None and start_ns < last.sample.end_ns:
            # Something was due, and something came: that it was too much shows when the pipeline has run dry.
            return False
        if self._stream.sent_at(position)[1] < start_ns:
            return True
        return position > 0 and self._stream.together(position - 1, position)

    def _judge_steps(self, broken: Message | None) -> None:
        """The connection's first reply, its close, its bytes."""
        samples, stream, complain = self._samples, self._stream, self._complain
        answered = [each.sample for each in self._replied if each.sample.outcome is _A]
        firsts = [(each.start_ns, each.end_ns) for each in samples if each.phase is Phase.FIRST_REPLY]
        if firsts != [(each.start_ns, each.end_ns) for each in answered[:1]]:
            complain(f"{self._name}: first replies {firsts}")
        closes = [each for each in samples if each.phase is Phase.CLOSE]
        if broken is None and not closes and samples[0].outcome is _A:
            complain(f"{self._name} was given up without a word")
        for close in closes:
            self._judge_close(close)
        clean = broken is None and bool(closes) and closes[0].outcome is _A
        sent = sum(len(request_frame(self._case, each.asked)) for each in self._messages)
        if clean and self._log.end is None and sent != self._log.received_bytes:
            complain(f"{self._name}: {sent} bytes were sent, its server had {self._log.received_bytes}")
        booked = sum(each.received_bytes for each in samples)
        if booked > len(stream.data) or (clean and booked != len(stream.data)):
            complain(f"{self._name}: {booked} bytes were booked, its server said {len(stream.data)}")

    def _judge_close(self, close: Sample) -> None:
        unread = self._stream.data[self._position :]
        name = f"close of {self._name} is {close.outcome} ({close.detail:.200})"
        left_as = self._log.end[0] if self._log.end else None
        if close.outcome is _A:
            if unread and left_as != "reset":
                self._complain(f"{name}, but nobody asked for {unread!r:.60}")
        elif close.outcome is Outcome.MISMATCH:
            if not unread:
                self._complain(f"{name}, but nothing was left")
            judge_detail(self._case, self._complain, name, close, unread, 0, whole=False)
        elif close.outcome is not Outcome.RESET or left_as not in ("reset", "close"):
            self._complain(f"{name}, but its server left as {self._log.end}")


def _of_connection(samples: Sequence[Sample], number: int) -> Iterator[Sample]:
    at = -1
    for sample in samples:
        at += sample.phase is Phase.CONNECT
        if at == number:
            yield sample
