"""Messages made ready, and their replies: where one ends, and whether it is right. Never sees a socket."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple

from lockstep.errors import HarnessError
from lockstep.tcp.samples import ABSENT, ANSWERED, Outcome, with_bytes
from lockstep_wire.framing import Framing
from lockstep_wire.peer import FrameError, HeaderMissing
from lockstep_wire.timing import Timing

if TYPE_CHECKING:
    import re

    from lockstep_wire.framings.until import Until

_ALPHABET = b"abcdefghijklmnopqrstuvwxyz"

# A ring of so many messages is made ready, or as few as fit this many bytes: neighbours always differ.
_RING = 256
_RING_BYTES = 1 << 20


class Message(NamedTuple):
    """A message made ready to be sent, and what its reply is to be.

    payload: and its frame, in bytes. expect: the reply's payload, None if unchecked.
    reply: what must come over the socket, but for a timing header; None where that cannot be said beforehand.
    distinct: whether the reply to the message before it looks otherwise, so that it cannot pass for this one.
    """

    payload: bytes
    frame: bytes
    expect: bytes | None
    reply: bytes | None
    distinct: bool = False


def prepare(
    framing: Framing, payload: bytes, expect: bytes | None, timing: bool, distinct: bool = False
) -> Message:
    """A message ready to be sent. ValueError where the framing cannot carry the payload."""
    reply = None
    if expect is not None:
        # With a timing header the fast check finds the payload behind it.
        reply = expect if timing else framing.frame_of(expect)
    return Message(payload, framing.encode(payload), expect, reply, distinct)


def message_ring(
    framing: Framing, size: int, expect: bytes | None, *, echo: bool, timing: bool
) -> tuple[Message, ...]:
    """Messages of `size` bytes to be sent round and round.

    Each differs from its neighbours, so that a reply to another message shows. echo: each expects its own
    payload; else all expect `expect`.
    """
    length = max(2, min(_RING, _RING_BYTES // size))
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


RawEnd = Callable[[bytes], int | None]
"""Where a reply without an end mark of its own ends: how many of these bytes it is, None if more must come.
A wrong reply ends as soon as it is known to be wrong. Not asked while there are none."""
END_GIVES = "tells how many of the bytes that are there are the reply, and None if more must come"
NO_TIMING = "the reply has no timing header: is the server's --timing on?"
EMPTY_REPLY = "an empty raw reply never comes: to a message that gets none say send(..., reply=False)"
WRONG_REPLY = "the reply is not what was expected"
# What an int64 holds; the header's field is unsigned.
_LONGEST_NS = (1 << 63) - 1
# Signed, though the header is not: what no clock can have counted then shows as less than nothing.
_TIMED_FRAME = struct.Struct(">Iqq")
_TIMED_RAW = struct.Struct(">qq")


def as_bytes(what: str, value: object) -> bytes:
    """A payload, or what is to come back; HarnessError where it is not bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    remedy = "put b before the quotes, or add .encode()" if isinstance(value, str) else "give bytes"
    raise HarnessError(f"{what} is {type(value).__name__} ({value!r:.40}), not bytes: {remedy}")


def whatever(held: bytes) -> int:
    """All that is there: times run to the first bytes of a longer reply."""
    return len(held)


