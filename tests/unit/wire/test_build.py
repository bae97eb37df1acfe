"""A build's name: the same for the same code wherever it lies, another for any other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wire.build import VERSION, build_of

CODE = {"server/one.py": "a = 1\n", "server/part/two.py": "b = 2\n", "wire/three.py": "c = 3\n"}


def lay_out(root: Path, code: dict[str, str]) -> Path:
    for name, text in code.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_the_same_code_has_the_same_name_wherever_it_lies_and_whatever_lies_beside_it(tmp_path: Path) -> None:
    here = lay_out(tmp_path / "here", CODE)
    there = lay_out(tmp_path / "there", {**CODE, "loadtest/x.py": "x\n", "server/__pycache__/one.pyc": "?"})
    name = build_of("server", "wire", root=here)
    assert name == build_of("server", "wire", root=there)
    assert re.fullmatch(re.escape(VERSION) + r"\+[0-9a-f]{8}", name)


@pytest.mark.parametrize(
    "change",
    [
        {"server/one.py": "a = 2\n"},
        {"wire/three.py": "c = 3\n\n"},
        {"server/four.py": ""},
        {"server/one.py": "", "server/part/two.py": "a = 1\nb = 2\n"},
    ],
    ids=["a changed file", "another package's file", "a new file", "code that moved"],
)
def test_any_other_code_has_another_name(tmp_path: Path, change: dict[str, str]) -> None:
    before = build_of("server", "wire", root=lay_out(tmp_path / "before", CODE))
    assert build_of("server", "wire", root=lay_out(tmp_path / "after", {**CODE, **change})) != before


def test_this_checkout_has_a_name() -> None:
    assert build_of("server", "wire") != build_of("loadtest", "wire")
