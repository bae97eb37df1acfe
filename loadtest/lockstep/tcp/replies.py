"""Replies: what one is to be, where a raw one ends, and whether what came is it. Never sees a socket.

Exact bytes are the short way: what must come over the socket is then known before anything is sent.
"""

from __future__ import annotations

import re
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lockstep.errors import HarnessError, printable
from lockstep.tcp.samples import ANSWERED, SHOWN_BYTES, Outcome, with_bytes
from lockstep_wire.framing import FrameError, Framing, PeerError

if TYPE_CHECKING:
    from lockstep_wire.framings.until import Until
    from lockstep_wire.timing import Timing

Judge = Callable[[bytes], str | bool | None]
"""What is wrong with a payload, in words; None or True where nothing is, False where no words are needed."""
Expect = bytes | bytearray | memoryview | re.Pattern[bytes] | Judge
"""What may be expected: see `TcpClient.request`."""
Wanted = bytes | Judge | None
"""The same once it is known to make sense; None takes anything."""

WRONG_REPLY = "the reply is not what was expected"
KINDS = (
    "give bytes, a pattern of bytes (re.compile(rb'...')), prefix(b'...'), size(n), or a function that takes "
    "the payload and returns what is wrong with it, or None"
)


def as_bytes(what: str, value: object) -> bytes:
    """A payload, or what is to come back; HarnessError where it is not bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    remedy = "put b before the quotes, or add .encode()" if isinstance(value, str) else "give bytes"
    raise HarnessError(f"{what} is {type(value).__name__} ({value!r:.40}), not bytes: {remedy}")


@dataclass(frozen=True, slots=True)
class Prefix:
    """A reply that begins with these bytes."""

    start: bytes

    def __call__(self, payload: bytes) -> str | None:
        """See Judge."""
        right = payload.startswith(self.start)
        return None if right else f"the reply does not begin with {shown(self.start)}"


@dataclass(frozen=True, slots=True)
class Size:
    """A reply of so many bytes."""

    count: int

    def __call__(self, payload: bytes) -> str | None:
        """See Judge."""
        return None if len(payload) == self.count else f"the reply has {len(payload)} bytes, not {self.count}"


@dataclass(frozen=True, slots=True)
class _Found:
    pattern: re.Pattern[bytes]

    def __call__(self, payload: bytes) -> str | None:
        if self.pattern.search(payload):
            return None
        return f"nothing in the reply matches {shown(self.pattern.pattern)}"


def prefix(start: bytes) -> Prefix:
    """For `expect=`: any reply that begins with these bytes. HarnessError where there are none."""
    start = as_bytes("what prefix() is given", start)
    if not start:
        raise HarnessError("prefix(b''): give the bytes that a reply begins with")
    return Prefix(start)


def size(count: int) -> Size:
    """For `expect=`: any reply of so many bytes. HarnessError where that is not a whole number of bytes."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise HarnessError(f"size({count!r:.40}): give a whole number of bytes")
    return Size(count)


def wanted(expect: object) -> Wanted:
    """What is expected, as it is asked of a payload. HarnessError where that is nothing of the kind."""
    if expect is None or isinstance(expect, bytes):
        return expect
    if isinstance(expect, re.Pattern):
        if isinstance(expect.pattern, bytes):
            return _Found(expect)
        raise HarnessError(f"the pattern {expect.pattern!r:.40} is of text: write re.compile(rb'...')")
    if isinstance(expect, str | bytearray | memoryview):
        return as_bytes("what is expected", expect)
    if callable(expect):
        return expect
    raise HarnessError(f"expect={expect!r:.40} is {type(expect).__name__}: {KINDS}")


def what_is_wrong(payload: bytes, expect: Wanted) -> str | None:
    """In words; None where the payload is as expected. HarnessError where a function of the user's own says
    neither."""
    if expect is None or payload == expect:
        return None
    if isinstance(expect, bytes):
        return WRONG_REPLY
    said = expect(payload)
    if said is None or said is True:
        return None
    if said is False:
        return WRONG_REPLY
    if isinstance(said, str):
        return said or WRONG_REPLY
    raise HarnessError(f"the function given as `expect` says {said!r:.40}: {KINDS}")


