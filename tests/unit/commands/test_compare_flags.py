"""`lockstep compare`: from flags and plan files to a run; nothing is run here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lockstep.__main__ import main
from lockstep.plan import Plan
from lockstep.plan_files import shipped_plans
from lockstep.settings import Where, given_by
from lockstep.traffic import Arrival, Traffic
from tests.support.local_runs import LocalRun, runs_replaced


class Begun(Exception):  # noqa: N818 - no error: the run would begin
    """A run would begin with this."""

    def __init__(self, run: LocalRun) -> None:
        super().__init__(run)
        self.run = run


def would_begin(run: LocalRun) -> None:
    raise Begun(run)


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with runs_replaced(monkeypatch, would_begin):
        yield


def begun(monkeypatch: pytest.MonkeyPatch, *arguments: str, command: str = "compare") -> LocalRun:
    """The run that a command with these arguments would begin."""
    monkeypatch.setattr("sys.argv", ["lockstep", command, *arguments])
    with pytest.raises(Begun) as would:
        main()
    return would.value.run


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that these arguments are refused with."""
    monkeypatch.setattr("sys.argv", ["lockstep", "compare", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    return line


def test_bare_flags_are_the_default_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    assert begun(monkeypatch).plan == Plan()


def test_how_long_cells_are_is_left_to_the_run_where_neither_flag_nor_plan_file_sets_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text("warmup = 0.5\n")
    assert begun(monkeypatch).unset == {"seconds", "warmup"}
    # Also where it is what it would be anyway.
    assert begun(monkeypatch, "--seconds", "1.5").unset == {"warmup"}
    assert begun(monkeypatch, "--plan", str(file)).unset == {"seconds"}


def test_a_plan_file_stands_in_for_flags_and_its_name_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        'modes = ["free", "lock"]\nlevels = [2, 4]\nrepeats = 1\nseconds = 2\nwarmup = 0.0\nseed = 9\n'
        'scenario = "persistent"\narrival = "poisson"\nrate = 50\npayload = 7\nmessages = 3\n'
        'source = ["127.0.0.1", "127.0.0.2"]\nhold = "5ms"\nprocesses = 1\nout = "elsewhere"\n'
        'gate = ["free: late < 1", "lock/free@4: messages_per_s > 1%"]\n'
    )
    run = begun(monkeypatch, "--plan", str(file))
    assert run.plan == Plan(
        modes=("free", "lock"),
        levels=(2, 4),
        repeats=1,
        seconds=2.0,
        warmup_s=0.0,
        seed=9,
        traffic=Traffic(
            scenario="persistent",
            messages=3,
            payload_bytes=7,
            arrival=Arrival("poisson", 50.0),
            sources=("127.0.0.1", "127.0.0.2"),
        ),
        gates=("free: late < 1", "lock/free@4: messages_per_s > 1%"),
        file=str(file),
    )
    assert (run.processes, run.out) == (1, Path("elsewhere"))
    assert run.whom.flags[-8:] == ("--hold", "5ms", "--work", "sleep", "--pause", "0", "--push", "0")
    assert run.command == f"lockstep compare --plan {file}"


def test_an_empty_flag_of_the_servers_is_left_to_it_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = begun(monkeypatch, "--hold", "").whom.flags
    assert flags[flags.index("--hold") + 1] == ""


@pytest.mark.parametrize("plan_first", [True, False])
def test_a_flag_that_is_given_wins_over_the_file_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plan_first: bool
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text('modes = "free"\nlevels = [2]\nrepeats = 7\ngate = "free: late < 1"\n')
    plan, flags = ("--plan", str(file)), ("--levels", "3", "--repeats", "1", "--gate", "free: failed < 1")
    chosen = begun(monkeypatch, *((*plan, *flags) if plan_first else (*flags, *plan))).plan
    assert (chosen.modes, chosen.levels, chosen.repeats) == (("free",), (3,), 1)
    assert chosen.gates == ("free: failed < 1",)


TALK = '[target]\nurl = "tcp://127.0.0.1:7027"\nframing = "line"\n\n[[step]]\nsend = "x"\n'


@pytest.fixture
def talk(tmp_path: Path) -> str:
    """A file of what users do that names its host."""
    file = tmp_path / "talk.toml"
    file.write_text(TALK)
    return str(file)


def test_the_host_that_a_file_names_is_the_one_target(monkeypatch: pytest.MonkeyPatch, talk: str) -> None:
    run = begun(monkeypatch, talk)
    assert run.plan.modes == ("target",)
    assert run.whom.chosen is not None
    assert [(each.name, str(each.endpoint)) for each in run.whom.chosen.running] == [
        ("target", "tcp://127.0.0.1:7027")
    ]


def test_who_says_whom_the_load_goes_to_overrules_a_files_host(
    monkeypatch: pytest.MonkeyPatch, talk: str
) -> None:
    assert begun(monkeypatch, talk, "--modes", "free").whom.chosen is None
    assert begun(monkeypatch, talk, "--host", "tcp://a", "--admin", "a:9100").whom.chosen is None
    chosen = begun(monkeypatch, talk, "--target", "a=tcp://127.0.0.1:1").whom.chosen
    assert chosen is not None
    assert chosen.names == ("a",)


def test_what_a_server_of_ours_is_to_do_is_refused_where_a_file_names_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], talk: str
) -> None:
    assert refused(monkeypatch, capsys, talk, "--hold", "5ms") == (
        "lockstep: --hold 5ms is the server's to set: start it so, or give --modes, for the file names its "
        "host, tcp://127.0.0.1:7027"
    )


