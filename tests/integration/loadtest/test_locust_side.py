"""The load side inside Locust: users between and within cells, and a manual run over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import differences, environment, only_run
from tests.support.load import LoadProcesses
from tests.support.server import ROOT, ServerProcess

PATIENCE_S = 60


@pytest.mark.timeout(300)
def test_every_test_within_locusts_process_passes() -> None:
    """They are a session of their own: `python -m pytest tests/locust`."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/locust"],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def eventually(condition: Callable[[], Any]) -> Any:
    """What `condition` gives once that is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "not within the time there is"
        time.sleep(0.1)
    return found


def test_a_run_by_hand_shows_fractions_of_a_millisecond_and_stop_leaves_a_whole_folder(
    tmp_path: Path,
) -> None:
    flags = ("--bind", "127.0.0.1", "--framing", "length", "--reply", "echo", "--timing")
    with (
        ServerProcess("free", "lock", flags=flags) as server,
        LoadProcesses(server.admin_url.removeprefix("http://"), tmp_path) as load,
    ):
        load.start(user_count=2, spawn_rate=2, host="tcp://127.0.0.1", run="manual run", mode="lock")

        def answers() -> Any:
            rows = asked(f"{load.url}/stats/requests")["stats"]
            return next(
                (row for row in rows if row["method"] == "message" and row["num_requests"] > 50), None
            )

        row = eventually(answers)
        assert row["name"] == "lock"
        assert 0 < row["min_response_time"] < 1
        assert row["min_response_time"] <= row["median_response_time"] <= row["max_response_time"]
        assert load.post("/stop", {})[0] == 200
        eventually(lambda: only_run(load.results)[1]["finished"])
        folder, run = only_run(load.results)
    (cell,) = run["cells"]
    assert (run["kind"], run["interrupted"]) == ("hand", False)
    assert (cell["mode"], cell["level"], cell["workers_reported"]) == ("lock", 2, 2)
    assert not any(differences(cell).values()), cell["ledger"]
    assert {"run.json", "summary.csv", "connections.jsonl", "cells"} <= {
        path.name for path in folder.iterdir()
    }


def test_a_start_that_nobody_would_carry_or_that_would_poison_the_next_is_refused(tmp_path: Path) -> None:
    """Locust itself answers that swarming has started, and keeps the host that was refused."""
    with (
        ServerProcess("free", "lock", flags=("--bind", "127.0.0.1")) as server,
        LoadProcesses(server.admin_url.removeprefix("http://"), tmp_path, workers=0) as load,
    ):
        asked_for = {"user_count": 1, "spawn_rate": 1, "run": "manual run", "mode": "free"}
        for fields in (asked_for, {"user_count": 1, "spawn_rate": 1}):
            _, answer = load.post("/swarm", {}, **fields)
            assert answer["success"] is False
            assert answer["message"].startswith("no worker is connected")
        assert not load.results.exists()


def test_a_run_under_way_keeps_its_host_and_so_does_the_next(tmp_path: Path) -> None:
    with (
        ServerProcess("free", "lock", flags=("--bind", "127.0.0.1")) as server,
        LoadProcesses(server.admin_url.removeprefix("http://"), tmp_path, workers=1) as load,
    ):
        fields = {"user_count": 1, "spawn_rate": 1, "run": "manual run", "mode": "lock"}
        load.start(**fields, host="tcp://127.0.0.1")
        eventually(lambda: asked(f"{load.url}/lockstep/state")["stage"] == "measuring")
        for more, words in (
            ({"host": "http://x"}, "Host: stays 'tcp://127.0.0.1'"),
            ({"host": "tcp://localhost"}, "Host: stays 'tcp://127.0.0.1'"),
            ({"host": "tcp://127.0.0.1", "messages": "9"}, "Messages: stays 5"),
            ({"user_count": 10**9}, "Levels: "),
        ):
            _, answer = load.post("/swarm", {}, **{**fields, **more})
            assert answer["success"] is False, more
            assert answer["message"].startswith(words), answer
        load.start(user_count=2, spawn_rate=2)
        load.post("/stop", {})
        eventually(lambda: only_run(load.results)[1]["finished"])
        eventually(lambda: asked(f"{load.url}/stats/requests")["state"] == "stopped")
        load.start(**fields)
        eventually(lambda: len(list(load.results.iterdir())) == 2)


def finished_run(results: Path) -> tuple[Path, dict[str, Any]] | None:
    """The only run, once it is over."""
    if not list(results.glob("*/run.json")):
        return None
    folder, run = only_run(results)
    return (folder, run) if run["finished"] else None


def run_in_a_shell(command: str) -> None:
    """As it stands, with our programs in the path; nothing that it started is left, whatever comes of it."""
    variables = {**environment(), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    with subprocess.Popen(
        command,
        shell=True,
        cwd=ROOT,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            _, said = shell.communicate(timeout=90)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, said


@pytest.mark.parametrize("kind", ["hand", "plan"])
def test_the_command_in_a_page_made_run_repeats_it_as_it_stands(tmp_path: Path, kind: str) -> None:
    flags = ("--bind", "127.0.0.1", "--framing", "length", "--reply", "echo", "--timing")
    chosen = {"mode": "lock", "messages": 3, "modes": "lock", "levels": "2", "seconds": 0.5, "repeats": 2}
    fields = {"host": "tcp://127.0.0.1", "user_count": 2, "spawn_rate": 9, "warmup": 0, "seed": 7, **chosen}
    with (
        ServerProcess("free", "lock", flags=flags) as server,
        LoadProcesses(server.admin_url.removeprefix("http://"), tmp_path) as load,
    ):
        load.start(**fields, run="manual run" if kind == "hand" else "comparison plan")
        if kind == "hand":
            eventually(lambda: asked(f"{load.url}/stats/requests")["stats"][-1]["num_requests"] > 20)
            load.start(user_count=3, spawn_rate=9)
            eventually(lambda: asked(f"{load.url}/stats/requests")["user_count"] == 3)
            load.post("/stop", {})
        folder, first = eventually(lambda: finished_run(load.results))
        load.end_in_order()
        folder.rename(tmp_path / "first")
        run_in_a_shell(first["command"])
        _, second = only_run(load.results)
    for same in ("kind", "plan", "command"):
        if (kind, same) != ("hand", "command"):  # whose time differs by what stopping took
            assert first[same] == second[same]
    cells = [
        [(cell["mode"], cell["level"], cell["workers_expected"]) for cell in run["cells"]]
        for run in (first, second)
    ]
    assert cells[0] == cells[1] == [("lock", 3, 2)] if kind == "hand" else [("lock", 2, 2)] * 2
    changed = [note for note in first["notes"] if "(2, 3)" in note]
    assert len(changed) == (kind == "hand")
    assert second["notes"] == []