def shown(data: bytes) -> str:
    """How bytes are called in a sentence."""
    return repr(data if len(data) <= SHOWN_BYTES else data[:SHOWN_BYTES] + b"...")


RawEnd = Callable[[bytes], int | None]
"""Where a reply without an end mark of its own ends: how many of these bytes it is, None if more must come.
A wrong reply ends as soon as it is known to be wrong. Not asked while there are none."""
END_GIVES = "tells how many of the bytes that are there are the reply, and None if more must come"
EMPTY_REPLY = "an empty raw reply never comes: to a message that gets none say send(..., reply=False)"


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


def begun(start: bytes) -> RawEnd:
    """All that is there, once it is known whether it begins so."""

    def end(held: bytes) -> int | None:
        return None if len(held) < len(start) and start.startswith(held) else len(held)

    return end


def raw_end(expect: Wanted, end: RawEnd | None, header: int) -> RawEnd:
    """Where a raw reply ends: as `end` says, else where what is expected does, else with what came first.

    header: bytes of a timing header before it. HarnessError where it could never end.
    """
    if end is not None and not callable(end):
        raise HarnessError(f"end={end!r:.40}: give sized(...), until(...), or a function that {END_GIVES}")
    if (expect == b"" or expect == Size(0)) and not header:
        raise HarnessError(EMPTY_REPLY)
    if end is None:
        if isinstance(expect, bytes):
            return expected(expect, header)
        if isinstance(expect, Size):
            end = sized(expect.count) if expect.count else whatever
        else:
            end = begun(expect.start) if isinstance(expect, Prefix) else whatever
    return _behind(header, end) if header else end


def _behind(header: int, end: RawEnd) -> RawEnd:
    def behind(held: bytes) -> int | None:
        size = end(held[header:]) if len(held) > header else None
        return None if size is None else header + size

    return behind


NO_TIMING = "the reply has no timing header: is the server's --timing on?"
# What an int64 holds; the header's field is unsigned.
_LONGEST_NS = (1 << 63) - 1
# Signed, though the header is not: what no clock can have counted then shows as less than nothing.
_TIMED_FRAME = struct.Struct(">Iqq")
_TIMED_RAW = struct.Struct(">qq")


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


def complains(framing: Framing) -> bool:
    """Whether this framing knows how its peers say that something is an error."""
    return type(framing).error_in is not Framing.error_in


def full_check(
    payload: bytes, expect: Wanted, timing: Timing | None, error_in: Callable[[bytes], str | None]
) -> Checked:
    """Whether a whole reply is the right one.

    payload: header included. timing: the form of the header, None where there is none. expect: what must
    follow the header; None takes anything but errors. error_in: what the peer complains of in it.
    What is not as expected is an ERROR where the peer complains in its own words, else a MISMATCH.
    """
    wait_ns = service_ns = None
    if timing is not None:
        try:
            wait_ns, service_ns, payload = timing.unpack(payload)
        except PeerError:
            return Checked(Outcome.MISMATCH, with_bytes(NO_TIMING, payload), payload, None, None)
        if max(wait_ns, service_ns) > _LONGEST_NS:
            return Checked(Outcome.MISMATCH, with_bytes(NO_TIMING, payload), payload, wait_ns, service_ns)
    wrong = what_is_wrong(payload, expect)
    if wrong is not None or expect is None:
        said = error_in(payload)
        if said is not None:
            return Checked(Outcome.ERROR, printable(said), payload, wait_ns, service_ns)
    if wrong is not None:
        return Checked(Outcome.MISMATCH, with_bytes(wrong, payload), payload, wait_ns, service_ns)
    return Checked(ANSWERED, "", payload, wait_ns, service_ns)


def timed_check_of(framing: Framing) -> TimedCheck:
    """What suits a target that tells times. Replies with a header in text have none: all get a full check."""
    return {"length": _timed_frame, "raw": _timed_raw}.get(framing.name, _never)


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


TimedCheck = Callable[[bytes, bytes], tuple[int, int] | None]
"""(what one receive brought, the reply due) -> (wait_ns, service_ns), where it is that, whole and alone.

None says only that a full check is needed.
"""
