"""Lockstep's options for Locust: where they come from, and what they become."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import pytest

from lockstep.errors import HarnessError, PlanError
from lockstep.options import (
    add_options,
    check_numbers,
    defaults,
    plan_of,
    settle,
    targets_of,
    traffic_of,
    unset_lengths,
)
from lockstep.plan import Plan
from lockstep.runs.records import PLAIN_TARGET, TargetRecord
from lockstep.settings import COMPARISON_PLAN, Where, given_by
from lockstep.tcp.endpoint import Endpoint
from lockstep.traffic import Arrival, Traffic
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
def _nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCKSTEP_ADMIN", raising=False)
    monkeypatch.delenv("LOCKSTEP_PLAN", raising=False)
    monkeypatch.setattr("sys.argv", ["locust"])


def parsed(*arguments: str) -> Namespace:
    parser = RecordingParser()
    add_options(parser)
    return parser.parse_args(arguments)


def settled(*arguments: str) -> Namespace:
    """As who leads has them."""
    options = parsed(*arguments)
    settle(options)
    return options


def test_bare_options_are_the_default_plan() -> None:
    options = settled()
    assert plan_of(options) == Plan(modes=(PLAIN_TARGET,))
    assert traffic_of(options) == Traffic()
    assert (options.mode, options.run) == (PLAIN_TARGET, "manual run")


def test_on_a_lockstep_server_the_default_plan_compares_its_modes() -> None:
    with admin_port({"/listeners": [listeners(listener("free", 8888))]}) as port:
        assert plan_of(settled("--admin", port.address)) == Plan()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seed", "99999999999999999999999"),
        ("repeats", "0"),
        ("seconds", "nan"),
        ("warmup", "inf"),
        ("payload", "-1"),
    ],
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
    options = settled("--arrival", "poisson", "--rate", "50", "--source", "127.0.0.1,127.0.0.2")
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
        plan_of(settled(*arguments))
    assert refusal.value.what == what


def test_every_option_has_a_variable_and_only_choices_about_the_load_are_on_the_page() -> None:
    parser = RecordingParser()
    add_options(parser)
    assert {"LOCKSTEP_ADMIN", "LOCKSTEP_CLIENT_MODE", "LOCKSTEP_MODES"} <= parser.variables
    assert {"--mode", "--client-mode", "--messages", "--payload", "--run"} <= parser.on_page
    assert {"--arrival", "--rate"} <= parser.on_page
    assert not {"--admin", "--out", "--framing", "--reply", "--source"} & parser.on_page


@pytest.mark.parametrize("by", ["flag", "plan file"])
def test_the_modes_to_choose_from_are_those_of_the_server(
    by: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = listeners(listener("free", 1), listener("semaphore=4", 2))
    with admin_port({"/listeners": [answer]}) as port:
        admin = ["--admin", port.address]
        if by == "plan file":
            file = tmp_path / "plan.toml"
            file.write_text(f'admin = "{port.address}"')
            monkeypatch.setenv("LOCKSTEP_PLAN", str(file))
            admin = []
        options = parsed(*admin)
        unsettled = options.mode
        assert settle(options) == ("free", "semaphore=4")
        assert (unsettled, options.mode) == (None, "free")
        assert settled(*admin, "--mode", "semaphore=4").mode == "semaphore=4"
        with pytest.raises(PlanError, match="did you mean semaphore=4") as refusal:
            settled(*admin, "--mode", "semaphor")
    assert refusal.value.what == "mode"


def test_an_absent_server_is_refused_by_who_leads_and_not_while_options_are_declared() -> None:
    with refusing_port() as port:
        options = parsed("--admin", f"127.0.0.1:{port}")
        with pytest.raises(PlanError, match=f"127.0.0.1:{port}: ") as refusal:
            settle(options)
    assert refusal.value.what == "admin"


def test_defaults_are_what_nobody_sets(tmp_path: Path) -> None:
    options = vars(settled())
    assert defaults((PLAIN_TARGET,)) == options
    with_server = defaults(("lock", "free"))
    assert (with_server["mode"], with_server["modes"]) == ("lock", ",".join(Plan().modes))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seed", "x"), "--seed 'x' is not a whole number: write for example 3"),
        (("--seconds", "long"), "--seconds 'long' is not a number: write for example 1.5"),
        (("--scenario", "persist"), "--scenario 'persist' is unknown: did you mean persistent?"),
    ],
)
def test_a_value_that_is_none_ends_locust_with_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        parsed(*arguments)
    assert exit_.value.code == 2
    assert capsys.readouterr().err == f"lockstep: {said}\n"


def test_the_target_is_the_host_and_the_server_behind_admin() -> None:
    targets = targets_of("tcp://server:8888", parsed("--reply", "echo", "--framing", "line"))
    assert targets.endpoint_of(PLAIN_TARGET) == Endpoint("server", 8888)
    assert targets.told() == {PLAIN_TARGET: TargetRecord("tcp://server:8888", "line", "echo")}
    assert targets_of("tcp://server:8888", parsed()).told()[PLAIN_TARGET].reply is None
    with pytest.raises(HarnessError, match="no host is given"):
        targets_of(None, parsed())


def test_targets_with_names_win_over_the_host_and_stand_where_modes_do() -> None:
    options = parsed("--target", "new=tcp://h:1 old=unix:///old", "--run", "comparison plan")
    assert settle(options) == ("new", "old")
    plan = plan_of(options)
    assert (plan.modes, plan.baseline) == (("new", "old"), "old")
    targets = targets_of("tcp://server:8888", options)
    targets.check(plan)
    assert str(targets.endpoint_of("old")) == "unix:///old"


@pytest.mark.parametrize("host", [None, "", "  "])
def test_who_is_named_otherwise_needs_no_host(host: str | None, tmp_path: Path) -> None:
    """Locust's page sends an empty one where nothing is entered."""
    named = targets_of(host, parsed("--target", "new=tcp://h:1"))
    assert named.endpoint_of("new") == Endpoint("h", 1)
    talk = tmp_path / "talk.toml"
    talk.write_text('[target]\nurl = "tcp://h:2"\n[[step]]\nname = "a"\nsend = "a"\n')
    assert targets_of(host, parsed("--file", str(talk))).endpoint_of(PLAIN_TARGET) == Endpoint("h", 2)
    with pytest.raises(HarnessError, match="no host is given"):
        targets_of(host, parsed())


def test_gates_go_into_the_plan() -> None:
    gates = "free: response_p99 < 20ms; lock/free@4: messages_per_s > 0.05"
    plan = plan_of(settled("--modes", "free,lock", "--levels", "4", "--gate", gates))
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


def test_an_option_has_a_value_of_its_kind_which_the_page_needs() -> None:
    options = vars(settled())
    for setting in given_by(Where.LOCUST):
        kind = setting.kind if setting.kind in (int, float) else str
        if options[setting.key] is None:
            # 0 is a number like another where no field has to show one.
            assert Where.FORM not in setting.where
        else:
            assert type(options[setting.key]) is kind


def test_how_long_cells_are_is_nobodys_word_where_neither_flag_nor_variable_nor_form_changed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = settled()
    assert unset_lengths(options) == {"warmup", "seconds"}
    options.seconds = 4.0
    assert unset_lengths(options) == {"warmup"}
    monkeypatch.setenv("LOCKSTEP_WARMUP", "0.5")
    assert unset_lengths(options) == set()
