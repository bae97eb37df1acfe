"""Replies as they come in: whole where they are framed, and whether each is right. Never sees a socket."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from lockstep.errors import HarnessError
from lockstep.tcp.endings import END_GIVES, RawEnd
from lockstep.tcp.expect import Wanted, what_is_wrong
from lockstep.tcp.samples import ABSENT, ANSWERED, Outcome, with_bytes
from lockstep_wire.framing import Framing
from lockstep_wire.peer import FrameError, HeaderMissing
from lockstep_wire.timing import Timing

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
        except HeaderMissing:
            return Checked(Outcome.MISMATCH, with_bytes(NO_TIMING, payload), payload, None, None)
        if max(wait_ns, service_ns) > _LONGEST_NS:
            return Checked(Outcome.MISMATCH, with_bytes(NO_TIMING, payload), payload, wait_ns, service_ns)
    wrong = what_is_wrong(payload, expect)
    if wrong is not None or expect is None:
        said = error_in(payload)
        if said is not None:
            return Checked(Outcome.ERROR, said, payload, wait_ns, service_ns)
    if wrong is not None:
        return Checked(Outcome.MISMATCH, with_bytes(wrong, payload), payload, wait_ns, service_ns)
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
