"""Payloads that follow their length, wherever in the frame it stands and whatever it counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, Literal

from lockstep_wire.framing import Decoder, FrameTooLong, Framing, Maker, Malformed
from lockstep_wire.framings.spelling import SIZES, options_in, whole_number
from lockstep_wire.framings.stepwise import Held, StepwiseDecoder

Counts = Literal["payload", "frame"]

_ORDERS: dict[str, Literal["big", "little"]] = {">": "big", "!": "big", "<": "little"}
# As in Python's struct; it has nothing for three bytes.
_WIDTHS = {"B": 1, "H": 2, "3": 3, "I": 4, "Q": 8}
_FORMATS = "write > (big-endian) or < (little-endian), then B, H, 3, I or Q for 1, 2, 3, 4 or 8 bytes"

Unpack = Callable[[Any, int], Sequence[int]]


class LengthDecoder(StepwiseDecoder):
    """Cuts where the length says. Payloads are frames without their length."""

    __slots__ = ("_head", "_max_frame", "_offset", "_uncounted", "_unpack", "_width")

    def __init__(self, framing: Length, max_frame: int) -> None:
        super().__init__()
        self._unpack = framing.unpack
        self._offset = framing.offset
        self._width = framing.width
        self._head = framing.offset + framing.width
        self._uncounted = framing.uncounted
        self._max_frame = max_frame

    def feed(self, data: bytes) -> list[bytes]:
        """See Decoder.feed."""
        # One whole frame, and nothing else, is by far the most that comes.
        if not self._held and len(data) >= self._head and not self._offset:
            (length,) = self._unpack(data, 0)
            if length + self._uncounted == len(data) <= self._max_frame + self._width:
                return [data[self._width :]]
        return super().feed(data)

    def _size_of(self, held: Held, start: int) -> int:
        if len(held) - start < self._head:
            return 0
        (length,) = self._unpack(held, start + self._offset)
        size = int(length) + self._uncounted
        if size < self._head:
            raise Malformed(f"a frame whose length field says {length}, less than there is up to its end")
        if size - self._width > self._max_frame:
            raise FrameTooLong(size - self._width, self._max_frame)
        return size

    def _payload(self, frame: bytes) -> bytes:
        if not self._offset:
            return frame[self._width :]
        return frame[: self._offset] + frame[self._head :]


class Length(Framing):
    """A length of `width` bytes, in a frame that has `uncounted` bytes more than it says."""

    def __init__(self, form: str, counts: Counts = "payload", offset: int = 0, adds: int = 0) -> None:
        """See length()."""
        order, letter = (form[:1], form[1:]) if form[:1] in _ORDERS else (">", form)
        if letter not in _WIDTHS or (letter == form and letter != "B"):
            raise ValueError(f"length({form!r}): {_FORMATS}")
        if counts not in ("payload", "frame"):
            raise ValueError(f"length({form!r}, counts={counts!r}): it counts 'payload' or 'frame'")
        if offset < 0:
            raise ValueError(f"length({form!r}, offset={offset}): so many bytes stand before it, 0 or more")
        self.width = _WIDTHS[letter]
        self.offset = offset
        self.uncounted = adds + (offset + self.width if counts == "payload" else 0)
        self._order = _ORDERS[order]
        self.unpack: Unpack = self._unpack_three if letter == "3" else Struct(order + letter).unpack_from
        said = (
            ("counts=frame", counts == "frame"),
            (f"offset={offset}", offset),
            (f"adds={adds}", adds),
        )
        canonical = letter if letter == "B" else ("<" if order == "<" else ">") + letter
        name = ",".join((f"length:{canonical}", *(text for text, is_said in said if is_said)))
        self.name = "length" if name == "length:>I" else name

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        offset, width = self.offset, self.width
        if len(payload) < offset:
            raise ValueError(f"a {self.name} payload begins with {offset} bytes, this one has {len(payload)}")
        length = len(payload) + width - self.uncounted
        if not 0 <= length < 1 << 8 * width:
            raise ValueError(f"a payload of {len(payload)} bytes does not fit a {SIZES[width]}-byte length")
        return payload[:offset] + length.to_bytes(width, self._order) + payload[offset:]

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return LengthDecoder(self, max_frame)

    def _unpack_three(self, held: Any, at: int) -> Sequence[int]:
        return (int.from_bytes(held[at : at + 3], self._order),)


def length(form: str = ">I", counts: Counts = "payload", offset: int = 0, adds: int = 0) -> Length:
    """Messages with their length in a field, which is not part of the payload: the framing puts it there.

    form: of the field, as in Python's struct: `B`, `>H`, `<I`, `>Q`; `>3` has three bytes. counts: what is
    counted, the `payload` behind the field, or the whole `frame`. offset: bytes of the frame before the
    field; a payload begins with them. adds: bytes of the frame besides, which are not counted; less than 0
    where more is counted. memcached's binary messages are `length(">I", offset=8, adds=12)`.

    ValueError where that makes no sense.
    """
    return Length(form, counts, offset, adds)


def _from_text(rest: str) -> Framing:
    form, said = options_in("length", rest or ">I", ("counts", "offset", "adds"))
    counts: Any = said.get("counts", "payload")
    offset, adds = (whole_number(name, said.get(name, "0")) for name in ("offset", "adds"))
    return Length(form, counts, offset, adds)


MAKERS: dict[str, Maker] = {"length": _from_text}
