"""Lockstep's options for Locust: where they come from, and what they become."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.options import (
    COMPARISON_PLAN,
    IN_A_PLAN_FILE,
    add_options,
    check_numbers,
    offered_modes,
    plan_of,
    target_of,
    traffic_of,
)
from lockstep.plan import Arrival, Plan, PlanError, Traffic
from lockstep.target.target import PLAIN_TARGET
from lockstep.tcp.failures import HarnessError
from tests.support.admin_port import admin_port, listener, listeners
from tests.support.peers import refusing_port


class RecordingParser(ArgumentParser):
    """Takes what Locust's parser takes beyond argparse's, and keeps it."""

    def __init__(self) -> None:
        self.variables: set[str] = set()
        self.on_page: set[str] = set()
        super().__init__()

    def add_argument(self, *names: str, **settings: Any) -> Any:
        if settings.pop("include_in_web_ui", False):
            self.on_page.add(names[0])
        self.variables |= {settings.pop("env_var", "")} - {""}
        return super().add_argument(*names, **settings)


@pytest.fixture(autouse=True)
def _nobody_asked_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("LOCKSTEP_ADMIN", raising=False)
    monkeypatch.delenv("LOCKSTEP_PLAN", raising=False)
    monkeypatch.setattr("sys.argv", ["locust"])
    offered_modes.cache_clear()
    yield
    offered_modes.cache_clear()


def parsed(*arguments: str) -> Namespace:
    parser = RecordingParser()
    add_options(parser)
    return parser.parse_args(arguments)


def test_bare_options_are_the_default_plan() -> None:
    options = parsed()
    assert plan_of(options) == Plan(modes=(PLAIN_TARGET,))
    assert traffic_of(options) == Traffic()
    assert (options.mode, options.run) == (PLAIN_TARGET, "by hand")


def test_on_a_lockstep_server_the_default_plan_compares_its_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    with admin_port({"/listeners": [listeners(listener("free", 8888))]}) as port:
        monkeypatch.setattr("sys.argv", ["locust", "--admin", port.address])
        assert plan_of(parsed("--admin", port.address)) == Plan()


@pytest.mark.parametrize(
    ("option", "value"),
    [("seed", "99999999999999999999999"), ("repeats", "0"), ("seconds", "nan"), ("payload", "-1")],
)
def test_a_number_that_makes_no_sense_is_refused_in_a_run_by_hand_too(option: str, value: str) -> None:
    """Locust sends every option to its workers, and one that it cannot send would spoil all later runs."""
    check_numbers(parsed())
    with pytest.raises(PlanError, match="is out of range") as refusal:
        check_numbers(parsed(f"--{option}", value))
    assert refusal.value.what == option


def test_options_become_a_plan() -> None:
    options = parsed(
        "--modes", "free,lock", "--levels", "2,4", "--repeats", "1", "--warmup", "0", "--seed", "9"
    )
    assert plan_of(options) == Plan(("free", "lock"), (2, 4), 1, warmup_s=0.0, seed=9)


def test_arrivals_and_sources_become_traffic() -> None:
    options = parsed("--arrival", "poisson", "--rate", "50", "--source", "127.0.0.1,127.0.0.2")
    traffic = Traffic(arrival=Arrival("poisson", 50.0), sources=("127.0.0.1", "127.0.0.2"))
    assert traffic_of(options) == traffic
    assert plan_of(options).traffic == traffic


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--levels", "1,x"), "levels"),
        (("--repeats", "0"), "repeats"),
        (("--messages", "0"), "messages"),
        (("--rate", "5"), "rate"),
        (("--arrival", "constant"), "rate"),
        (("--arrival", "constant", "--rate", "5", "--client-mode", "locked"), "client-mode"),
    ],
)
def test_options_that_make_no_plan_are_refused_by_name(arguments: tuple[str, ...], what: str) -> None:
    with pytest.raises(PlanError) as refusal:
        plan_of(parsed(*arguments))
    assert refusal.value.what == what


def test_every_option_has_a_variable_and_only_choices_about_the_load_are_on_the_page() -> None:
    parser = RecordingParser()
    add_options(parser)
    assert {"LOCKSTEP_ADMIN", "LOCKSTEP_CLIENT_MODE", "LOCKSTEP_MODES"} <= parser.variables
    assert {"--mode", "--client-mode", "--messages", "--payload", "--run"} <= parser.on_page
    assert {"--arrival", "--rate"} <= parser.on_page
    assert not {"--admin", "--out", "--framing", "--reply", "--source"} & parser.on_page


@pytest.mark.parametrize("given_by", ["flag", "variable", "plan file"])
def test_the_pages_modes_are_those_of_the_server(
    given_by: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = listeners(listener("free", 1), listener("semaphore=4", 2))
    with admin_port({"/listeners": [answer]}) as port:
        if given_by == "flag":
            monkeypatch.setattr("sys.argv", ["locust", "--admin", port.address])
        elif given_by == "plan file":
            file = tmp_path / "plan.toml"
            file.write_text(f'admin = "{port.address}"')
            monkeypatch.setenv("LOCKSTEP_PLAN", str(file))
        else:
            monkeypatch.setenv("LOCKSTEP_ADMIN", port.address)
        assert parsed("--mode", "semaphore=4").mode == "semaphore=4"
        assert parsed().mode == "free"


def test_an_absent_server_ends_the_command_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with refusing_port() as port:
        monkeypatch.setenv("LOCKSTEP_ADMIN", f"127.0.0.1:{port}")
        with pytest.raises(SystemExit) as exit_:
            parsed()
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"--admin 127.0.0.1:{port}" in line


def test_the_target_is_the_host_and_the_server_behind_admin() -> None:
    target = target_of("tcp://server:8888", parsed("--reply", "echo", "--framing", "line"))
    assert (target.host, target.port, target.server) == ("server", 8888, None)
    assert (target.framing, target.reply) == ("line", "echo")
    assert target_of("tcp://server:8888", parsed()).reply is None
    with pytest.raises(HarnessError, match="no host is given"):
        target_of(None, parsed())


def test_gates_go_into_the_plan() -> None:
    gates = "free: response_p99 < 20ms; lock/free@4: messages_per_s > 0.05"
    plan = plan_of(parsed("--modes", "free,lock", "--levels", "4", "--gate", gates))
    assert plan.gates == ("free: response_p99 < 20ms", "lock/free@4: messages_per_s > 0.05")
    assert plan.file is None
    with pytest.raises(PlanError, match="did you mean free") as refusal:
        plan_of(parsed("--modes", "free,lock", "--gate", "fre: late < 1"))
    assert refusal.value.what == "gate"


@pytest.mark.parametrize("given_by", ["flag", "variable"])
def test_a_plan_file_gives_defaults_and_chooses_the_comparison_plan(
    given_by: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        'modes = ["free"]\nlevels = [2]\nrepeats = 1\nseconds = 2\narrival = "poisson"\nrate = 9\n'
        'gate = ["free: late < 1", "free: failed < 1"]\n'
    )
    if given_by == "flag":
        monkeypatch.setattr("sys.argv", ["locust", "--plan", str(file), "--levels", "3"])
    else:
        monkeypatch.setenv("LOCKSTEP_PLAN", str(file))
    options = parsed("--plan", str(file), "--levels", "3")
    assert options.run == COMPARISON_PLAN
    plan = plan_of(options)
    assert (plan.modes, plan.levels, plan.repeats, plan.seconds) == (("free",), (3,), 1, 2.0)
    assert plan.traffic.arrival == Arrival("poisson", 9.0)
    assert (plan.gates, plan.file) == (("free: late < 1", "free: failed < 1"), str(file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('hold = "5ms"', "hold is the server's, which runs already"),
        ("processes = 3", "processes is for `lockstep compare` alone: leave it out"),
        ("mode = 'free'", "there is no setting 'mode': did you mean modes?"),
    ],
)
def test_a_plan_file_that_cannot_be_used_ends_the_command_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(text)
    monkeypatch.setattr("sys.argv", ["locust", "--plan", str(file)])
    with pytest.raises(SystemExit) as exit_:
        parsed()
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"lockstep: --plan {file}: {said}")


def test_all_that_a_plan_file_may_hold_is_an_option_of_the_same_type() -> None:
    defaults = vars(parsed())
    assert {name: type(defaults[name]) for name in IN_A_PLAN_FILE} == IN_A_PLAN_FILE
