"""What is wrong with a dialogue's file, each in one line: where, what, and the remedy."""

from __future__ import annotations

import re
import tomllib
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lockstep.errors import HarnessError
from lockstep_wire.choices import did_you_mean

Path = tuple[str | int, ...]
"""A place in a document, outermost first: keys, and numbers of a list's elements from 0."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"[^,\]\}#\n]+")
# The longer quotes first: each is the beginning of another.
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)


class Positions:
    """The lines of a valid TOML text's keys and list elements."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Path, int] = {(): 1}
        self._lists: dict[Path, int] = {}
        self._document()

    def line_of(self, path: Path) -> int:
        """The line, from 1, of this place or, where the text has none for it, of what holds it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _document(self) -> None:
        table: Path = ()
        while self._skip_blank():
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        several = self._text.startswith("[[", self._at)
        line = self._line()
        self._at += 2 if several else 1
        path = self._resolved(self._keys())
        self._at += 2 if several else 1
        if several:
            number = self._lists[path] = self._lists.get(path, -1) + 1
            self._lines.setdefault(path, line)
            path = (*path, number)
        self._lines.setdefault(path, line)
        return path

    def _resolved(self, keys: Path) -> Path:
        """A header's keys as a path: within a list of tables they go on in its last one."""
        path: Path = ()
        for key in keys[:-1]:
            path = (*path, key)
            if path in self._lists:
                path = (*path, self._lists[path])
        return (*path, keys[-1])

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        if self._peek("["):
            self._at += 1
            number = 0
            while self._more("]"):
                self._lines[*path, number] = self._line()
                self._value((*path, number))
                number += 1
        elif self._peek("{"):
            self._at += 1
            while self._more("}"):
                self._pair(path)
        elif (string := self._string()) is not None:
            self._at += len(string)
        else:
            word = _WORD.match(self._text, self._at)
            self._at = word.end() if word else self._at + 1

    def _more(self, end: str) -> bool:
        """Whether a list or table within a line goes on; past its end, or the comma."""
        while self._skip_blank():
            if self._peek(end):
                self._at += 1
                return False
            if not self._peek(","):
                return True
            self._at += 1
        return False

    def _keys(self) -> Path:
        """A key with its dots, up to what follows it."""
        keys: list[str] = []
        while True:
            self._skip_blank()
            string = self._string()
            if string is not None:
                keys.append(str(tomllib.loads(f"key = {string}")["key"]))
                self._at += len(string)
            else:
                bare = _BARE_KEY.match(self._text, self._at)
                keys.append(bare[0] if bare else "")
                self._at = bare.end() if bare else self._at + 1
            self._skip_blank()
            if not self._peek("."):
                return tuple(keys)
            self._at += 1

    def _string(self) -> str | None:
        for form in _STRINGS:
            match = form.match(self._text, self._at)
            if match:
                return match[0]
        return None

    def _skip_blank(self) -> bool:
        """Go on to the next thing that means something; whether there is any."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._at < len(self._text)

    def _peek(self, what: str) -> bool:
        return self._text.startswith(what, self._at)

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1


# What pydantic finds, in words that end in the remedy; with what it says of it.
_WORDS = {
    "string_type": "is not text: write it in quotes",
    "int_type": "is not a whole number: write for example 3",
    "float_type": "is not a number: write for example 1.5",
    "bool_type": "is neither true nor false: write one of them, without quotes",
    "list_type": "is not a list of tables: write it as [[{key}]]",
    "dict_type": "is not a table: write it as {key} = {{ ... }}",
    "model_type": "is not a table: write it as {key} = {{ ... }}",
    "model_attributes_type": "is not a table: write it as {key} = {{ ... }}",
    "missing": "is missing: write {key} = ...",
    "greater_than": "is out of range: give more than {gt:g}",
    "greater_than_equal": "is out of range: give {ge:g} or more",
    "less_than_equal": "is out of range: give {le:g} or less",
    "string_too_short": "is empty: write something, or leave it out",
    "string_too_long": "is too long: give {max_length} characters or fewer",
    "too_short": "is empty: write at least one [[{key}]]",
    "literal_error": "is unknown: choose from {expected}",
    "string_pattern_mismatch": "is no name: letters, digits and _ only, and no digit first",
}


class DialogueError(HarnessError):
    """A dialogue that cannot be played. problems: every line that says what is wrong with it."""

    def __init__(self, file: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - 1
        rest = f" (and {more} more: lockstep dialogue check {file})" if more else ""
        super().__init__(f"{self.problems[0]}{rest}")


def problems_of(refusal: ValidationError, model: type[BaseModel]) -> list[tuple[Path, str]]:
    """Where, and what is wrong there with its remedy, for all that pydantic found."""
    found: dict[Path, str] = {}
    for error in refusal.errors(include_url=False):
        # Of a value that may be of several kinds pydantic says for each why it is not that.
        path = _place(error["loc"], model)
        found.setdefault(path, _in_words(error, path, model))
    return list(found.items())


def _in_words(error: ErrorDetails, path: Path, model: type[BaseModel]) -> str:
    key = str(path[-1]) if path else ""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"there is no key {key!r}{_inside(path)}: {did_you_mean(key, _keys_of(model, path[:-1]))}"
    if kind == "value_error":
        words = str(context.get("error", error["msg"]))
        value = error["input"]
        return (
            f"{key} = {shown(value)} {words}"
            if isinstance(value, str | int | float | list)
            else f"{_where(path)} {words}"
        )
    words = _WORDS.get(kind, error["msg"]).format(**{**context, "key": key})
    if kind in ("missing", "too_short"):
        return f"{key} {words}"
    if key == "[key]":
        return f"{error['input']!r} {words}"
    return f"{key} = {shown(error['input'])} {words}"


def _place(loc: tuple[int | str, ...], model: type[BaseModel]) -> Path:
    """pydantic's place without what it names beside keys: which kind of several it tried."""
    path: list[int | str] = []
    for part in loc:
        known = _keys_of(model, tuple(path))
        if isinstance(part, int) or not known or part in known or part == loc[-1]:
            path.append(part)
    if path and isinstance(path[-1], str) and path[-1].startswith(("literal[", "constrained-")):
        path.pop()
    return tuple(path)


def _inside(path: Path) -> str:
    table = next((part for part in reversed(path[:-1]) if isinstance(part, str)), None)
    return f" in {table}" if table else ""


def _where(path: Path) -> str:
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")


def _keys_of(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that a table at this place may have; none where they are the user's own."""
    kind: Any = model
    for part in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            kind = None if field is None else _plain(field.annotation)
        elif get_origin(kind) in (list, dict):
            kind = _plain(get_args(kind)[-1])
        else:
            return []
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _plain(annotation: Any) -> Any:
    """A type without what is said of it, and without None."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        several = [each for each in get_args(annotation) if each is not type(None)]
        return _plain(several[0]) if several else annotation
    return annotation


def shown(value: object) -> str:
    """A value as the file may have written it, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | list):
        return "{ ... }" if isinstance(value, Mapping) else "[ ... ]"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