def test_a_run_has_one_target_which_may_have_a_name(monkeypatch: pytest.MonkeyPatch, talk: str) -> None:
    assert begun(monkeypatch, talk, command="run").plan.modes == ("target",)
    named = begun(monkeypatch, talk, "--target", "mine=tcp://127.0.0.1:1", command="run")
    assert named.plan.modes == ("mine",)
    assert named.whom.chosen is not None
    assert named.whom.chosen.names == ("mine",)


def test_a_gate_names_a_request_that_a_dialogue_makes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "talk.toml"
    silent = '[[step]]\nname = "tick"\nsend = "x"\nreply = false\n'
    file.write_text(TALK + 'name = "do"\n' + silent)
    for gate in ("target: do.failed <= 0", "target: send.failed <= 0"):
        assert begun(monkeypatch, str(file), "--gate", gate).plan.gates == (gate,)
    for wrong, near in (("doo", "did you mean do?"), ("tick", "choose from do, send")):
        gate = f"target: {wrong}.response_p99 < 10ms"
        assert refused(monkeypatch, capsys, str(file), "--gate", gate) == (
            f"lockstep: --gate {gate!r}: there is no request {wrong!r} that users make: {near}"
        )
    monkeypatch.setattr("sys.argv", ["lockstep", "find", str(file), "--keep", "doo.response_p99 < 9ms"])
    with pytest.raises(SystemExit):
        main()
    told = "lockstep: --keep 'doo.response_p99 < 9ms': there is no request 'doo' that users make: "
    assert capsys.readouterr().err == f"{told}did you mean do?\n"
    file.write_text(TALK)
    gate = "target: do.failed <= 0"
    assert refused(monkeypatch, capsys, str(file), "--gate", gate).endswith(": no step has a name")


def test_gates_are_as_many_as_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = ("free: response_p99 < 20ms", "lock/free: messages_per_s > 0.05", "lock: late < 1")
    run = begun(monkeypatch, "--gate", gates[0], "--gate", f"{gates[1]}; {gates[2]}")
    assert run.plan.gates == gates


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--gate", "fre: late < 1"),
            "--gate 'fre: late < 1': the plan has no mode 'fre': did you mean free?",
        ),
        (("--gate", ""), "--gate '': is not a gate"),
        (("--plan", "no/such.toml"), "--plan no/such.toml: cannot be read"),
        (("--junit", "x.xml"), "--junit x.xml has nothing to hold without a gate: add --gate"),
        (("--gate", "free: late < 1", "--junit", "/"), "--junit / cannot be written (it is a folder)"),
        (
            ("--gate", "free: late < 1", "--junit", "no/such/x.xml"),
            "--junit no/such/x.xml cannot be written (its folder does not exist)",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_begins(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(monkeypatch, capsys, *arguments).startswith(f"lockstep: {said}")
    assert list(tmp_path.iterdir()) == []


def test_every_flag_may_stand_in_a_file_but_itself_and_those_that_start_something(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text("zzz = 1")
    line = refused(monkeypatch, capsys, "--plan", str(file))
    names = line.partition("choose from ")[2].split(", ")
    assert sorted([*names, "plan", "run", "ready"]) == sorted(
        setting.key for setting in given_by(Where.COMPARE)
    )


def on_pythons(*names: str) -> list[str]:
    return [word for name in names for word in ("--python", f"{name}={sys.executable}")]


def test_every_mode_on_every_interpreter_is_compared_with_the_first_on_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = "free-on-b/free-on-a@8: messages_per_s > 1.5"
    flags = (*on_pythons("a", "b"), "--modes", "free,lock", "--gate", gate, "--work", "cpu")
    run = begun(monkeypatch, *flags)
    assert run.plan.modes == ("free-on-a", "lock-on-a", "free-on-b", "lock-on-b")
    assert run.plan.baseline == "free-on-a"
    assert run.plan.gates == (gate,)
    assert run.whom.on_pythons is not None
    assert run.whom.on_pythons.modes == ("free", "lock")
    assert run.whom.flags[run.whom.flags.index("--work") + 1] == "cpu"
    assert begun(monkeypatch, *flags, "--baseline", "lock-on-b").plan.baseline == "lock-on-b"
    keep = ("--keep", "response_p99 < 50ms")
    assert begun(monkeypatch, *on_pythons("a"), *keep, command="find").plan.baseline == "free-on-a"


def test_a_plan_file_may_name_the_interpreters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(f'modes = "free"\npython = ["a={sys.executable}", "b={sys.executable}"]\n')
    assert begun(monkeypatch, "--plan", str(file)).plan.modes == ("free-on-a", "free-on-b")
    assert begun(monkeypatch, "--plan", str(file), *on_pythons("c")).plan.modes == ("free-on-c",)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (("--host", "tcp://a"), "--host tcp://a runs already, but --python starts servers: leave out one"),
        (("--admin", "a:1"), "--admin a:1 runs already, but --python starts servers: leave out one"),
        (("--target", "a=tcp://a:1"), "--python 3.13 starts servers of ours, but --target and --run name"),
    ],
)
def test_interpreters_are_refused_beside_servers_that_are_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], others: tuple[str, ...], said: str
) -> None:
    assert refused(monkeypatch, capsys, "--python", "3.13", *others).startswith(f"lockstep: {said}")


