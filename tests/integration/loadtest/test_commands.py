"""Commands at their edges: wrong use, interruption, a lost worker, somebody else's server and locustfile."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from lockstep.worker.agent import REPORT_INTERVAL_S
from tests.support.commands import (
    COMMAND,
    Done,
    compare,
    differences,
    environment,
    lockstep,
    only_run,
    run_here,
)
from tests.support.load import LoadProcesses
from tests.support.peers import line_echo
from tests.support.server import ROOT, ServerProcess

SERVER_FLAGS = ("--bind", "127.0.0.1", "--framing", "length", "--reply", "echo", "--timing", "--hold", "2ms")
SHORT = ("--levels", "2", "--repeats", "1", "--seconds", "1", "--warmup", "0.1")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["compare", "--modes", "frei"], "--modes frei has the unknown mode 'frei'; did you mean free?"),
        (["compare", "--modes", "free,semaphore"], "--modes semaphore lacks how many"),
        (["compare", "--source", "192.0.2.1"], "cannot connect from --source 192.0.2.1"),
        (["compare", "--source", "::1"], "cannot connect from --source ::1"),
        (["compare", "--levels", "90000", "--modes", "queue=1"], "--levels 90000 needs"),
        (["compare", "--hold", "2 parsecs"], "--hold"),
        (["compare", "--host", "tcp://127.0.0.1"], "--host needs --admin HOST:PORT"),
        (["compare", "--host", "http://127.0.0.1"], "'http://127.0.0.1'"),
        (["compare", "--admin", "127.0.0.1:1"], "127.0.0.1:1"),
        (["compare", "--admin", "127.0.0.1:1", "--hold", "5ms"], "--hold 5ms"),
        (["compare", "--out", "/proc/nowhere", "--modes", "free"], "/proc/nowhere"),
        (["clients", "--mode", "semaphore=0"], "--mode semaphore=0"),
    ],
)
def test_what_only_a_run_can_refuse_is_one_line_and_exit_2(
    tmp_path: Path, arguments: list[str], named: str
) -> None:
    done = lockstep(*arguments, cwd=tmp_path)
    assert done.code == 2, done.err
    (line,) = done.err.splitlines()
    assert line.startswith("lockstep: ")
    assert named in line
    assert done.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_runs_already_is_driven_and_left_alone(tmp_path: Path) -> None:
    with ServerProcess("free", "lock", flags=SERVER_FLAGS) as server:
        admin = server.admin_url.removeprefix("http://")
        where = ("--host", "tcp://127.0.0.1", "--admin", admin)
        _, run = compare(tmp_path / "results", *where, "--modes", "free,lock", *SHORT)
        assert server.process.poll() is None
        answered = sum(listener["answered"] for listener in server.listeners().values())
    assert answered == sum(cell["ledger"]["answered"]["client"] for cell in run["cells"])


def test_a_worker_that_is_killed_in_mid_run_is_named_and_loses_at_most_one_report(tmp_path: Path) -> None:
    out = tmp_path / "results"
    plan = (
        "--modes",
        "free",
        "--levels",
        "8",
        "--seconds",
        "8",
        "--repeats",
        "1",
        "--scenario",
        "persistent",
    )
    a_worker_per_s = 100
    load = ("--arrival", "constant", "--rate", str(2 * a_worker_per_s), "--processes", "2")
    process = subprocess.Popen(
        [*COMMAND, "compare", "--out", str(out), *plan, *load],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 30
        while not list(out.glob("*/run.json")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(5.5)  # between its first report, after 3 s and what it takes to begin, and its second
        next(
            child
            for child in psutil.Process(process.pid).children()
            if "lockstep.worker.process" in child.cmdline()
        ).kill()
        told, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    folder, run = only_run(out)
    (cell,) = run["cells"]
    assert (cell["workers_expected"], cell["workers_reported"]) == (2, 1)
    assert any("no last report" in note for note in run["notes"])
    lost = differences(cell)["answered"]
    assert 0 < lost <= a_worker_per_s * (REPORT_INTERVAL_S + 1)
    assert "the last report before its end is lost" in cell["ledger"]["explanation"]
    # The numbers stand at the top of both reports, and the exit code says so too.
    assert process.returncode == 3
    page = (folder / "report.html").read_text(encoding="utf-8")
    client, server = cell["ledger"]["answered"]["client"], cell["ledger"]["answered"]["server"]
    for report in (told, page.partition("<h1>")[0]):
        assert "degraded" in report.lower()
        assert f"{client:,}" in report
        assert f"{server:,}" in report


def test_a_host_that_nobody_knows_is_refused_before_the_run(tmp_path: Path) -> None:
    """Names under .invalid are never found (RFC 2606)."""
    with ServerProcess("free", flags=SERVER_FLAGS) as server:
        admin = server.admin_url.removeprefix("http://")
        where = ("--host", "tcp://nowhere.invalid", "--admin", admin)
        done = lockstep("compare", *where, "--modes", "free", cwd=tmp_path)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "cannot find host 'nowhere.invalid'" in line
    assert list(tmp_path.iterdir()) == []


def locust(*arguments: str) -> Done:
    """Lockstep's locustfile without the page, to its end. 192.0.2.1 is nobody's address (RFC 5737)."""
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--only-summary"]
    return run_here(*command, *arguments, "--source", "192.0.2.1", within_s=50)


def test_a_plan_whose_worker_cannot_go_on_ends_with_its_reason_and_exit_2(tmp_path: Path) -> None:
    with ServerProcess("free", flags=SERVER_FLAGS) as server:
        admin = server.admin_url.removeprefix("http://")
        where = ("--host", "tcp://127.0.0.1", "--admin", admin, "--out", str(tmp_path))
        plan = ("--run", "comparison plan", "--modes", "free", "--levels", "4", "--seconds", "60")
        done = locust(*where, *plan)
    assert done.code == 2, done.err
    assert "--source 192.0.2.1" in done.err
    assert "Traceback" not in done.err
    _, run = only_run(tmp_path)
    assert run["interrupted"]


def test_a_run_by_hand_ends_too_when_its_worker_cannot_go_on(tmp_path: Path) -> None:
    load = ("--host", "tcp://127.0.0.1:9", "--users", "3", "--run-time", "60s", "--out", str(tmp_path))
    done = locust(*load)
    assert done.code == 2, done.err
    assert "--source 192.0.2.1" in done.err
    assert "Traceback" not in done.err


@contextmanager
def loaded(tmp_path: Path) -> Iterator[tuple[LoadProcesses, ServerProcess]]:
    with ServerProcess("free", "lock", flags=SERVER_FLAGS) as server:
        admin = server.admin_url.removeprefix("http://")
        with LoadProcesses(admin, tmp_path) as load:
            yield load, server


def test_workers_and_then_the_master_stopped_by_signal_lose_no_report(tmp_path: Path) -> None:
    with loaded(tmp_path) as (load, _):
        load.start(user_count=4, spawn_rate=4, host="tcp://127.0.0.1", run="manual run", mode="free")
        time.sleep(4)
        load.end_in_order()
        folder, run = only_run(load.results)
    (cell,) = run["cells"]
    assert (cell["workers_expected"], cell["workers_reported"]) == (2, 2)
    messages = cell["messages"]
    assert 0 < messages["sent"] == messages["answered"]
    assert not any(differences(cell).values())
    assert (folder / "report.html").exists()


def test_a_request_from_another_sites_page_is_refused(tmp_path: Path) -> None:
    with loaded(tmp_path) as (load, _):
        code, _ = load.post("/swarm", {"Origin": "http://elsewhere.example"}, user_count=1, spawn_rate=1)
        assert code == 403
        # A site that has its own name resolve to this machine is of one origin with the page.
        rebound = {"Host": "evil.example:8089", "Origin": "http://evil.example:8089"}
        code, answer = load.post("/swarm", rebound, user_count=1, spawn_rate=1, run="manual run")
        assert code == 403
        assert "LOCKSTEP_PAGE_HOSTS" in answer["message"]
        _, answer = load.post("/swarm", {}, user_count=1, spawn_rate=1, run="manual run", out="/tmp")
        assert not answer["success"]
        assert "out" in answer["message"].lower()
        _, answer = load.post("/swarm", {}, user_count=1, spawn_rate=1, run="comparison plan", levels="1,x")
        assert "Levels" in answer["message"]
        assert not load.results.exists()


OWN_LOCUSTFILE = """
from locust import task
from lockstep.users import TcpUser

