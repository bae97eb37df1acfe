"""Plan files: settings by the names of flags, each of its kind, or one line that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.errors import PlanError
from lockstep.plan_files import read_plan_file, shipped_plans
from lockstep.settings import Where

KINDS = {"repeats": int, "seconds": float}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "plan.toml"


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", {}),
        ('modes = ["free", "lock/message"]', {"modes": "free,lock/message"}),
        ('modes = "free,lock"', {"modes": "free,lock"}),
        ("levels = [1, 8]", {"levels": "1,8"}),
        ('levels = "1,8"', {"levels": "1,8"}),
        ("levels = 8", {"levels": "8"}),
        ('gate = ["free: late < 1", "lock: late < 1"]', {"gate": "free: late < 1,lock: late < 1"}),
        ("gate = []", {"gate": ""}),
        ('client-mode = "locked"', {"client_mode": "locked"}),
        ('client_mode = "locked"', {"client_mode": "locked"}),
        ("repeats = 5", {"repeats": 5}),
        ("seconds = 0.5", {"seconds": 0.5}),
        ("seconds = 2", {"seconds": 2.0}),
        ('# a comment\nhold = "5ms"', {"hold": "5ms"}),
    ],
)
def test_settings_are_read_by_the_names_of_flags(file: Path, text: str, settings: dict[str, object]) -> None:
    file.write_text(text)
    read = read_plan_file(str(file), Where.COMPARE)
    assert read == settings
    assert all(type(value) is KINDS.get(name, str) for name, value in read.items())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("level = 3", "there is no setting 'level': did you mean levels?"),
        ("zzz = 3", "there is no setting 'zzz': choose from client_mode, scenario, arrival"),
        ('[plan]\nmodes = "free"', "there is no setting 'plan'"),
        ('client-mode = "free"\nclient_mode = "free"', "client_mode is there twice, with - and with _"),
        ('repeats = "3"', "repeats = '3' is not a whole number: write for example repeats = 3"),
        ("repeats = 3.5", "repeats = 3.5 is not a whole number"),
        ("repeats = true", "repeats = true is not a whole number"),
        ("seconds = false", "seconds = false is not a number: write for example seconds = 1.5"),
        ("hold = 5", "hold = 5 is not text: write it in quotes"),
        ('hold = ["5ms"]', "hold = ['5ms'] is not text"),
        ('scenario = "persist"', "scenario = 'persist' is unknown: did you mean persistent?"),
        ("levels = [1.5]", "levels = [1.5] is not a list of names or whole numbers"),
        ("levels = [[1]]", "levels = [[1]] is not a list"),
        ("levels = true", "levels = true is not a list"),
        ("modes = [\n'free'\nlevels = 3", "is not valid TOML: Unclosed array (at line 3, column 1)"),
        ("modes = free", "is not valid TOML: Invalid value (at line 1, column 9)"),
        ("repeats = 3\nrepeats = 4", "is not valid TOML: Cannot overwrite a value"),
    ],
)
def test_a_file_that_makes_no_sense_is_named_with_key_and_remedy(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    assert refusal_of(file).startswith(said)


def refusal_of(file: Path, where: Where = Where.COMPARE) -> str:
    with pytest.raises(PlanError) as refusal:
        read_plan_file(str(file), where)
    told = str(refusal.value)
    assert refusal.value.what == "plan"
    assert "\n" not in told
    assert told.startswith(f"{file}: ")
    return told.removeprefix(f"{file}: ")


def test_a_file_that_cannot_be_read_says_why(file: Path) -> None:
    assert refusal_of(file).startswith("cannot be read (No such file or directory)")
    file.mkdir()
    assert refusal_of(file).startswith("cannot be read (Is a directory)")


def test_bytes_that_are_no_text_are_no_toml(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    assert refusal_of(file).startswith("is not valid TOML: ")


def test_a_setting_that_belongs_elsewhere_says_where(file: Path) -> None:
    file.write_text('work = "cpu"')
    assert read_plan_file(str(file), Where.COMPARE) == {"work": "cpu"}
    assert refusal_of(file, Where.LOCUST).startswith("work is the server's, which runs already")
    file.write_text("processes = 3")
    assert refusal_of(file, Where.LOCUST) == "processes is for `lockstep compare` alone: leave it out"
    file.write_text("within = '5%'")
    assert refusal_of(file, Where.COMPARE) == "within is for `lockstep find` alone: leave it out, or use that"
    file.write_text("restart = true")
    assert refusal_of(file, Where.LOCUST) == (
        "restart is for servers that a run itself starts: leave it out, or use `lockstep compare`"
    )


def test_a_shipped_plan_is_known_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(shipped_plans()) == {"smoke", "staircase", "soak", "open-load", "capacity"}
    for name, file in shipped_plans().items():
        assert read_plan_file(name, Where.LOCUST) == read_plan_file(str(file), Where.LOCUST)


def test_a_file_of_a_shipped_plans_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smoke").write_text("repeats = 9")
    assert read_plan_file("smoke", Where.COMPARE) == {"repeats": 9}


@pytest.mark.parametrize(
    ("name", "offered"),
    [("smok", "did you mean smoke?"), ("zzz", "choose from capacity, open-load, smoke, soak, staircase")],
)
def test_a_name_that_no_plan_has_is_refused_with_those_there_are(name: str, offered: str) -> None:
    with pytest.raises(PlanError) as refusal:
        read_plan_file(name, Where.COMPARE)
    assert str(refusal.value) == f"{name}: there is no such file, and no plan of this name: {offered}"
