"""Kinds of values in a dialogue's file: how each is written, and what is said of one that is not."""

from __future__ import annotations

import re
import warnings
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from lockstep_wire.units import parse_duration_ns

# When a new connection is opened -> after how many iterations.
RECONNECT = {"never": None, "every iteration": 1}
_HEX = re.compile(r"(?:\s*[0-9a-fA-F]{2})*\s*")
# `(?<name>...)`, as most write it, beside Python's own `(?P<name>...)`; neither (?<= nor (?<!.
_GROUP = re.compile(r"(?<!\\)\(\?<(?=[A-Za-z_])")


def _duration(text: str) -> str:
    parse_duration_ns(text)
    return text


def _positive(text: str) -> str:
    if parse_duration_ns(text) == 0:
        raise ValueError("is no time: write for example 10s")
    return text


def _hex(text: str) -> str:
    if not _HEX.fullmatch(text):
        raise ValueError('is not hexadecimal: write two digits a byte, for example "00 0a ff"')
    return text


def _pattern(text: str) -> str:
    try:
        compiled(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return text


def compiled(pattern: str) -> re.Pattern[bytes]:
    """A pattern of a file, for bytes. re.error where it is none."""
    with warnings.catch_warnings():
        # What may mean something else in a later Python is no news to who writes a dialogue.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(_GROUP.sub("(?P<", pattern).encode())


def _reconnect(value: str | int) -> str | int:
    if value not in RECONNECT and (isinstance(value, str) or value < 1):
        raise ValueError('is unknown: write "never", "every iteration", or after how many iterations')
    return value


Reconnect = Annotated[
    str | int,
    AfterValidator(_reconnect),
    WithJsonSchema({"anyOf": [{"enum": list(RECONNECT)}, {"type": "integer", "minimum": 1}]}),
]
Duration = Annotated[str, AfterValidator(_duration), Field(examples=["100ms", "1.5s"])]
Timeout = Annotated[str, AfterValidator(_positive), Field(examples=["2s"])]
Hex = Annotated[str, AfterValidator(_hex), Field(examples=["00 0a ff"])]
Pattern = Annotated[str, AfterValidator(_pattern), Field(examples=[r"^OK (?<token>\w+)$"])]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
