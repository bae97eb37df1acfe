"""What the bytes of a RESP reply mean, as Python's values."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from lockstep_wire.framing import Malformed

Value = bytes | str | int | float | bool | None | list[Any] | dict[Any, Any]

_DEEPEST = 100
_CRLF = b"\r\n"
_OF_A_LINE: dict[bytes, Callable[[bytes], Value]] = {
    b"+": bytes,
    b"-": lambda line: line.decode(errors="replace"),
    b":": int,
    b"(": int,
    b",": float,
    b"#": lambda line: line == b"t",
    b"_": lambda _: None,
}


def value_of(frame: bytes) -> Value:
    """What a whole reply means, with or without its last CRLF. Malformed where it is nested too deep."""
    value, _ = _value_at(frame if frame.endswith(_CRLF) else frame + _CRLF, 0, 0)
    return value


def _value_at(frame: bytes, at: int, depth: int) -> tuple[Value, int]:
    """The value that begins there, and where it ends."""
    if depth > _DEEPEST:
        raise Malformed(f"a reply that is nested more than {_DEEPEST} deep", frame)
    end = frame.index(_CRLF, at)
    kind, rest = frame[at : at + 1], frame[at + 1 : end]
    end += len(_CRLF)
    if kind in _OF_A_LINE:
        return _OF_A_LINE[kind](rest), end
    count = int(rest)
    if count < 0:
        return None, end
    if kind in (b"$", b"!", b"="):
        return _of_a_block(kind, frame[end : end + count]), end + count + len(_CRLF)
    values: list[Value] = []
    for _ in range(count * (2 if kind in (b"%", b"|") else 1)):
        value, end = _value_at(frame, end, depth + 1)
        values.append(value)
    if kind == b"|":
        return _value_at(frame, end, depth + 1)
    return (_pairs(values) if kind == b"%" else values), end


def _of_a_block(kind: bytes, block: bytes) -> Value:
    if kind == b"!":
        return block.decode(errors="replace")
    return block if kind == b"$" else block[4:]


def _pairs(values: list[Value]) -> Value:
    """A map; as a list of pairs where its keys are lists or maps themselves."""
    pairs = list(zip(values[::2], values[1::2], strict=True))
    return dict(pairs) if all(isinstance(key, Hashable) for key, _ in pairs) else list(map(list, pairs))
