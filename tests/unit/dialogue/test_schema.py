"""The JSON schema that editors check a dialogue's file by."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from lockstep.commands.program import app
from lockstep.dialogue import SCHEMA_FILE
from lockstep.dialogue.model import schema_text
from tests.unit.dialogue.test_reading import MINIMAL, TALK


def valid(text: str) -> bool:
    return bool(Draft202012Validator(json.loads(schema_text())).is_valid(tomllib.loads(text)))


def test_the_schema_in_the_wheel_is_that_of_the_model() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "make settings writes it anew"


def test_the_command_prints_it() -> None:
    assert CliRunner().invoke(app, ["dialogue", "schema"]).output == schema_text()


def test_the_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("text", [TALK, MINIMAL, f"[target]\nreconnect = 3\nframing = 'line'\n{MINIMAL}"])
def test_what_can_be_played_is_valid(text: str) -> None:
    assert valid(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [("repeat", "repaet"), ("prefix", "prefx"), ("repeat = 10", "repeat = 0"), ('"cycle"', '"cycel"')],
)
def test_what_is_misspelt_is_not(old: str, new: str) -> None:
    assert not valid(TALK.replace(old, new))


def test_every_key_says_what_it_is() -> None:
    document = json.loads(schema_text())
    tables = [document, *document["$defs"].values()]
    silent = [
        name
        for table in tables
        for each in (table, *table.get("anyOf", ()))
        for name, field in each.get("properties", {}).items()
        if "description" not in field and "$ref" not in field and name != "target"
    ]
    assert silent == []


def test_check_says_what_a_file_holds_and_what_nobody_checks(tmp_path: Path) -> None:
    file = tmp_path / "talk.toml"
    file.write_text(MINIMAL, encoding="utf-8")
    done = CliRunner().invoke(app, ["dialogue", "check", str(file)], standalone_mode=False)
    assert done.return_value is None
    assert done.output.splitlines() == [
        f"{file}: 1 step: nothing is wrong",
        f"{file}:1: any reply will do: say what is right with expect = ...",
    ]


def test_check_tells_all_that_is_wrong_and_exits_with_2(tmp_path: Path) -> None:
    file = tmp_path / "talk.toml"
    file.write_text(MINIMAL + "repaet = 3\nnmae = 'x'\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["dialogue", "check", str(file)], standalone_mode=False)
    assert done.return_value == 2
    assert done.output.splitlines() == [
        f"lockstep: {file}:3: there is no key 'repaet' in step: did you mean repeat?",
        f"lockstep: {file}:4: there is no key 'nmae' in step: did you mean name?",
    ]
