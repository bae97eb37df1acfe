"""memcached's text protocol: a message is a whole reply, of one line or many, or a command."""

from __future__ import annotations

import re

from lockstep_wire.framing import Decoder, Framing, Maker, Malformed, no_more
from lockstep_wire.framings.lines import CRLF, NO_BLOCK, LinesDecoder

# What a line begins with behind which another one comes; of most others a reply is one.
_MORE_FOLLOWS = (b"VALUE", b"STAT", b"ITEM")
_ONE_LINE = re.compile(rb"(?!(VALUE|STAT|ITEM|VA)[ \r])[ -\xff]+\r\n")
_ONE_VALUE = re.compile(rb"VALUE [!-\xff]+ [0-9]+ ([0-9]{1,20})\r\n")
_AFTER_IT = b"\r\nEND\r\n"
_ERRORS = (b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR")
# What begins a line that has a block of bytes behind it.
_WITH_A_BLOCK = (b"set", b"add", b"replace", b"append", b"prepend", b"cas", b"ms", b"VA")


class MemcachedDecoder(LinesDecoder):
    """A reply ends with the first line that is no value and no statistic."""

    __slots__ = ()

    def feed(self, data: bytes) -> list[bytes]:
        """See Decoder.feed."""
        # One line, or one value, and nothing else, is by far the most that comes.
        if not self._held and len(data) - len(CRLF) <= self._max_frame:
            if _ONE_LINE.fullmatch(data):
                return [data[: -len(CRLF)]]
            value = _ONE_VALUE.match(data)
            whole = value and value.end() + int(value[1]) + len(_AFTER_IT) == len(data)
            if whole and data.endswith(_AFTER_IT):
                return [data[: -len(CRLF)]]
        return super().feed(data)

    def _line(self, line: bytes) -> int:
        if not line or min(line) < b" "[0]:
            raise Malformed("a line that is empty or no text, as no memcached says it")
        word, *rest = line.split(b" ")
        self._done = word not in _MORE_FOLLOWS
        if word == b"VALUE":
            return _block_bytes(line, rest[2:3])
        if word == b"VA":
            return _block_bytes(line, rest[:1])
        return NO_BLOCK

    def _payload(self, frame: bytes) -> bytes:
        return frame[: -len(CRLF)]


def _block_bytes(line: bytes, size: list[bytes]) -> int:
    if not size or not size[0].isdigit() or len(size[0]) > 20:
        raise Malformed(f"a line {line[:40]!r} that does not say how long its value is")
    return int(size[0])


class Memcached(Framing):
    """memcached's text protocol, meta commands included. A payload is a reply as it came, without its last
    CRLF: `b"STORED"`, `b"END"` for a miss, `b"VALUE k 0 3\\r\\nxxx\\r\\nEND"`; or a command without it.
    """

    name = "memcached"

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        line = payload.partition(CRLF)[0]
        if payload == line + CRLF and line.split(b" ")[0] not in _WITH_A_BLOCK:
            raise ValueError(f"{payload!r:.60} ends with a CRLF: leave it out, the framing adds it")
        return payload + CRLF

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return MemcachedDecoder(max_frame)

    def error_in(self, payload: bytes) -> str | None:
        """See Framing.error_in."""
        return payload.decode(errors="replace") if payload.split(b" ", 1)[0] in _ERRORS else None

    @staticmethod
    def get(*keys: str | bytes) -> bytes:
        """The command that asks for values."""
        return b"get " + b" ".join(map(_as_bytes, keys))

    @staticmethod
    def set(key: str | bytes, value: str | bytes, *, flags: int = 0, expires: int = 0) -> bytes:
        """The command that keeps a value. expires: in seconds, 0 for never."""
        data = _as_bytes(value)
        return b"set %b %d %d %d\r\n%b" % (_as_bytes(key), flags, expires, len(data), data)

    @staticmethod
    def delete(key: str | bytes) -> bytes:
        """The command that forgets a value."""
        return b"delete " + _as_bytes(key)

    @staticmethod
    def values(payload: bytes) -> dict[bytes, bytes]:
        """The values of a reply to `get`, by key; none for a miss."""
        found: dict[bytes, bytes] = {}
        while payload.startswith(b"VALUE "):
            line, _, payload = payload.partition(CRLF)
            _, key, _, size, *_ = line.split(b" ")
            found[key] = payload[: int(size)]
            payload = payload[int(size) + len(CRLF) :]
        return found


def _as_bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


MAKERS: dict[str, Maker] = {"memcached": lambda rest: no_more("memcached", rest, Memcached())}
