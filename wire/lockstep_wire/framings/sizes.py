"""Payloads of one size, and payloads behind a size of as few bytes as it takes."""

from __future__ import annotations

from lockstep_wire.framing import Decoder, FrameTooLong, Framing, Maker, Malformed, no_more
from lockstep_wire.framings.spelling import whole_number
from lockstep_wire.framings.stepwise import Held, StepwiseDecoder

# Seven bits a byte: so many hold any number of 64 bits.
_VARINT_BYTES = 10


class FixedDecoder(StepwiseDecoder):
    """Cuts after every so many bytes."""

    __slots__ = ("_frame_bytes", "_max_frame")

    def __init__(self, size: int, max_frame: int) -> None:
        super().__init__()
        self._frame_bytes = size
        self._max_frame = max_frame

    def _size_of(self, held: Held, start: int) -> int:  # noqa: ARG002 (all frames are alike)
        if self._frame_bytes > self._max_frame:
            raise FrameTooLong(self._frame_bytes, self._max_frame)
        return self._frame_bytes

    def _payload(self, frame: bytes) -> bytes:
        return frame


class Fixed(Framing):
    """Every message has the same size."""

    def __init__(self, size: int) -> None:
        """ValueError where that is not a whole number of bytes, 1 or more."""
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"fixed({size!r:.40}): give a whole number of bytes, 1 or more")
        self.size = size
        self.name = f"fixed:{size}"

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        if len(payload) != self.size:
            raise ValueError(f"a {self.name} payload has {self.size} bytes, this one has {len(payload)}")
        return payload

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return FixedDecoder(self.size, max_frame)


class VarintDecoder(StepwiseDecoder):
    """Cuts where the varint before a payload says."""

    __slots__ = ("_head", "_max_frame")

    def __init__(self, max_frame: int) -> None:
        super().__init__()
        self._head = 0
        self._max_frame = max_frame

    def _size_of(self, held: Held, start: int) -> int:
        value, head = varint_at(held, start, _VARINT_BYTES)
        if not head:
            return 0
        if value > self._max_frame:
            raise FrameTooLong(value, self._max_frame)
        self._head = head
        return head + value

    def _payload(self, frame: bytes) -> bytes:
        return frame[self._head :]


class Varint(Framing):
    """A length in seven bits a byte, lowest first, then the payload: protobuf's delimited messages."""

    name = "varint"

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        return as_varint(len(payload)) + payload

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return VarintDecoder(max_frame)


def as_varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; the eighth says that more follow."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def varint_at(held: Held, at: int, most: int) -> tuple[int, int]:
    """The number that stands there, and in how many bytes; 0, 0 if it is not all there.

    Malformed if it goes on after `most` bytes.
    """
    value = 0
    for index, byte in enumerate(held[at : at + most]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, index + 1
    if len(held) - at >= most:
        raise Malformed(f"a length that does not end within {most} bytes")
    return 0, 0


def fixed(size: int) -> Fixed:
    """Messages of `size` bytes each, 1 or more."""
    return Fixed(size)


def varint() -> Varint:
    """Messages behind their length as a varint, as protobuf writes several into one stream."""
    return Varint()


MAKERS: dict[str, Maker] = {
    "fixed": lambda rest: Fixed(whole_number("fixed:N, N =", rest)),
    "varint": lambda rest: no_more("varint", rest, Varint()),
}
