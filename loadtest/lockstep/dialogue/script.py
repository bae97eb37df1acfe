"""A dialogue as a value: what is said, what has to come, what is kept of it. Made by reading.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lockstep.dialogue.templates import Template
from lockstep_wire.framing import Framing

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
