"""Where one message ends and the next begins: raw, line and length.

A decoder belongs to one direction of one connection. It is fed whatever the socket gave and returns
the payloads that are now complete; the work is linear in the bytes fed, however they were cut.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol

from lockstep_wire.peer import FrameTooLong
from lockstep_wire.timing import BinaryTiming, TextTiming, Timing

_LENGTH = struct.Struct(">I")
_MAX_LENGTH = 2**32 - 1


class Decoder(Protocol):
    """Bytes in, payloads out."""

    @property
    def pending(self) -> bool:
        """Whether bytes of an unfinished frame are held."""

    @property
    def held(self) -> bytes:
        """These bytes."""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that `data` completes, in order. FrameTooLong ends the decoder's life."""


class Framing(Protocol):
    """A way to cut a byte stream into payloads."""

    @property
    def name(self) -> str:
        """The name users give."""

    @property
    def timing(self) -> Timing:
        """The form of the timing header that fits this framing."""

    def encode(self, payload: bytes) -> bytes:
        """The frame of a payload. ValueError if this framing cannot carry it."""

    def decoder(self, max_frame: int) -> Decoder:
        """A fresh decoder that refuses payloads of more than `max_frame` bytes."""


class RawDecoder:
    """Whatever one receive gives is one payload."""

    pending = False
    held = b""

    @staticmethod
    def feed(data: bytes) -> list[bytes]:
        """See Decoder.feed."""
        return [data] if data else []


class LineDecoder:
    """Payloads end with a newline, which is not part of them."""

    __slots__ = ("_held", "_held_bytes", "_max_frame")

    def __init__(self, max_frame: int) -> None:
        self._max_frame = max_frame
        self._held: list[bytes] = []
        self._held_bytes = 0

    @property
    def pending(self) -> bool:
        """See Decoder.pending."""
        return self._held_bytes > 0

    @property
    def held(self) -> bytes:
        """See Decoder.held."""
        return b"".join(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """See Decoder.feed."""
        if b"\n" not in data:
            self._hold(data)
            return []
        *payloads, rest = data.split(b"\n")
        if self._held:
            payloads[0] = b"".join([*self._held, payloads[0]])
            self._held.clear()
            self._held_bytes = 0
        for index, payload in enumerate(payloads):
            if len(payload) > self._max_frame:
                raise FrameTooLong(len(payload), self._max_frame, payload, payloads[:index])
        if rest:
            self._hold(rest, payloads)
        return payloads

    def _hold(self, data: bytes, before: Sequence[bytes] = ()) -> None:
        self._held_bytes += len(data)
        self._held.append(data)
        if self._held_bytes > self._max_frame:
            raise FrameTooLong(self._held_bytes, self._max_frame, self.held, before)


class LengthDecoder:
    """Payloads follow their length, four bytes big-endian."""

    __slots__ = ("_held", "_max_frame", "_wanted")

    def __init__(self, max_frame: int) -> None:
        self._max_frame = max_frame
        self._held = bytearray()
        self._wanted = _LENGTH.size  # nothing can be complete before this many bytes are held

    @property
    def pending(self) -> bool:
        """See Decoder.pending."""
        return bool(self._held)

    @property
    def held(self) -> bytes:
        """See Decoder.held."""
        return bytes(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """See Decoder.feed."""
        if not self._held and len(data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data)
            if length == len(data) - _LENGTH.size <= self._max_frame:
                return [data[_LENGTH.size :]]
        self._held += data
        if len(self._held) < self._wanted:
            return []
        return self._cut()

    def _cut(self) -> list[bytes]:
        held, start = self._held, 0
        payloads: list[bytes] = []
        self._wanted = _LENGTH.size
        while len(held) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(held, start)
            if length > self._max_frame:
                raise FrameTooLong(length, self._max_frame, bytes(held[start:]), payloads)
            end = start + _LENGTH.size + length
            if end > len(held):
                self._wanted = end - start
                break
            payloads.append(bytes(held[start + _LENGTH.size : end]))
            start = end
        del held[:start]
        return payloads


class Raw:
    """No framing: the seed's way, and netcat's. One receive is one payload, so max_frame means nothing."""

    name = "raw"
    timing: Timing = BinaryTiming()

    @staticmethod
    def encode(payload: bytes) -> bytes:
        """See Framing.encode."""
        return payload

    @staticmethod
    def decoder(max_frame: int) -> Decoder:  # noqa: ARG004 - nothing is ever held
        """See Framing.decoder."""
        return RawDecoder()


class Line:
    """One line is one payload; readable, but a payload cannot hold a newline."""

    name = "line"
    timing: Timing = TextTiming()

    @staticmethod
    def encode(payload: bytes) -> bytes:
        """See Framing.encode."""
        if b"\n" in payload:
            raise ValueError("a line payload cannot hold a newline; use the length framing")
        return payload + b"\n"

    @staticmethod
    def decoder(max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return LineDecoder(max_frame)


class Length:
    """A four-byte length, then that many bytes; carries anything, up to 4 GiB less one byte."""

    name = "length"
    timing: Timing = BinaryTiming()

    @staticmethod
    def encode(payload: bytes) -> bytes:
        """See Framing.encode."""
        if len(payload) > _MAX_LENGTH:
            raise ValueError(f"a payload of {len(payload)} bytes does not fit a four-byte length")
        return _LENGTH.pack(len(payload)) + payload

    @staticmethod
    def decoder(max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return LengthDecoder(max_frame)


FRAMINGS: dict[str, Framing] = {framing.name: framing for framing in (Raw(), Line(), Length())}


def get_framing(name: str) -> Framing:
    """The framing of that name. ValueError that lists the names if there is none."""
    try:
        return FRAMINGS[name]
    except KeyError:
        raise ValueError(f"unknown framing {name!r}; choose from {', '.join(FRAMINGS)}") from None
