"""The commands' help, in words of people who know no Python."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lockstep.__main__ import COMMANDS, app, main

NAMES = [command.__name__ for command in COMMANDS]


def help_of(*arguments: str) -> str:
    return CliRunner(env={"COLUMNS": "120", "TERM": "dumb"}).invoke(app, [*arguments, "--help"]).output


@pytest.mark.parametrize("command", [(), *((name,) for name in NAMES)])
def test_help_names_no_type_of_python_and_has_no_braces(command: tuple[str, ...]) -> None:
    told = help_of(*command)
    assert "--help" in told
    for word in ("<bool>", "<str>", "<int>", "<list", "{", "}"):
        assert word not in told


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("compare", "[default: 2ms]"),
        ("compare", "[default: sleep]"),
        ("compare", "[default: 0]"),
        ("history", "FOLDER/history.html]"),
    ],
)
def test_a_default_that_another_program_sets_is_told_too(command: str, told: str) -> None:
    assert told in help_of(command)


def test_usage_names_what_a_command_needs() -> None:
    assert "diff [OPTIONS] RUN_A RUN_B" in help_of("diff")
    assert "history [OPTIONS] [FOLDER]" in help_of("history")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], f"lockstep: name a command: {', '.join(NAMES)}"),
        (["dance"], "lockstep: No such command 'dance'. Try --help."),
        (["report"], "lockstep: Missing argument 'RUN'. Try --help."),
    ],
)
def test_a_command_line_that_is_none_is_told_why_in_a_sentence(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["lockstep", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == told
