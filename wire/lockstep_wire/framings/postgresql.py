"""PostgreSQL's protocol, version 3: a message is a whole reply, up to where the server waits again."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING

from lockstep_wire.framing import Decoder, FrameTooLong, Framing, Maker, Malformed, no_more
from lockstep_wire.framings.stepwise import Held, StepwiseDecoder

if TYPE_CHECKING:
    from lockstep_wire.framings.postgresql_login import Login

_INT = Struct(">I")
_SHORT = Struct(">H")
_HEAD = 1 + _INT.size
_PROTOCOL = 3 << 16
# Types of the messages that a server sends.
_KINDS = frozenset(b"RKSZTDCEINAGHWVdcntsv123")
_AUTHENTICATION, _ERROR, _NOTIFICATION = b"REA"
# Of these, those that end no reply: the others are ReadyForQuery and what the client is to copy in.
_GOES_ON = _KINDS.difference(b"REAZGW")
# Those of which what they say decides it.
_TELLING = frozenset((_AUTHENTICATION, _ERROR))
# What an authentication message says to which no answer is due: it went well, and SASL's last word.
_AUTHENTICATED = (0, 12)
_NULL = 0xFFFFFFFF


class PostgreSQLDecoder(StepwiseDecoder):
    """A reply ends with ReadyForQuery, with what the client has to answer, or with the connection's last
    error. A notification outside of a reply is one of its own.
    """

    __slots__ = ("_at", "_max_frame")

    def __init__(self, max_frame: int) -> None:
        super().__init__()
        self._max_frame = max_frame
        # Where the next message begins, from the beginning of the reply.
        self._at = 0

    def _size_of(self, held: Held, start: int) -> int:
        at, there, limit = start + self._at, len(held), start + self._max_frame
        while at + _HEAD <= there:
            (length,) = _INT.unpack_from(held, at + 1)
            end = at + 1 + length
            if held[at] not in _GOES_ON or length < _INT.size or end > limit:
                self._check(held[at], length, end - start)
                if held[at] in _TELLING and there < end:
                    break
                if _is_last(held[at], bytes(held[at + _HEAD : end]), first=at == start):
                    self._at = 0
                    return int(end - start)
            at = end
        self._at = at - start
        if at < there:
            self._check(held[at], _INT.size, 0)
        return 0

    def _check(self, kind: int, length: int, size: int) -> None:
        """Refuse a message that no server sends; size: of the reply up to its end."""
        if kind not in _KINDS:
            raise Malformed(f"a message of type {bytes([kind])!r}, which is none of a PostgreSQL server's")
        if length < _INT.size:
            raise Malformed(f"a message whose length field says {length}, less than it has itself")
        if size > self._max_frame:
            raise FrameTooLong(size, self._max_frame)

    def _payload(self, frame: bytes) -> bytes:
        return frame


class PostgreSQL(Framing):
    """PostgreSQL's protocol 3. A payload is all the messages of a reply, as they came: see `rows`, `tags`.

    What is sent is sent as it is, where it is messages, `PostgreSQL.startup("me")`; anything else is SQL.
    """

    name = "postgresql"

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        return payload if _is_messages(payload) else self.query(payload)

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return PostgreSQLDecoder(max_frame)

    def frame_of(self, payload: bytes) -> bytes | None:
        """See Framing.frame_of."""
        return self.checked(payload, payload)

    def error_in(self, payload: bytes) -> str | None:
        """See Framing.error_in: `ERROR: relation "x" does not exist (42P01)`."""
        # Seldom is there one, and then its length begins with a zero.
        if b"E\0" not in payload:
            return None
        errors = (_fields(body) for kind, body in _messages(payload) if kind == _ERROR)
        return next((f"{each.get('S')}: {each.get('M')} ({each.get('C')})" for each in errors), None)

    @staticmethod
    def startup(user: str, database: str | None = None, **parameters: str) -> bytes:
        """The first message of a connection. database: the user's own where none is given."""
        given = {"user": user, "database": database or user, **parameters}
        body = b"".join(_text(part) for pair in given.items() for part in pair) + b"\0"
        return _INT.pack(len(body) + 2 * _INT.size) + _INT.pack(_PROTOCOL) + body

    @staticmethod
    def login(user: str, database: str | None = None, password: str = "") -> Login:
        """A whole login, whatever the server asks for: see Login."""
        from lockstep_wire.framings.postgresql_login import Login

        return Login(PostgreSQL.startup(user, database), user, password)

    @staticmethod
    def query(sql: str | bytes) -> bytes:
        """Statements, which are answered with one reply. ValueError where there is a zero byte in them."""
        return PostgreSQL.message("Q", _text(sql))

    @staticmethod
    def message(kind: str, body: bytes = b"") -> bytes:
        """Any message, as `message("X")`, which ends the connection and gets no reply."""
        return kind.encode() + _INT.pack(len(body) + _INT.size) + body

    @staticmethod
    def messages(payload: bytes) -> list[tuple[str, bytes]]:
        """A reply's messages: type, as `"T"`, and what stands behind their length."""
        return [(chr(kind), body) for kind, body in _messages(payload)]

    @staticmethod
    def rows(payload: bytes) -> list[tuple[bytes | None, ...]]:
        """A reply's rows: each value as text, None for NULL. Malformed where a row is none."""
        try:
            return [tuple(_values(body)) for kind, body in _messages(payload) if kind == ord("D")]
        except struct.error:
            raise Malformed("a row that ends before its last value", payload) from None

    @staticmethod
    def tags(payload: bytes) -> list[str]:
        """What was done, for each statement: `SELECT 3`, `INSERT 0 1`."""
        done = (body for kind, body in _messages(payload) if kind == ord("C"))
        return [body.rstrip(b"\0").decode(errors="replace") for body in done]