class Talker(TcpUser):
    host = "tcp://127.0.0.1:{port}"
    framing = "line"

    @task
    def talk(self):
        self.client.connect()
        self.client.request(b"hello", expect=b"hello")
        self.client.request(b"hello", expect=b"goodbye")
        self.client.close()
"""


def test_anybodys_locustfile_gets_a_tcp_user_with_checked_replies(tmp_path: Path) -> None:
    with line_echo() as port:
        (tmp_path / "talker.py").write_text(OWN_LOCUSTFILE.format(port=port))
        table = tmp_path / "table"
        subprocess.run(
            [
                *(sys.executable, "-m", "locust", "-f", "talker.py", "--headless"),
                *("-u", "2", "-r", "2", "-t", "2s", "--json-file", str(table), "--stop-timeout", "2"),
            ],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            timeout=60,
            check=False,
        )
    rows: dict[str, dict[str, Any]] = {
        row["method"]: row for row in json.loads(table.with_suffix(".json").read_text())
    }
    # A wrong reply gives its connection up: there is none left to close.
    assert set(rows) - {"close"} == {"connect", "first reply", "message"}
    assert rows["connect"]["num_failures"] == 0
    assert rows["message"]["num_requests"] == pytest.approx(2 * rows["message"]["num_failures"], abs=4)
    assert 0 < rows["message"]["min_response_time"] < rows["message"]["max_response_time"]
