"""Gates and plan files in real runs: what a pipeline gets, from `lockstep compare` and from Locust."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lockstep.plan import parse_modes
from lockstep.plan_files import read_plan_file, shipped_plans
from lockstep.settings import Where
from tests.support.commands import compare_well, environment, lockstep, only_run
from tests.support.server import ROOT, ServerProcess

SERVER_FLAGS = ("--bind", "127.0.0.1", "--framing", "length", "--reply", "echo", "--timing", "--hold", "2ms")
SHORT = ("--levels", "2", "--repeats", "1", "--seconds", "1", "--warmup", "0.1")
ACK = "收到客户端信息".encode()
MET, UNMET = "free: failed <= 0", "free: messages_per_s > 1000000"


def test_the_smoke_plan_passes_and_leaves_its_junit_file(tmp_path: Path) -> None:
    out, junit = tmp_path / "results", tmp_path / "junit.xml"
    done = compare_well(out, "--plan", "plans/smoke.toml", "--junit", str(junit))
    folder, run = only_run(out)
    assert run["plan"]["file"] == "plans/smoke.toml"
    assert run["plan"]["gates"]
    assert "gate ok  lock: max_in_service <= 1" in done.out
    assert junit.read_bytes() == (folder / "junit.xml").read_bytes()
    suites = ElementTree.parse(junit).getroot()
    assert (suites.get("failures"), suites.get("errors")) == ("0", "0")
    assert int(suites.get("tests", "")) >= len(run["plan"]["gates"])


def test_an_unmet_gate_is_exit_1_and_a_later_report_says_the_same_and_exits_0(tmp_path: Path) -> None:
    out, junit = tmp_path / "results", tmp_path / "junit.xml"
    gates = ("--gate", MET, "--gate", UNMET, "--junit", str(junit))
    done = lockstep("compare", "--out", str(out), "--modes", "free", *SHORT, *gates)
    assert done.code == 1, done.out + done.err
    assert f"gate FAILED  {UNMET}" in done.out
    assert ElementTree.parse(junit).getroot().get("failures") == "1"
    folder, _ = only_run(out)
    again = lockstep("report", str(folder))
    assert again.code == 0
    assert [line for line in again.out.splitlines() if line.startswith("gate ")] == [
        line for line in done.out.splitlines() if line.startswith("gate ")
    ]
    assert (folder / "junit.xml").read_bytes() == junit.read_bytes()


@pytest.fixture(scope="module")
def admin() -> Iterator[str]:
    """The admin port of a server whose modes are those of the smoke plan."""
    with ServerProcess("free", "lock", flags=SERVER_FLAGS) as server:
        yield server.admin_url.removeprefix("http://")


def locust(admin: str, out: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Lockstep's locustfile without the page, as Compose runs it: to its end."""
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--only-summary"]
    where = ("--host", "tcp://127.0.0.1", "--admin", admin, "--out", str(out))
    return subprocess.run(
        [*command, *where, *arguments],
        cwd=ROOT,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("gates", "code"), [(f"{MET}; {UNMET}", 1), (MET, 0)])
def test_a_plan_under_locust_leaves_with_the_code_of_its_gates(
    admin: str, tmp_path: Path, gates: str, code: int
) -> None:
    plan = ("--run", "comparison plan", "--modes", "free", *SHORT)
    done = locust(admin, tmp_path, *plan, LOCKSTEP_GATE=gates)
    assert done.returncode == code, done.stderr
    assert done.stderr.count(f"gate FAILED: {UNMET} at 2: ") == code
    folder, run = only_run(tmp_path)
    assert run["plan"]["gates"] == gates.split("; ")
    assert (folder / "junit.xml").exists()


@pytest.mark.parametrize(("gates", "code"), [("", 0), ("ack: failed <= 0", 1)])
def test_failed_messages_are_figures_and_only_a_gate_makes_them_a_failure(
    tmp_path: Path, gates: str, code: int
) -> None:
    """One server echoes, the other acknowledges, to clients that expect an echo: all mismatches."""
    here = ("--bind", "127.0.0.1")
    with (
        ServerProcess("free", flags=here) as acknowledging,
        ServerProcess("free", flags=(*here, "--reply", "echo")) as echoing,
    ):
        ports = {"ack": acknowledging.ports["free"], "echo": echoing.ports["free"]}
        targets = " ".join(f"{name}=tcp://127.0.0.1:{port}" for name, port in ports.items())
        plan = ("--run", "comparison plan", "--payload", str(len(ACK)), "--reply", "echo", *SHORT)
        long = ("--seconds", "2")  # a pause of the machine at its end must not make it too short
        done = locust("", tmp_path, "--target", targets, *plan, *long, LOCKSTEP_GATE=gates)
    assert done.returncode == code, done.stderr
    _, run = only_run(tmp_path)
    assert {cell["mode"]: cell["messages"]["mismatch"] > 0 for cell in run["cells"]} == {
        "ack": True,
        "echo": False,
    }


def test_a_plan_file_is_read_under_locust_too(admin: str, tmp_path: Path) -> None:
    done = locust(admin, tmp_path, "--plan", "smoke", *SHORT, "--gate", MET)
    assert done.returncode == 0, done.stderr
    _, run = only_run(tmp_path)
    assert (run["kind"], run["plan"]["file"]) == ("plan", "smoke")
    assert (run["plan"]["modes"], run["plan"]["levels"]) == (["free", "lock"], [2])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--run", "comparison plan", "--modes", "free", "--gate", "fre: late < 1"), "did you mean free?"),
        (("--gate", MET), "--gate does nothing in a manual run: add --run 'comparison plan'"),
        (("--plan", "no/such.toml"), "--plan no/such.toml: cannot be read"),
    ],
)
def test_what_makes_no_sense_ends_locust_before_the_run_with_one_line(
    admin: str, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = locust(admin, tmp_path, *arguments, "--loglevel", "ERROR")
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("lockstep: ")
    assert said in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", shipped_plans())
def test_a_server_offers_the_modes_of_every_shipped_plan(name: str) -> None:
    """And each can be used under Locust: it sets nothing that is the server's."""
    settings = read_plan_file(name, Where.LOCUST)
    modes = parse_modes(settings["modes"])
    with ServerProcess(*modes, flags=SERVER_FLAGS) as server:
        assert set(server.listeners()) == set(modes)