def _is_last(kind: int, body: bytes, first: bool) -> bool:
    """Whether a reply ends with this message. first: whether it begins with it."""
    if kind == _NOTIFICATION:
        return first
    if kind not in _TELLING:
        return True
    if kind == _ERROR:
        fields = _fields(body)
        return fields.get("V", fields.get("S")) in ("FATAL", "PANIC")
    if len(body) < _INT.size:
        raise Malformed("a request for authentication that does not say which")
    return _INT.unpack_from(body)[0] not in _AUTHENTICATED


def _messages(payload: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEAD <= len(payload):
        (length,) = _INT.unpack_from(payload, at + 1)
        yield payload[at], payload[at + _HEAD : at + 1 + length]
        at += 1 + length


def _is_messages(payload: bytes) -> bool:
    """Whether lengths lead from message to message up to the end; the first one of all has no type."""
    if len(payload) >= 2 * _INT.size and _INT.unpack_from(payload)[0] == len(payload):
        return True
    at = 0
    while at + _HEAD <= len(payload):
        (length,) = _INT.unpack_from(payload, at + 1)
        if length < _INT.size:
            return False
        at += 1 + length
    return 0 < at == len(payload)


def _fields(body: bytes) -> dict[str, str]:
    """An error's fields by their letters: S severity, V the same in English, C code, M message."""
    return {
        part[:1].decode("latin-1"): part[1:].decode(errors="replace") for part in body.split(b"\0") if part
    }


def _values(body: bytes) -> Iterator[bytes | None]:
    (count,) = _SHORT.unpack_from(body)
    at = _SHORT.size
    for _ in range(count):
        (size,) = _INT.unpack_from(body, at)
        at += _INT.size
        if size == _NULL:
            yield None
        else:
            yield body[at : at + size]
            at += size


def _text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    if b"\0" in data or not data:
        raise ValueError(f"{text!r:.60}: PostgreSQL takes text without zero bytes, and not none at all")
    return data + b"\0"


MAKERS: dict[str, Maker] = {"postgresql": lambda rest: no_more("postgresql", rest, PostgreSQL())}
