"""Each setting, where it may be given, with a value that makes no sense: one line names setting and place."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import configargparse  # type: ignore[import-untyped]
import pytest

from lockstep.__main__ import main
from lockstep.errors import REFUSALS, PlanError
from lockstep.options import add_options, plan_of, refusal_in_words, settle, targets_of
from lockstep.runs.records import PLAIN_TARGET
from lockstep.settings import SETTINGS, Setting, Where, given_by
from lockstep.target.admin import ServerView
from lockstep.target.local_server import refusal_of
from lockstep.web.form import chosen
from tests.support.local_runs import LocalRun, runs_replaced

# What is text in any form, and so can be wrong only in what it says.
BAD_TEXTS = {
    "mode": "nowhere",
    "modes": "free,free",
    "levels": "1,x",
    "baseline": "nowhere",
    "target": "nowhere",
    "run": "./server {port}",
    "ready": "(",
    "python": "no/such/python",
    "watch": "nowhere",
    "framing": "morse",
    "gate": "free: speed < 3",
    "plan": "no-such-plan",
    "source": "nowhere",
    "admin": "name-without-port",
    "hold": "2parsecs",
    "work": "dream",
    "push": "often",
    "beside": "strangers",
    "stages": "climb 0-100 10s",
    "rendezvous": "soon",
    "heartbeat": "often",
    "pause": "long",
    "keep": "respons_p99 < 50ms",
    "within": "five",
    "until": "five",
    "at-most": "ten",
    "junit": "no/such/folder/gates.xml",
    "file": "talk.txt",
    # Beside no file.
    "tags": "slow",
    "exclude-tags": "slow",
}
# Any text will do; or what is wrong with it only the network, or the file system, can say.
ANY_TEXT = {"reply", "host", "out", "target"}
BAD_NUMBERS = ("many", "-1")
# Where 0 is as senseless, and must not be taken for a number that nobody gave.
NO_ZERO = ("up-to", "at-least")
# What a file can hold beside a text of another kind, where the setting takes one of its own kind.
BAD_TOML = ("true", "[[1]]", "{ a = 1 }")


class Given(NamedTuple):
    """A setting, and a value for it as text."""

    setting: Setting
    text: str


def bad(where: Where) -> list[Any]:
    """Values that make no sense, for every setting that may be given there."""
    return [
        pytest.param(Given(setting, text), id=f"{setting.name}={text}")
        for setting in given_by(where)
        for text in bad_texts(setting)
    ]


def bad_texts(setting: Setting) -> tuple[str, ...]:
    if setting.name in ANY_TEXT:
        return ()
    if setting.choices or setting.kind is bool:
        return ("nonsense",)
    if setting.kind not in (int, float):
        return (BAD_TEXTS[setting.name],)
    return (*BAD_NUMBERS, "0") if setting.name in NO_ZERO else BAD_NUMBERS


def test_every_setting_is_walked_or_takes_any_text() -> None:
    assert {setting.name for setting in SETTINGS if not bad_texts(setting)} == ANY_TEXT
    assert set(BAD_TEXTS) <= {setting.name for setting in SETTINGS}


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("lockstep: ")
    return line.removeprefix("lockstep: ")


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stands in for what runs a comparison, and looks at what goes to the server, and at its address."""

    def run_here(run: LocalRun) -> None:
        if run.whom.admin is not None:
            ServerView(run.whom.admin)
        flags = run.whom.flags
        for setting in (each for each in given_by(Where.COMPARE) if each.to_server):
            value = flags[flags.index(f"--{setting.name}") + 1]
            if value == BAD_TEXTS[setting.name]:
                # As the server has it (tests/unit/server/test_flags.py).
                raise refusal_of(f"--{setting.name} {value} is unknown; choose another", (), flags, "modes")
        raise AssertionError("nothing is refused")

    with runs_replaced(monkeypatch, run_here):
        yield


