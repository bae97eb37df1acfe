"""The command line: help in words of people who know no Python, refusals in one line, what TAB offers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from lockstep.__main__ import main
from lockstep.commands.program import app
from lockstep_wire.build import build_of
from lockstep_wire.listeners import USUAL_LISTENERS

COMMANDS = list(app.commands)
BASH = shutil.which("bash") or ""


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for what runs a comparison, whose module replaces this process's threads."""
    stand_in = ModuleType("lockstep.commands.run_local")
    stand_in.LocalRun = stand_in.run_here = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)


def help_of(*arguments: str) -> str:
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, [*arguments, "--help"]).output


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command of sys.argv is refused."""
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("lockstep: ")
    return line.removeprefix("lockstep: ")


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_names_no_type_of_python_and_no_set_of_choices(command: tuple[str, ...]) -> None:
    told = help_of(*command)
    assert "--help" in told
    for word in ("<bool>", "<str>", "<int>", "<list", "{f", ",b", "BOOLEAN", "FLOAT", "INTEGER"):
        assert word not in told


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("compare", "[default: 2ms]"),
        ("compare", "[default: sleep]"),
        ("compare", "[default: 0]"),
        ("history", "[default: FOLDER/history.html]"),
    ],
)
def test_a_default_that_another_program_sets_is_told_too(command: str, told: str) -> None:
    assert told in " ".join(help_of(command).split())


def test_usage_names_what_a_command_needs() -> None:
    assert "diff [OPTIONS] RUN_A RUN_B" in help_of("diff")
    assert "history [OPTIONS] [FOLDER]" in help_of("history")


def test_without_a_command_there_is_help_and_a_line_that_asks_for_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["lockstep"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    told = capsys.readouterr()
    assert told.err == f"lockstep: name a command: {', '.join(COMMANDS)}\n"
    assert "Usage: lockstep" in told.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("compare --modes=", "--modes is empty"),
        ("compare --modes free,free", "--modes names one twice"),
        ("compare --levels 1,x", "--levels '1,x' is not a list of whole numbers"),
        ("compare --levels 0", "--levels 0 is out of range"),
        ("compare --repeats 0", "--repeats 0 is out of range"),
        ("compare --repeats many", "--repeats 'many' is not a whole number: write for example 3"),
        ("compare --repeats", "--repeats needs a value"),
        ("compare --seed x", "--seed 'x' is not a whole number: write for example 3"),
        ("compare --seed -1", "--seed -1 is out of range"),
        ("compare --seconds 0", "--seconds 0 is out of range"),
        ("compare --seconds long", "--seconds 'long' is not a number: write for example 1.5"),
        ("compare --messages 0", "--messages 0 is out of range"),
        ("compare --payload -1", "--payload -1 is out of range"),
        ("compare --processes 0", "--processes 0 is out of range"),
        ("compare --processes two", "--processes 'two' is not a whole number"),
        ("compare --client-mode shy", "--client-mode 'shy' is unknown: choose from free, locked"),
        ("compare --scenario persist", "--scenario 'persist' is unknown: did you mean persistent?"),
        ("compare --arrival sometimes", "--arrival 'sometimes' is unknown: choose from closed"),
        ("compare --arrival poisson", "--rate is missing"),
        ("compare --arrival poisson --rate 0", "--rate 0 is out of range"),
        ("compare --rate 100", "--rate 100 does nothing"),
        ("compare --arrival constant --rate 9 --client-mode locked", "--client-mode locked makes users wait"),
        ("compare --source nowhere", "--source 'nowhere' is not an address"),
        ("compare --modez free", "there is no option --modez: did you mean --modes?"),
        # As Locust calls them.
        ("run talk.toml --host tcp://h:1", "there is no option --host: did you mean --target?"),
        ("run talk.toml --run-time 9s", "there is no option --run-time: did you mean --seconds?"),
        ("dialogue check users.py", "users.py: is Python, and no dialogue: lockstep run users.py takes it"),
        # What all flags begin with makes no two alike.
        ("compare --bogus", "there is no option --bogus: choose from those of --help"),
        ("compare --zzz", "there is no option --zzz: choose from those of --help"),
        ("compare --out=x y z", "Got unexpected extra argument (z): see lockstep compare --help"),
        ("clients --count 0", "--count 0 is out of range"),
        ("clients --count few", "--count 'few' is not a whole number"),
        ("clients --client-mode shy", "--client-mode 'shy' is unknown"),
        ("report no/such/run", "no/such/run"),
        ("report", "report needs RUN: see lockstep report --help"),
        ("report --markdown=x run", "--markdown takes no value"),
        ("diff a", "diff needs RUN_B: see lockstep diff --help"),
        ("completion csh", "Invalid value for 'SHELL': 'csh' is not one of 'bash', 'zsh', 'fish'"),
        ("reprot", "there is no command 'reprot': did you mean report?"),
        ("dance", f"there is no command 'dance': choose from {', '.join(COMMANDS)}"),
    ],
)
def test_wrong_use_is_one_line_that_names_it_and_exit_2(
    arguments: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nothing_runs: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lockstep", *arguments.split()])
    assert refused(capsys).startswith(said)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_run_is_named_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_text("{")
    monkeypatch.setattr("sys.argv", ["lockstep", "report", str(tmp_path)])
    assert "run.json" in refused(capsys)


def test_a_value_that_a_plan_file_gives_is_refused_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], nothing_runs: None
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text('levels = "1,x"')
    monkeypatch.setattr("sys.argv", ["lockstep", "compare", "--plan", str(file)])
    assert refused(capsys).endswith(f"(from {file})")


def test_the_version_names_the_build(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["lockstep", "--version"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert capsys.readouterr().out == f"lockstep {build_of('lockstep', 'lockstep_wire')}\n"


SIGNALS = [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 143), (signal.SIGHUP, "SIGHUP", 129)]


@pytest.mark.parametrize(("number", "called", "code"), SIGNALS)
def test_a_signal_that_stops_a_command_is_one_line_and_its_exit_code(
    number: signal.Signals,
    called: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(app.commands["diff"], "callback", lambda **_: signal.raise_signal(number))
    monkeypatch.setattr("sys.argv", ["lockstep", "diff", "a", "b"])
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        assert signal.signal(number, before) is signal.SIG_DFL
    assert end.value.code == code
    assert capsys.readouterr().err == f"lockstep: stopped by {called}\n"


STOPPED_BY_AN_IMPORT = """
import signal, sys
from lockstep.__main__ import main

