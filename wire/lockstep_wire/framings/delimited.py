"""Payloads between bytes that cannot be in them: lines, NUL-terminated text, MLLP."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep_wire.framing import Decoder, FrameTooLong, Framing, Maker, Malformed, no_more
from lockstep_wire.framings.spelling import options_in, spelt, unspelt
from lockstep_wire.timing import TextTiming, Timing

# name -> end, start.
_NAMED = {
    "line": (b"\n", b""),
    "crlf": (b"\r\n", b""),
    "nul": (b"\0", b""),
    "etx": (b"\x03", b"\x02"),
    "mllp": (b"\x1c\r", b"\x0b"),
}
_NAME_OF = {ends: name for name, ends in _NAMED.items()}
_IN_WORDS = {b"\n": "a newline", b"\r\n": "a CRLF", b"\0": "a zero byte"}


class DelimitedDecoder:
    """Payloads end with some bytes, and may begin with some, which are not part of them."""

    __slots__ = ("_begun", "_end", "_held", "_held_bytes", "_max_frame", "_start", "_tail")

    def __init__(self, end: bytes, start: bytes, max_frame: int) -> None:
        self._end = end
        self._start = start
        self._max_frame = max_frame
        self._held: list[bytes] = []
        self._held_bytes = 0
        # What is held ends with this, which may be the first half of an end.
        self._tail = b""
        # Whether what is held is known to begin as it should.
        self._begun = not start

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
        end = self._end
        if end not in self._tail + data:
            self._hold(data)
            return []
        if self._held:
            data = b"".join((*self._held, data))
            self._held.clear()
            self._held_bytes = 0
            self._tail = b""
            self._begun = not self._start
        *payloads, rest = data.split(end)
        if self._start:
            payloads = self._without_start(payloads)
        for index, payload in enumerate(payloads):
            if len(payload) > self._max_frame:
                raise FrameTooLong(len(payload), self._max_frame, payload, payloads[:index])
        if rest:
            self._hold(rest, payloads)
        return payloads

    def _without_start(self, frames: Sequence[bytes]) -> list[bytes]:
        start = self._start
        payloads: list[bytes] = []
        for frame in frames:
            if not frame.startswith(start):
                raise self._malformed(frame + self._end, payloads)
            payloads.append(frame[len(start) :])
            if len(payloads[-1]) > self._max_frame:
                break
        return payloads

    def _hold(self, data: bytes, before: Sequence[bytes] = ()) -> None:
        self._held_bytes += len(data)
        self._held.append(data)
        if len(self._end) > 1:
            self._tail = (self._tail + data)[1 - len(self._end) :]
        if not self._begun:
            head = self.held
            if not self._start.startswith(head[: len(self._start)]):
                raise self._malformed(head, before)
            self._begun = len(head) >= len(self._start)
        if self._held_bytes > self._max_frame:
            self._check_held(before)

    def _check_held(self, before: Sequence[bytes]) -> None:
        """What is held may be longer than a payload by its start, and by a part of its end."""
        begun_end = next(
            size for size in range(len(self._end) - 1, -1, -1) if self._tail.endswith(self._end[:size])
        )
        size = self._held_bytes - len(self._start) - begun_end
        if size > self._max_frame:
            raise FrameTooLong(size, self._max_frame, self.held, before)

    def _malformed(self, data: bytes, before: Sequence[bytes]) -> Malformed:
        return Malformed(f"a frame that does not begin with {self._start!r}", data, before)


class Delimited(Framing):
    """A payload, then `end`, and `start` before it if there is one: readable where it is a line.

    A payload cannot hold its end.
    """

    @property
    def timing(self) -> Timing:
        """See Framing.timing."""
        return TextTiming()

    def __init__(self, end: bytes, start: bytes = b"") -> None:
        """ValueError where there is no end."""
        if not isinstance(end, bytes) or not isinstance(start, bytes):
            raise ValueError(f"delimited({end!r}, start={start!r}): give bytes, b'...'")
        if not end:
            raise ValueError(r"delimited(b''): give the bytes that a message ends with, as b'\r\n'")
        self.end = end
        self.start = start
        begin = f",start={spelt(start)}" if start else ""
        self.name = _NAME_OF.get((end, start)) or f"delimited:{spelt(end)}{begin}"

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        frame = payload + self.end
        if frame.find(self.end) != len(payload):
            end = _IN_WORDS.get(self.end, repr(self.end))
            raise ValueError(f"a {self.name} payload cannot hold {end}; use the length framing")
        return self.start + frame

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return DelimitedDecoder(self.end, self.start, max_frame)


def delimited(end: bytes, start: bytes = b"") -> Delimited:
    r"""Messages that end with `end`, and begin with `start`: `delimited(b"\x1c\r", start=b"\x0b")` is MLLP.

    Neither is part of the payload. ValueError where there is no end.
    """
    return Delimited(end, start)


def _from_text(rest: str) -> Framing:
    end, said = options_in("delimited", rest, ("start",))
    return Delimited(unspelt("the end", end), unspelt("start", said.get("start", "")))


def _named(name: str) -> Maker:
    return lambda rest: no_more(name, rest, Delimited(*_NAMED[name]))


MAKERS: dict[str, Maker] = {"delimited": _from_text, **{name: _named(name) for name in _NAMED}}
