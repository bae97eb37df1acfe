"""A dialogue as a value: what is said, what has to come, what is kept of it. Made by reading.py."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lockstep_wire.framing import Framing

# Doubled braces around a name stand for themselves; other braces are characters: JSON has many.
_PLACE = re.compile(r"\{\{(?P<literal>[A-Za-z_]\w*(?:\.\w+)?)\}\}|\{(?P<name>[A-Za-z_]\w*(?:\.\w+)?)\}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variable's value goes: `token`, or `users.user` for a column of a table."""

    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """Bytes, with places between them."""

    parts: tuple[bytes | Place, ...]

    @property
    def names(self) -> Iterator[str]:
        """The variables in it, in their order."""
        return (part.name for part in self.parts if isinstance(part, Place))

    @property
    def constant(self) -> bytes | None:
        """The bytes, where they are always the same."""
        if any(isinstance(part, Place) for part in self.parts):
            return None
        return b"".join(part for part in self.parts if isinstance(part, bytes))

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """The bytes, with these values of its variables."""
        return b"".join(part if isinstance(part, bytes) else values[part.name] for part in self.parts)


def literal(data: bytes) -> Template:
    """A template without places."""
    return Template((data,))


def parse_template(text: str) -> Template:
    """`{name}` and `{table.column}` are places; `{{name}}` is `{name}` itself."""
    parts: list[bytes | Place] = []
    end = 0
    for match in _PLACE.finditer(text):
        before = text[end : match.start()]
        if match["literal"]:
            before += match[0][1:-1]
        if before:
            parts.append(before.encode())
        if match["name"]:
            parts.append(Place(match["name"]))
        end = match.end()
    if rest := text[end:]:
        parts.append(rest.encode())
    return Template(tuple(parts))


# Variables that every dialogue has, and what they stand for.
BUILT_IN = {
    "seq": "the number of the user's iteration, from 1",
    "user": "the number of the user, from 1, unlike all others'",
    "random": "eight hexadecimal digits, drawn for each iteration",
}


@dataclass(frozen=True, slots=True)
class Exactly:
    """The reply is these bytes."""

    reply: Template


@dataclass(frozen=True, slots=True)
class Prefix:
    """The reply begins with these bytes."""

    prefix: Template


@dataclass(frozen=True, slots=True)
class Matches:
    """The pattern is found in the reply."""

    pattern: re.Pattern[bytes]


@dataclass(frozen=True, slots=True)
class Size:
    """The reply has so many bytes."""

    size: int


Expect = Exactly | Prefix | Matches | Size


@dataclass(frozen=True, slots=True)
class Group:
    """Keeps what a group of a pattern finds; nothing where the group takes no part."""

    pattern: re.Pattern[bytes]
    number: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Keeps a part of the reply: from `offset`, `size` bytes, or all that follow where it is None."""

    offset: int
    size: int | None


@dataclass(frozen=True, slots=True)
class Capture:
    """What of a reply a variable becomes."""

    variable: str
    how: Group | Cut


@dataclass(frozen=True, slots=True)
class Step:
    """One step. name: its row in tables, None where it has none of its own. send: None where it only listens.

    reply: whether a reply comes. expect: None takes any. until: where a raw reply ends. repeat: how often it
    is done, pause_s: seconds of rest after each. timeout_s: None leaves it at the dialogue's. line: in
    the file.
    """

    name: str | None
    send: Template | None
    reply: bool
    expect: Expect | None
    until: bytes | None
    captures: tuple[Capture, ...]
    repeat: int
    pause_s: float
    timeout_s: float | None
    line: int

    @property
    def checked(self) -> bool:
        """Whether a wrong reply would show; a step without a reply has nothing to check."""
        return self.expect is not None or not self.reply


@dataclass(frozen=True, slots=True)
class Script:
    """One way the talk may go. weight: how often it is chosen, beside those of the others."""

    name: str
    weight: float
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a CSV file. order: `cycle`, `random` or `once`. rows: each by `table.column`."""

    name: str
    file: str
    order: str
    rows: tuple[Mapping[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A whole file. url: the target's, None where the command line has to name it.

    timeout_s: of a step. reconnect_every: after so many iterations a new connection; None keeps it.
    on_connect: what is said on each new connection before anything else. file: where it
    stands. files: that were read beside it.
    """

    url: str | None
    framing: Framing
    timeout_s: float
    reconnect_every: int | None
    tables: tuple[Table, ...]
    on_connect: tuple[Step, ...]
    scripts: tuple[Script, ...]
    file: str = ""
    files: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them, in the file's order."""
        return (*self.on_connect, *(step for script in self.scripts for step in script.steps))

    @property
    def unchecked(self) -> tuple[Step, ...]:
        """Those whose reply may be anything."""
        return tuple(step for step in self.steps if not step.checked)
