"""Redis's protocol, RESP2 and RESP3: a message is a reply, or a command."""

from __future__ import annotations

import re

from lockstep_wire.framing import Decoder, FrameTooLong, Framing, Maker, Malformed, no_more
from lockstep_wire.framings.lines import CRLF, NO_BLOCK, LinesDecoder
from lockstep_wire.framings.resp_values import Value, value_of

_TEXT = re.compile(rb"[^\r\n]*")
_INTEGER = re.compile(rb"[+-]?[0-9]+")
_DOUBLE = re.compile(rb"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?|[+-]?inf|nan")
# The first byte of values that are one line, and what must follow it; of those with a block behind it; of
# those with values behind it, and how many a number in it stands for.
_LINES = {
    b"+": _TEXT,
    b"-": _TEXT,
    b":": _INTEGER,
    b"(": _INTEGER,
    b",": _DOUBLE,
    b"#": re.compile(rb"[tf]"),
    b"_": re.compile(rb""),
}
_BLOCKS = (b"$", b"!", b"=")
_MANY = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}
_FIRST = frozenset(first[0] for first in (*_LINES, *_BLOCKS, *_MANY))
_NULL = (b"$-1", b"*-1")
# No longer than 64 bits take.
_COUNT = re.compile(rb"[0-9]{1,20}")
_SMALLEST_VALUE = 3


class Said(bytes):
    """A reply that is no bulk string, as it came: its first byte is its type."""

    __slots__ = ()


class Complaint(Said):
    """An error."""

    __slots__ = ()


class RespDecoder(LinesDecoder):
    """Follows a reply by how many values it still lacks: how deep they are nested means nothing."""

    __slots__ = ("_attributed", "_lacking", "_value_at")

    def __init__(self, max_frame: int) -> None:
        super().__init__(max_frame)
        self._value_at = 0

    def _begin(self) -> None:
        super()._begin()
        self._lacking = 1
        # Whether attributes come, which stand before the value that they are of.
        self._attributed = False

    def feed(self, data: bytes) -> list[bytes]:
        """See Decoder.feed."""
        # One whole string or line, and nothing else, is by far the most that comes.
        if not self._held and data[-2:] == CRLF:
            kind, last = data[:1], len(data) - len(CRLF)
            if kind == b"$":
                end = data.find(CRLF)
                if _COUNT.fullmatch(data, 1, end) and int(data[1:end]) == last - end - 2 <= self._max_frame:
                    return [data[end + 2 : last]]
            elif kind in _LINES and last <= self._max_frame and _LINES[kind].fullmatch(data, 1, last):
                return [(Complaint if kind == b"-" else Said)(data[:last])]
        return super().feed(data)

    def _check_first(self, first: int) -> None:
        if first not in _FIRST:
            raise Malformed(f"a reply that begins with {bytes([first])!r}, which is no type of RESP's")

    def _line(self, line: bytes) -> int:
        if self._attributed and self._lacking == 1:
            self._value_at, self._attributed = self._at, False
        kind, rest = line[:1], line[1:]
        if kind in _LINES:
            if not _LINES[kind].fullmatch(rest):
                raise Malformed(f"a reply of type {kind.decode()} whose value makes no sense")
        elif line not in _NULL:
            return self._counted(kind, rest)
        return self._found(NO_BLOCK)

    def _counted(self, kind: bytes, rest: bytes) -> int:
        if not _COUNT.fullmatch(rest):
            raise Malformed(f"a reply of type {kind.decode()} whose length is no number")
        count = int(rest)
        if kind in _BLOCKS:
            if not self._at:
                # Of a string alone, its own bytes are the payload.
                self._allowed = self._max_frame + len(rest) + 1 + 2 * len(CRLF)
            return self._found(count)
        self._allowed = self._max_frame
        # The attributes of the reply itself; there may be several.
        self._attributed |= kind == b"|" and self._at == self._value_at
        self._lacking += _MANY[kind] * count
        least = self._at + _SMALLEST_VALUE * self._lacking
        if least > self._max_frame:
            raise FrameTooLong(least, self._max_frame)
        return NO_BLOCK if kind == b"|" else self._found(NO_BLOCK)

    def _found(self, block: int) -> int:
        self._lacking -= 1
        self._done = not self._lacking
        return block

    def _payload(self, frame: bytes) -> bytes:
        if self._value_at:
            frame, self._value_at = frame[self._value_at :], 0
        kind = frame[:1]
        line, _, rest = frame.partition(CRLF)
        if kind in _MANY and line not in _NULL:
            return Said(frame)
        if kind in _LINES or line in _NULL:
            return Complaint(line) if kind == b"-" else Said(line)
        block = rest[: -len(CRLF)]
        if kind == b"!":
            return Complaint(b"-" + block)
        # A verbatim string begins with three letters, which say what it is, and a colon.
        return block if kind == b"$" else block[4:]


class Resp(Framing):
    """RESP2 and RESP3. A payload is what a reply says: of a string (`$`) its bytes, `b"xxx"`; of what is one
    line that line, `b"+OK"`, `b":1"`, `b"$-1"`; of arrays and the like all bytes that came.

    What is sent is sent as it is: `Resp.command("GET", "k")`, or one line, `b"GET k"`.
    """

    name = "resp"

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        if payload.endswith(CRLF):
            return payload
        if not payload.strip():
            raise ValueError("an empty line gets no reply from a Redis: give a command")
        return payload + CRLF

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return RespDecoder(max_frame)

    def frame_of(self, payload: bytes) -> bytes | None:
        """See Framing.frame_of. Where several types say the same, a line or an array rather than a string."""
        ways = (payload, payload + CRLF, self.bulk(payload))
        return next((frame for frame in ways if self.checked(frame, payload)), None)

    def error_in(self, payload: bytes) -> str | None:
        """See Framing.error_in. A string's bytes are no error, whatever they say."""
        return payload[1:].decode(errors="replace") if isinstance(payload, Complaint) else None

    @staticmethod
    def command(*words: bytes | str | float) -> bytes:
        """A command with its arguments, as `command("SET", "k", b"\\0", "EX", 5)`: an array of strings."""
        if not words:
            raise ValueError("command(): give at least the command's name")
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            # Written out: tasks make one for each message.
            data = word.encode() if type(word) is str else _as_bytes(word)
            parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
        return b"".join(parts)

    @staticmethod
    def bulk(data: bytes) -> bytes:
        """The frame of a string."""
        return b"$%d\r\n%b\r\n" % (len(data), data)

    @staticmethod
    def value(payload: bytes) -> Value:
        """What a reply's payload means: bytes, int, float, bool, None, list, dict of those; an error's text.

        PeerError where it is nested too deep.
        """
        return value_of(payload) if isinstance(payload, Said) else payload


def _as_bytes(word: object) -> bytes:
    if isinstance(word, bytes):
        return word
    if isinstance(word, str | int | float) and not isinstance(word, bool):
        return str(word).encode()
    raise ValueError(f"command({word!r:.40}): give bytes, text or a number")


MAKERS: dict[str, Maker] = {"resp": lambda rest: no_more("resp", rest, Resp())}
