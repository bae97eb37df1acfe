"""A build's name: the same for the same code wherever it lies, another for any other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lockstep_wire.build import VERSION, build_of

CODE = {
    "apple/__init__.py": "",
    "apple/one.py": "a = 1\n",
    "apple/part/two.py": "b = 2\n",
    "pear/__init__.py": "",
    "pear/three.py": "c = 3\n",
}


def build(monkeypatch: pytest.MonkeyPatch, root: Path, code: dict[str, str]) -> str:
    """The name of `apple` and `pear` where they are laid out so."""
    for name, text in code.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with monkeypatch.context() as here:
        here.syspath_prepend(str(root))
        return build_of("apple", "pear")


def test_the_same_code_has_the_same_name_wherever_it_lies_and_whatever_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = build(monkeypatch, tmp_path / "here", CODE)
    beside = {"plum/x.py": "x\n", "apple/__pycache__/one.pyc": "?"}
    assert build(monkeypatch, tmp_path / "there", {**CODE, **beside}) == name
    assert re.fullmatch(re.escape(VERSION) + r"\+[0-9a-f]{8}", name)


@pytest.mark.parametrize(
    "change",
    [
        {"apple/one.py": "a = 2\n"},
        {"pear/three.py": "c = 3\n\n"},
        {"apple/four.py": ""},
        {"apple/one.py": "", "apple/part/two.py": "a = 1\nb = 2\n"},
    ],
    ids=["a changed file", "another package's file", "a new file", "code that moved"],
)
def test_any_other_code_has_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    before = build(monkeypatch, tmp_path / "before", CODE)
    assert build(monkeypatch, tmp_path / "after", {**CODE, **change}) != before


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="there is no package no_such_package"):
        build_of("no_such_package")


def test_this_checkout_has_a_name() -> None:
    assert build_of("lockstep_server", "lockstep_wire") != build_of("lockstep", "lockstep_wire")
