"""Interpreters for the server, by name or path: found on this machine, and asked what they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lockstep.children import WHAT_PYTHON, environment_elsewhere
from lockstep.errors import PlanError

LEAST = (3, 11)
"""The oldest that the server runs on: pyproject.toml's requires-python."""
BUILT = ("3.13t", "3.13")
"""What tools/python.sh builds."""

_PATIENCE_S = 20.0
# `3.13`, `3.13.5`, and `3.13t` for the build without the global lock.
_VERSION = re.compile(r"(?P<number>\d+(?:\.\d+){0,2})(?P<free>t?)", re.ASCII)
# A gate and a chart call it so, behind a mode: see target/named.py.
_NAME = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter. name: what its series are called after. path: its own. version: `3.13.5`.

    free_threaded: whether it was built to run without a global lock.
    """

    name: str
    path: str
    version: str
    free_threaded: bool

    @property
    def number(self) -> tuple[int, ...]:
        """Its version, part by part."""
        return tuple(map(int, self.version.split(".")))


def find_python(text: str, environment: Mapping[str, str]) -> Python:
    """The interpreter that is meant: `3.13t`, a command, a path, or `NAME=` before one of these.

    PlanError where there is none, or none that the server runs on; the line says how to get one.
    """
    name, equals, what = text.rpartition("=")
    if not what or (equals and not _NAME.fullmatch(name)):
        raise PlanError("python", f"{text!r} names no interpreter: write 3.13t, a path, or NAME=PATH")
    found = _at(what, environment) if os.sep in what else _called(what, environment)
    if found.number < LEAST:
        least = ".".join(map(str, LEAST))
        raise PlanError(
            "python", f"{what} is Python {found.version}, and the server needs {least} or newer: name another"
        )
    return Python(name or found.name, found.path, found.version, found.free_threaded)


def _at(path: str, environment: Mapping[str, str]) -> Python:
    """The one at a path, called by what it says it is."""
    file = Path(path).expanduser().absolute()
    if not os.access(file, os.X_OK) or file.is_dir():
        raise PlanError("python", f"{path} is no program that can be run: check its path")
    found = _asked(str(file), environment)
    if found is None:
        raise PlanError("python", f"{path} does not answer as Python does: name an interpreter")
    return found


def _called(what: str, environment: Mapping[str, str]) -> Python:
    """The first one of that name which answers, and is what the name says."""
    for path in _places(what, environment):
        found = _asked(path, environment)
        if found is not None and _is_meant(found, what):
            return Python(what, found.path, found.version, found.free_threaded)
    raise PlanError("python", f"there is no Python {what} here: {_remedy(what)}")


def _is_meant(found: Python, what: str) -> bool:
    """Whether it is of the version that was asked for: a wrapper on PATH may start whatever it likes."""
    version = _VERSION.fullmatch(what)
    if version is None:
        return True
    asked = tuple(map(int, version["number"].split(".")))
    return found.number[: len(asked)] == asked and found.free_threaded == bool(version["free"])


def _remedy(what: str) -> str:
    if _VERSION.fullmatch(what) is None:
        return "name a version, such as 3.13t, a command on PATH, or a path"
    second = f"`make python{what}` in a checkout" if what in BUILT else f"`pyenv install {what}`"
    return f"get one with `uv python install {what}` or {second}, or give its path"


def built_at(version: str, environment: Mapping[str, str]) -> Path:
    """Where tools/python.sh leaves what it builds."""
    cache = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/")) / ".cache"
    return Path(cache) / "lockstep" / f"python{version}" / "bin" / f"python{version}"


def _places(what: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Where it may be: what was built for the purpose, PATH, and where uv or pyenv keep theirs."""
    version = _VERSION.fullmatch(what)
    if version is not None:
        yield str(built_at(what, environment))
    if found := shutil.which(f"python{what}" if version else what, path=environment.get("PATH")):
        yield found
    if version is None:
        return
    if found := _said(("uv", "python", "find", "--no-python-downloads", what), environment):
        yield found
    if root := _said(("pyenv", "root"), environment):
        yield from map(str, _kept_by_pyenv(Path(root), what))


def _kept_by_pyenv(root: Path, what: str) -> list[Path]:
    """The newest patch release first: `3.13t` is kept as `3.13.5t`."""

    def number(folder: Path) -> tuple[int, ...]:
        return tuple(map(int, re.findall(r"\d+", folder.name)))

    found = [folder for folder in root.glob("versions/*") if _VERSION.fullmatch(folder.name)]
    wanted = [each for each in found if each.name.endswith("t") == what.endswith("t")]
    asked = tuple(map(int, re.findall(r"\d+", what)))
    fitting = [each for each in wanted if number(each)[: len(asked)] == asked]
    return [each / "bin" / "python" for each in sorted(fitting, key=number, reverse=True)]


def _asked(path: str, environment: Mapping[str, str]) -> Python | None:
    """What it says of itself, None where it says nothing, or is not there. Called by its version."""
    lines = _said((path, "-c", WHAT_PYTHON), environment).splitlines()
    if len(lines) not in (2, 3) or not re.fullmatch(r"\d+\.\d+\.\d+", lines[1], re.ASCII):
        return None
    free_threaded = "t" in "".join(lines[2:])
    return Python(lines[1] + "t" * free_threaded, lines[0] or path, lines[1], free_threaded)


def _said(words: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """What a program prints, without its last line's end; nothing where it cannot be run, or fails."""
    program = shutil.which(words[0], path=environment.get("PATH"))
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *words[1:]],
            env=environment_elsewhere(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
