"""In which line of a TOML text each of its keys stands: what tomllib, which reads it, does not keep."""

from __future__ import annotations

import re
import tomllib

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