def refuses(monkeypatch: pytest.MonkeyPatch, command: str, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["lockstep", command, *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2


# What makes each of the others matter: a rate needs arrivals, a JUnit file gates, a search a promise.
PROMISE = ("keep", "response_p99 < 50ms")
BESIDE = {
    "rate": ("arrival", "constant"),
    "junit": ("gate", "{mode}: failed < 1"),
    "most": ("until", "5%"),
    "at-most": ("until", "5%"),
    **dict.fromkeys(("search", "within", "up-to", "at-least"), PROMISE),
}


class Command(NamedTuple):
    """words: up to its flags. mode: what its series is called. always: what is given beside each flag."""

    words: tuple[str, ...]
    mode: str
    always: tuple[str, str] | None = None


COMMANDS = {
    Where.COMPARE: Command(("compare",), "free"),
    Where.FIND: Command(("find",), "free", PROMISE),
    Where.RUN: Command(("run", "talk.toml"), PLAIN_TARGET),
}
FLAGS = [
    pytest.param(where, *each.values, id=f"{command.words[0]} {each.id}")
    for where, command in COMMANDS.items()
    for each in bad(where)
]


def command_for(setting: Setting) -> str:
    """The command that takes it."""
    return "compare" if Where.COMPARE in setting.where else "find"


def beside(setting: Setting, command: Command = COMMANDS[Where.COMPARE]) -> dict[str, str]:
    """What has to be given with it, to this command."""
    name, text = command.always or BESIDE.get(setting.name, (setting.name, ""))
    return {} if name == setting.name else {name: text.format(mode=command.mode)}


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize(("where", "given"), FLAGS)
def test_a_flag_is_refused_by_its_name(
    where: Where,
    given: Given,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "talk.toml").write_text('[target]\nurl = "tcp://127.0.0.1:1"\n[[step]]\nsend = "x"\n')
    monkeypatch.chdir(tmp_path)
    command = COMMANDS[where]
    others = [f"--{name}={text}" for name, text in beside(given.setting, command).items()]
    refuses(monkeypatch, *command.words, f"--{given.setting.name}={given.text}", *others)
    assert_names(one_line(capsys), f"--{given.setting.name} ", given)
    assert [each.name for each in tmp_path.iterdir()] == ["talk.toml"]


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize("given", bad(Where.PLAN_FILE))
def test_a_key_of_a_plan_file_is_refused_by_its_name_and_the_files(
    given: Given, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(in_toml({given.setting.name: given.text, **beside(given.setting)}))
    monkeypatch.chdir(tmp_path)
    refuses(monkeypatch, command_for(given.setting), "--plan", str(file))
    line = one_line(capsys)
    assert str(file) in line
    assert_names(line, given.setting.name, given)


def in_toml(settings: dict[str, str]) -> str:
    """Numbers as such, all else as strings."""
    lines = (f"{name} = {text if text == '-1' else json.dumps(text)}" for name, text in settings.items())
    return "\n".join(lines)


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        pytest.param(setting, value, id=f"{setting.name}={value}")
        for setting in given_by(Where.PLAN_FILE)
        for value in BAD_TOML
        if (setting.kind, value) != (bool, "true")
    ],
)
def test_a_key_of_another_kind_is_refused_by_its_name_and_the_files(
    setting: Setting,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"{setting.name} = {value}")
    refuses(monkeypatch, command_for(setting), "--plan", str(file))
    assert one_line(capsys).startswith(f"--plan {file}: {setting.name} = ")


class LocustsParser(configargparse.ArgumentParser):  # type: ignore[misc]
    """As Locust's: options have variables, and may be on its page."""

    def add_argument(self, *names: str, include_in_web_ui: bool = True, **settings: Any) -> Any:
        del include_in_web_ui
        return super().add_argument(*names, **settings)


def locust_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """The line with which a comparison plan that Locust is to lead is refused."""
    monkeypatch.setattr("sys.argv", ["locust", *arguments])
    with pytest.raises((SystemExit, *REFUSALS)) as end:
        lead(arguments)
    if isinstance(end.value, SystemExit):
        assert end.value.code == 2
        return one_line(capsys)
    assert isinstance(end.value, REFUSALS)
    return refusal_in_words(end.value)


def parsed(arguments: Sequence[str] = ()) -> Namespace:
    parser = LocustsParser()
    add_options(parser)
    options: Namespace = parser.parse_args(list(arguments))
    return options


def lead(arguments: Sequence[str]) -> None:
    """What becomes of Locust's options where it leads, up to the first who has to be asked."""
    options = parsed(arguments)
    settle(options)
    targets_of("tcp://127.0.0.1:1", options)
    plan_of(options)


@pytest.mark.parametrize("given", bad(Where.LOCUST))
def test_an_option_of_locusts_is_refused_by_its_name(
    given: Given, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [f"--{name}={text}" for name, text in beside(given.setting).items()]
    line = locust_refuses(monkeypatch, capsys, f"--{given.setting.name}={given.text}", *others)
    assert_names(line, f"--{given.setting.name} ", given)
    assert "(from" not in line


@pytest.mark.parametrize("given", bad(Where.LOCUST))
def test_a_variable_is_refused_by_its_name(
    given: Given, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [f"--{name}={text}" for name, text in beside(given.setting).items()]
    monkeypatch.setenv(given.setting.variable, given.text)
    line = locust_refuses(monkeypatch, capsys, *others)
    assert_names(line, f"--{given.setting.name} ", given)
    assert line.endswith(f"(from {given.setting.variable})")


@pytest.mark.parametrize(
    "given",
    [param for param in bad(Where.LOCUST) if Where.PLAN_FILE in param.values[0].setting.where],
)
def test_a_plan_file_of_locusts_is_refused_by_key_and_file(
    given: Given, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(in_toml({given.setting.name: given.text, **beside(given.setting)}))
    line = locust_refuses(monkeypatch, capsys, "--plan", str(file))
    assert str(file) in line
    assert_names(line, given.setting.name, given)


def start(options: Namespace, form: dict[str, str]) -> None:
    """What becomes of a start request, up to the first who has to be asked."""
    asked = chosen(options, form)
    settle(asked)
    plan_of(asked)


@pytest.mark.parametrize("given", bad(Where.FORM))
def test_a_field_of_the_form_is_refused_by_its_name(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["locust"])
    form = {given.setting.key: given.text, **beside(given.setting)}
    with pytest.raises(PlanError) as refusal:
        start(parsed(), form)
    assert refusal.value.what == given.setting.name
    assert_names(str(refusal.value), "", given)


def assert_names(line: str, name: str, given: Given) -> None:
    """It says which setting, what was given, and more: what is wrong with it, or what to write."""
    assert name in line
    if line == f"{name}takes no value: see --help":
        return
    value = given.text.partition(",")[0].partition(" ")[0]
    assert value in line
    assert len(line) > len(name) + len(given.text) + 15
