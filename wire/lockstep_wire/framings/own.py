"""A framing of one's own: a function that says how long the frame is that begins here."""

from __future__ import annotations

from collections.abc import Callable

from lockstep_wire.framing import Decoder, FrameTooLong, Framing
from lockstep_wire.framings.stepwise import Held, StepwiseDecoder

Ends = Callable[[bytes], int | None]
Change = Callable[[bytes], bytes]

# How much of what is held is looked at first: most frames say at their beginning how long they are.
_FIRST_LOOK = 256


class OwnDecoder(StepwiseDecoder):
    """Asks the function with more and more of what is held, so that many small frames are not shown again
    and again with everything behind them."""

    __slots__ = ("_ends", "_max_frame", "_shown", "_strip")

    def __init__(self, ends: Ends, strip: Change, max_frame: int) -> None:
        super().__init__()
        self._ends = ends
        self._strip = strip
        self._max_frame = max_frame
        self._shown = 0

    def _size_of(self, held: Held, start: int) -> int:
        there = len(held) - start
        look = max(_FIRST_LOOK, 2 * self._shown)
        while True:
            self._shown = min(look, there)
            size = self._ends(bytes(held[start : start + self._shown]))
            if size is not None:
                return self._checked(size)
            if self._shown == there:
                break
            look *= 2
        if there > self._max_frame:
            raise FrameTooLong(there, self._max_frame)
        return 0

    def _checked(self, size: int) -> int:
        self._shown = 0
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{self._ends!r:.60} says {size!r}: {_GIVES}")
        if size > self._max_frame:
            raise FrameTooLong(size, self._max_frame)
        return size

    def _payload(self, frame: bytes) -> bytes:
        return self._strip(frame)


_GIVES = "it tells how many bytes the frame has that begins with these, 1 or more, and None if it is unknown"


def _as_it_is(data: bytes) -> bytes:
    return data


class Own(Framing):
    """Frames that end where a function says. max_frame is of the frame."""

    def __init__(self, ends: Ends, encode: Change = _as_it_is, strip: Change = _as_it_is) -> None:
        """See framed_by()."""
        if not callable(ends):
            raise ValueError(f"framed_by({ends!r:.60}): give a function; {_GIVES}")
        self._ends = ends
        self._encode = encode
        self._strip = strip
        self.name = f"framed_by:{getattr(ends, '__qualname__', type(ends).__name__)}"

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        return self._encode(payload)

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return OwnDecoder(self._ends, self._strip, max_frame)


def framed_by(ends: Ends, encode: Change = _as_it_is, strip: Change = _as_it_is) -> Own:
    """Messages that end where a function of yours says.

    ends: given bytes of which the first begin a frame, it tells how many of them, or how many more than are
    there, are that frame; None if that cannot be said yet. It may raise `Malformed` where they are no frame.
    encode: payload to frame. strip: frame to payload. Without them frames are sent and given as they are.

    Bytes may come one by one: what it says of some bytes has to hold when there are more.
    """
    return Own(ends, encode, strip)
