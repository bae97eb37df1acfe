"""Framings as text: bytes with escapes, and what is said besides, `delimited:\\r\\n,start=\\x0b`."""

from __future__ import annotations

from collections.abc import Collection

from lockstep_wire.choices import did_you_mean

SIZES = {1: "one", 2: "two", 3: "three", 4: "four", 8: "eight"}
"""Numbers of bytes, in words."""


def spelt(data: bytes) -> str:
    r"""Bytes as text on one line, without commas: `\r\n`, `\x1c`."""
    return "".join(repr(bytes([byte]))[2:-1] if byte != 0x2C else f"\\x{byte:02x}" for byte in data)


def unspelt(what: str, text: str) -> bytes:
    r"""The bytes of such text. ValueError where an escape in it is none."""
    try:
        return text.encode().decode("unicode_escape").encode("latin-1")
    except UnicodeError:
        raise ValueError(rf"{what} {text!r}: write bytes as \r, \n, \0 or \x1c") from None


def options_in(head: str, rest: str, known: Collection[str]) -> tuple[str, dict[str, str]]:
    """What stands first, and what is said behind it as `name=value`. ValueError for an unknown name."""
    first, *more = rest.split(",")
    said: dict[str, str] = {}
    for each in more:
        name, sign, value = each.partition("=")
        if name not in known or not sign:
            raise ValueError(f"framing {head}:{rest}: {name!r} is unknown, {did_you_mean(name, known)}")
        said[name] = value
    return first, said


def whole_number(what: str, text: str) -> int:
    """ValueError where the text is no whole number."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{what} {text!r:.40}: write a whole number") from None
