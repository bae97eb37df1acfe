"""Interpreters by name or path: where they are looked for, and what is said where there is none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lockstep.errors import PlanError
from lockstep.target.pythons import BUILT, LEAST, Python, built_at, find_python
from tests.support.server import ROOT


def program(file: Path, *lines: str, code: int = 0) -> Path:
    """A program that prints these lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(["#!/bin/sh", *(f"echo '{line}'" for line in lines), f"exit {code}"]))
    file.chmod(0o755)
    return file


def interpreter(file: Path, version: str, *, free: bool = False) -> Path:
    """Answers what a Python is asked."""
    return program(file, str(file), version, "t" if free else "")


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """A machine with nothing on it but what a test puts there."""
    return {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path / "home")}


def test_a_version_is_the_interpreter_of_that_name_on_path(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    file = interpreter(tmp_path / "bin" / "python3.13t", "3.13.5", free=True)
    assert find_python("3.13t", surroundings) == Python("3.13t", str(file), "3.13.5", True)


def test_a_wrapper_that_has_no_such_interpreter_or_another_one_is_passed_over_for_who_keeps_it(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    kept = interpreter(tmp_path / "uv" / "python", "3.13.2", free=True)
    program(tmp_path / "bin" / "uv", str(kept))
    program(tmp_path / "bin" / "python3.13t", "pyenv: python3.13t: command not found", code=127)
    assert find_python("3.13t", surroundings).path == str(kept)
    interpreter(tmp_path / "bin" / "python3.13t", "3.13.5")
    assert find_python("3.13t", surroundings).path == str(kept)


def test_of_those_that_pyenv_keeps_the_newest_of_the_version_and_the_build_is_taken(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    root = tmp_path / "pyenv"
    program(tmp_path / "bin" / "pyenv", str(root))
    for version in ("3.13.9", "3.13.10", "3.13.2t", "3.13.12t", "3.14.1", "3.1.3"):
        interpreter(
            root / "versions" / version / "bin" / "python", version.rstrip("t"), free=version[-1] == "t"
        )
    found = {text: find_python(text, surroundings).version for text in ("3.13", "3.13t", "3.13.9", "3")}
    assert found == {"3.13": "3.13.10", "3.13t": "3.13.12", "3.13.9": "3.13.9", "3": "3.14.1"}


def test_what_was_built_for_the_purpose_comes_first(tmp_path: Path, surroundings: dict[str, str]) -> None:
    interpreter(tmp_path / "bin" / "python3.13", "3.13.1")
    built = interpreter(built_at("3.13", surroundings), "3.13.5")
    assert find_python("3.13", surroundings).path == str(built)


def test_a_path_is_called_by_the_version_it_tells_unless_it_is_given_a_name(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    file = interpreter(tmp_path / "free", "3.14.0", free=True)
    assert find_python(str(file), surroundings).name == "3.14.0t"
    assert find_python(f"new={file}", surroundings) == Python("new", str(file), "3.14.0", True)


def test_the_interpreter_that_runs_this_is_found_by_its_path() -> None:
    found = find_python(f"this={sys.executable}", os.environ)
    assert found.number == sys.version_info[:3]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "3.13t",
            "there is no Python 3.13t here: get one with `uv python install 3.13t` or `make python3.13t` in "
            "a checkout, or give its path",
        ),
        ("3.12", "get one with `uv python install 3.12` or `pyenv install 3.12`"),
        ("pypy", "there is no Python pypy here: name a version, such as 3.13t, a command on PATH, or a path"),
        ("no/such/python", "no/such/python is no program that can be run: check its path"),
        ("old", "old is Python 3.10.4, and the server needs 3.11 or newer: name another"),
        ("{bin}/liar", "does not answer as Python does"),
        ("", "names no interpreter"),
        ("a=", "names no interpreter"),
        ("a@b=/usr/bin/python3", "names no interpreter"),
    ],
)
def test_what_is_no_interpreter_for_the_server_is_refused_with_the_remedy(
    tmp_path: Path, surroundings: dict[str, str], text: str, why: str
) -> None:
    interpreter(tmp_path / "bin" / "old", "3.10.4")
    program(tmp_path / "bin" / "liar", "hello")
    with pytest.raises(PlanError) as refusal:
        find_python(text.format(bin=tmp_path / "bin"), surroundings)
    assert refusal.value.what == "python"
    assert why in str(refusal.value)


def test_the_server_runs_on_what_the_package_runs_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={'.'.join(map(str, LEAST))}"


@pytest.mark.parametrize("version", BUILT)
def test_what_make_builds_lies_where_it_is_looked_for_and_is_built_once(tmp_path: Path, version: str) -> None:
    surroundings = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    built = interpreter(built_at(version, surroundings), "3.13.5")
    done = subprocess.run(
        [ROOT / "tools" / "python.sh", version], env=surroundings, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(built)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(
        rf"^python{re.escape(version)}:.*\n\t@tools/python.sh {re.escape(version)}$", makefile, re.MULTILINE
    )
