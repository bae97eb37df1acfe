"""What our children get of the surroundings in which somebody starts a command."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from lockstep.children import (
    Program,
    clean_own_environment,
    command_of,
    environment_elsewhere,
    environment_of,
)


@pytest.mark.parametrize(
    "name",
    [
        "LOCKSTEP_HOLD",
        "LOCKSTEP_PAUSE",
        "LOCKSTEP_WORK",
        "LOCKSTEP_RUN",
        "LOCUST_USERS",
        "LOCUST_SKIP_MONKEY_PATCH",
        "GEVENT_LOOP",
        "PYTHONOPTIMIZE",
        "PYTHONSTARTUP",
        "PYTHONINSPECT",
        "PYTHONWARNINGS",
        "PYTHONDEVMODE",
        "PYTHONHASHSEED",
        "PYTHONMALLOC",
        "PYTHON_CPU_COUNT",
    ],
)
def test_a_variable_that_sets_lockstep_locust_or_python_does_not_reach_a_child(name: str) -> None:
    assert environment_of({name: "1", "HOME": "/home/somebody"}) == {"HOME": "/home/somebody"}


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHON_GIL"],
)
def test_a_variable_that_says_where_things_are_or_that_the_run_records_stays(name: str) -> None:
    assert environment_of({name: "/some/value"}) == {name: "/some/value"}


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("/opt/packages", "/opt/packages"),
        (":/opt/packages", "/opt/packages"),
        ("/opt/packages:", "/opt/packages"),
        (".:/opt/packages:./", "/opt/packages"),
        ("./lib/:/opt/packages", f"{Path('lib').absolute()}:/opt/packages"),
        ("", ""),
        (".", ""),
    ],
)
def test_the_working_folder_is_no_place_for_packages(given: str, left: str) -> None:
    assert environment_of({"PYTHONPATH": given}) == {"PYTHONPATH": left}


def test_the_rule_holds_in_a_command_s_own_process_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    monkeypatch.setenv("LOCKSTEP_PAUSE", "3s")
    monkeypatch.setenv("SOMEBODYS_OWN", "1")
    kept = environment_of(os.environ)
    clean_own_environment()
    assert dict(os.environ) == kept
    assert "SOMEBODYS_OWN" in kept


@pytest.mark.parametrize("program", Program)
def test_every_program_of_ours_is_started_without_the_working_folder(program: Program) -> None:
    _, *options, module, argument = command_of(program, ["--flag"])
    assert "-P" in options
    assert options[-1] == "-m"
    assert (module, argument) == (program.value, "--flag")
    assert find_spec(module) is not None


def test_on_another_interpreter_the_server_is_found_and_nothing_else_of_this_one(tmp_path: Path) -> None:
    inherited = {"PYTHONHOME": "/usr", "PYTHONPATH": "/opt/packages", "PYTHON_GIL": "0", "HOME": "/home/a"}
    found = environment_elsewhere(inherited)
    folders = found.pop("PYTHONPATH").split(os.pathsep)
    assert found == {"PYTHON_GIL": "0", "HOME": "/home/a"}
    for name in ("lockstep_server", "lockstep_wire"):
        assert [folder for folder in folders if (Path(folder) / name / "__init__.py").is_file()]
    assert command_of(Program.SERVER, ["--help"], "/opt/python")[0] == "/opt/python"