class Signals:
    def find_spec(self, name, *_):
        if name == "click":
            signal.raise_signal(int(sys.argv[1]))

for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, signal.SIG_DFL)
sys.meta_path.insert(0, Signals())
main()
"""


@pytest.mark.parametrize(("number", "called", "code"), SIGNALS)
def test_a_signal_that_comes_while_a_command_still_imports_is_no_trace(
    number: signal.Signals, called: str, code: int
) -> None:
    words = [sys.executable, "-c", STOPPED_BY_AN_IMPORT, str(int(number))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"lockstep: stopped by {called}\n")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bash script that says what TAB would offer after the words that it is given."""
    folder = tmp_path_factory.mktemp("shell")
    command = folder / "lockstep"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m lockstep "$@"\n')
    command.chmod(0o755)
    script = folder / "tab"
    script.write_text(
        f'PATH="{folder}:$PATH"\neval "$(lockstep completion bash)"\n'
        'COMP_WORDS=(lockstep "$@")\nCOMP_CWORD=$#\n'
        'function=$(complete -p lockstep | sed "s/.*-F \\([^ ]*\\).*/\\1/")\n'
        '$function lockstep\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    return script


@pytest.mark.skipif(not BASH, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["com"], ["compare", "completion"]),
        (["compare", "--mod"], ["--modes"]),
        (["compare", "--modes", ""], list(USUAL_LISTENERS)),
        (["compare", "--modes", "free,lo"], ["free,lock", "free,lock/message"]),
        (["compare", "--client-mode", "l"], ["locked"]),
        (["compare", "--plan", "s"], ["smoke", "soak", "staircase"]),
        (["clients", "--mode", "sem"], ["semaphore=4"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
    ids=" ".join,
)
def test_tab_completes_in_bash(shell: Path, words: list[str], offered: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMP")}
    done = subprocess.run(
        [BASH, "--norc", str(shell), *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    assert done.stdout.split() == offered, done.stderr


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_each_shell_is_told_how_to_complete(shell_name: str) -> None:
    told = CliRunner().invoke(app, ["completion", shell_name]).output
    assert "_LOCKSTEP_COMPLETE" in told
    splits = [line for line in told.splitlines() if "string split" in line]
    assert len(splits) == (shell_name == "fish")
    assert all("--max 1" in line for line in splits), "fish would cut a value at its comma"
