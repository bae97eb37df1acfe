"""Texts with places for what is known only as they are sent: `LOGIN {users.user} {token}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