def sized(size: int) -> RawEnd:
    """A reply of `size` bytes. HarnessError where that is not a whole number of bytes, 1 or more."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise HarnessError(f"sized({size!r:.40}): give a whole number of bytes, 1 or more")

    def end(held: bytes) -> int | None:
        return size if len(held) >= size else None

    return end


def until(mark: bytes | re.Pattern[bytes], most: int = 1 << 20) -> Until:
    """A reply that ends with these bytes, or with a match of this pattern, which is part of it.

    One that does not within `most` bytes is a MISMATCH. Is a framing too, for replies that all end like
    this. HarnessError where there is no mark.
    """
    from lockstep_wire.framings.until import Until

    try:
        return Until(mark, most)
    except ValueError as error:
        raise HarnessError(str(error)) from error


def expected(reply: bytes, header: int) -> RawEnd:
    """This reply, behind so many bytes that nobody can know beforehand."""
    size = header + len(reply)

    def end(held: bytes) -> int | None:
        if not reply.startswith(held[header:size]):
            return len(held)
        return size if len(held) >= size else None

    return end


def raw_end(expect: bytes | None, end: RawEnd | None, header: int) -> RawEnd:
    """Where a raw reply ends: as `end` says, else where what is expected does, else with what came first.

    header: bytes of a timing header before it. HarnessError where it could never end.
    """
    if expect == b"" and not header:
        raise HarnessError(EMPTY_REPLY)
    if end is not None and not callable(end):
        raise HarnessError(f"end={end!r:.40}: give sized(...), until(...), or a function that {END_GIVES}")
    if end is None and expect is not None:
        return expected(expect, header)
    return _behind(header, end or whatever) if header else end or whatever


def _behind(header: int, end: RawEnd) -> RawEnd:
    def behind(held: bytes) -> int | None:
        size = end(held[header:]) if len(held) > header else None
        return None if size is None else header + size

    return behind


class FramedReplies:
    """What a connection has received until a whole reply is there. Replies with an end of their own."""

    def __init__(self, framing: Framing, max_frame: int) -> None:
        self._decoder = framing.decoder(max_frame)
        self._whole: deque[bytes] = deque()
        # What ended the decoder's life; the replies before it are still good.
        self._broken: FrameError | None = None

    def feed(self, data: bytes) -> None:
        """Take in what one receive brought."""
        try:
            self._whole.extend(self._decoder.feed(data))
        except FrameError as broken:
            self._whole.extend(broken.before)
            self._broken = broken
        except ValueError as error:
            # In a framing of the user's own.
            raise HarnessError(str(error)) from error

    def take(self, end: RawEnd) -> bytes | None:  # noqa: ARG002 (a frame knows its end)
        """The next whole reply, None if it is not all there; FrameError where the peer goes too far."""
        if self._whole:
            return self._whole.popleft()
        if self._broken is not None:
            raise self._broken
        return None

    @property
    def held(self) -> bytes:
        """What is there and was not taken."""
        rest = self._decoder.held if self._broken is None else self._broken.data
        return b"".join((*self._whole, rest))

    @property
    def empty(self) -> bool:
        """Whether nothing is held."""
        return not self._whole and self._broken is None and not self._decoder.pending


class RawReplies:
    """As FramedReplies, for replies without an end mark: whoever takes one says where it ends."""

    def __init__(self) -> None:
        self.held = b""

    def feed(self, data: bytes) -> None:
        """See FramedReplies.feed."""
        self.held += data

    def take(self, end: RawEnd) -> bytes | None:
        """See FramedReplies.take."""
        size = end(self.held) if self.held else None
        if size is None:
            return None
        if isinstance(size, bool) or not 0 < size <= len(self.held):
            raise HarnessError(f"`end` says {size!r} of {len(self.held)} bytes: {END_GIVES}")
        reply, self.held = self.held[:size], self.held[size:]
        return reply

    @property
    def empty(self) -> bool:
        """See FramedReplies.empty."""
        return not self.held


ReplyBuffer = FramedReplies | RawReplies


def reply_buffer(framing: Framing, max_frame: int) -> ReplyBuffer:
    """The buffer that suits a framing."""
    return FramedReplies(framing, max_frame) if framing.cuts else RawReplies()


class Checked(NamedTuple):
    """What a reply turned out to be. payload: without header. wait_ns, service_ns: None where unknown."""

    outcome: Outcome
    detail: str
    payload: bytes
    wait_ns: int | None
    service_ns: int | None


def full_check(payload: bytes, expect: bytes | None, timing: Timing | None) -> Checked:
    """Whether a whole reply is the right one.

    payload: header included. timing: the form of the header, None where there is none. expect: what must
    follow the header; None takes anything.
    """
    wait_ns = service_ns = None
    if timing is not None:
        try:
            wait_ns, service_ns, payload = timing.unpack(payload)
        except HeaderMissing:
            return Checked(Outcome.MISMATCH, with_bytes(NO_TIMING, payload), payload, None, None)
        if max(wait_ns, service_ns) > _LONGEST_NS:
            return Checked(Outcome.MISMATCH, with_bytes(NO_TIMING, payload), payload, wait_ns, service_ns)
    if expect is not None and payload != expect:
        return Checked(Outcome.MISMATCH, with_bytes(WRONG_REPLY, payload), payload, wait_ns, service_ns)
    return Checked(ANSWERED, "", payload, wait_ns, service_ns)


def fast_check_of(framing: Framing, timing: bool) -> FastCheck:
    """What suits a target. Replies with a header in text have none: all get a full check."""
    if not timing:
        return _plain
    return {"length": _timed_frame, "raw": _timed_raw}.get(framing.name, _never)


def _plain(data: bytes, reply: bytes) -> tuple[int, int] | None:
    return (ABSENT, ABSENT) if data == reply else None


def _timed_frame(data: bytes, reply: bytes) -> tuple[int, int] | None:
    if len(data) != _TIMED_FRAME.size + len(reply) or data[_TIMED_FRAME.size :] != reply:
        return None
    length, wait_ns, service_ns = _TIMED_FRAME.unpack_from(data)
    whole = length == _TIMED_RAW.size + len(reply) and wait_ns | service_ns >= 0
    return (wait_ns, service_ns) if whole else None


def _timed_raw(data: bytes, reply: bytes) -> tuple[int, int] | None:
    if len(data) != _TIMED_RAW.size + len(reply) or data[_TIMED_RAW.size :] != reply:
        return None
    wait_ns, service_ns = _TIMED_RAW.unpack_from(data)
    return (wait_ns, service_ns) if wait_ns | service_ns >= 0 else None


def _never(_data: bytes, _reply: bytes) -> tuple[int, int] | None:
    return None


FastCheck = Callable[[bytes, bytes], tuple[int, int] | None]
"""(what one receive brought, the reply due) -> (wait_ns, service_ns), where it is that, whole and alone.

Both are ABSENT where the server does not tell. None says only that a full check is needed.
"""