SEARCHES = {"capacity"}


def planned(monkeypatch: pytest.MonkeyPatch, file: str, name: str) -> Plan:
    """The plan of a file, by the command that takes it."""
    command = "find" if name in SEARCHES else "compare"
    return begun(monkeypatch, "--plan", file, command=command).plan


@pytest.mark.parametrize("name", shipped_plans())
def test_the_plans_that_are_shipped_would_begin(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    file = str(shipped_plans()[name])
    by_name, by_path = planned(monkeypatch, name, name), planned(monkeypatch, file, name)
    assert (by_name.file, by_path.file) == (name, file)
    assert replace(by_name, file=None) == replace(by_path, file=None)


def test_each_shipped_plan_is_what_its_name_says(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = {name: planned(monkeypatch, name, name) for name in shipped_plans()}
    assert set(plans) == {"smoke", "staircase", "soak", "open-load"} | SEARCHES
    assert all((plans[name].search is not None) == (name in SEARCHES) for name in plans)
    cells_s = {name: len(plan.cells()) * (plan.seconds + plan.warmup_s) for name, plan in plans.items()}
    assert cells_s["smoke"] < 30
    assert cells_s["soak"] > 3600
    assert len(plans["staircase"].levels) >= 6
    assert {"free", "lock"} < set(plans["staircase"].modes)
    assert plans["open-load"].traffic.arrival.kind == "poisson"
    assert {gate.split()[1] for gate in plans["soak"].gates} >= {"failed", "late"}
    assert plans["smoke"].gates


def test_a_rehearsal_takes_two_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    assert begun(monkeypatch, "--rehearse").plan.repeats == 2


def test_a_rehearsal_that_is_told_how_many_repeats_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(monkeypatch, capsys, "--rehearse", "--repeats", "5")
    assert line == "lockstep: --rehearse takes two repeats: leave out --repeats and --until"


@pytest.mark.parametrize(
    ("whom", "said"),
    [
        (
            ("--admin", "h:9100", "--host", "tcp://h"),
            "tcp://h runs already: leave out --host and --admin, or",
        ),
        (("--admin", "h:9100"), "h:9100 runs already: leave out --host and --admin, or"),
        (
            ("--run", "new=./s {port}", "--target", "old=tcp://h:1"),
            "'old' runs already: give its command, --run old='COMMAND {port}', or leave out",
        ),
    ],
)
@pytest.mark.parametrize("flag", [f"--{each.name}" for each in given_by(Where.COMPARE) if each.of_started])
def test_what_is_done_with_servers_that_a_run_starts_is_refused_where_others_started_one(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    whom: tuple[str, ...],
    said: str,
    flag: str,
) -> None:
    assert refused(monkeypatch, capsys, flag, *whom) == (
        f"lockstep: {flag} is for servers that the run itself starts, and {said} {flag}"
    )


def test_to_start_anew_takes_more_than_one_repeat(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(monkeypatch, capsys, "--restart", "--repeats", "1") == (
        "lockstep: --restart does nothing in one repeat: give --repeats 2 or more, or leave it out"
    )
    assert begun(monkeypatch, "--restart").plan.restart
