"""A server of known answer times gives back its own percentiles, in the run folder and in Locust's table.

No time of this machine is asserted: what the server logged is a lower bound of every percentile, and the
stopwatch of whoever called, or how late the worker's own loop was, an upper one.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import environment, only_run
from tests.support.server import ROOT

PATIENCE_S = 60
PORTS = ("1", "5", "20", "100", "mixed")
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
LEVELS = (1, 10, 100)
# Three digits are kept of Locust's times, histograms keep more.
DIGITS = 0.005


class TimedServer:
    """Its process. ports: by the name of their times."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process = process
        self.ports: dict[str, int] = json.loads(process.stdout.readline())

    def log(self) -> dict[str, list[tuple[int, int, int]]]:
        """What it took since the last call: (when, nanoseconds, connections of that port)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        rows: dict[str, list[tuple[int, int, int]]] = json.loads(self._process.stdout.readline())
        return rows


@contextmanager
def timed_server(framing: str, *names: str) -> Iterator[TimedServer]:
    command = [sys.executable, str(ROOT / "tests/truth/timed_server.py"), framing, *names]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield TimedServer(process)
        finally:
            process.kill()


def locust(file: str, *flags: str, **variables: str) -> str:
    """Run Locust in one process to its end; its stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(ROOT / file), "--headless", "--only-summary", *flags],
        cwd=ROOT,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def nearest_rank(values: Sequence[float], share: float) -> float:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def in_table(buckets: Mapping[str, int], share: float) -> float:
    """The same of Locust's table, milliseconds -> how many; in nanoseconds."""
    times = sorted((float(time_ms), count) for time_ms, count in buckets.items())
    rank = math.ceil(share * sum(count for _, count in times))
    for time_ms, count in times:
        rank -= count
        if rank <= 0:
            return time_ms * 1e6
    raise AssertionError("an empty row")


@pytest.mark.parametrize(("framing", "users"), [("line", 1), ("length", 10), ("length", 100)])
def test_locusts_table_lies_between_what_the_server_took_and_what_the_caller_waited(
    tmp_path: Path, framing: str, users: int
) -> None:
    stopwatch = tmp_path / "stopwatch.json"
    with timed_server(framing, *PORTS) as server:
        out = locust(
            "tests/truth/timed_users.py",
            *("-u", str(users * len(PORTS)), "-r", "1000", "-t", "4s", "--json"),
            TIMED_PORTS=json.dumps(server.ports),
            TIMED_USERS=str(users),
            TIMED_FRAMING=framing,
            TIMED_STOPWATCH=str(stopwatch),
        )
        log = server.log()
    waited = json.loads(stopwatch.read_text())
    rows = {row["name"]: row for row in json.loads(out) if row["method"] == "message"}
    for name in PORTS:
        row, took_ns = rows[f"Ms{name}"], [took for _, took, _ in log[name]]
        assert row["num_failures"] == 0
        assert row["num_requests"] == len(waited[f"Ms{name}"])
        # What was in flight at the end was answered by the server, and belongs to nobody.
        assert 0 <= len(took_ns) - row["num_requests"] <= users
        for share in SHARES.values():
            told_ns = in_table(row["response_times"], share)
            assert told_ns <= nearest_rank(waited[f"Ms{name}"], share) * (1 + DIGITS), (name, share)
            if len(took_ns) == row["num_requests"]:
                assert told_ns >= nearest_rank(took_ns, share) * (1 - DIGITS), (name, share)


@pytest.mark.parametrize("framing", ["line", "length"])
def test_the_run_folder_gives_back_the_servers_own_percentiles(tmp_path: Path, framing: str) -> None:
    with timed_server(framing, "mixed") as server:
        locust(
            "loadtest/locustfile.py",
            *("--host", f"tcp://127.0.0.1:{server.ports['mixed']}", "--framing", framing, "--reply", "echo"),
            *("--run", "comparison plan", "--modes", "target", "--levels", "1,10,100", "--seed", "5"),
            *("--repeats", "1", "--seconds", "2", "--warmup", "0", "--scenario", "persistent"),
            *("--arrival", "constant", "--rate", "500", "--out", str(tmp_path / "results")),
        )
        log = server.log()["mixed"]
    cells = {cell["level"]: cell for cell in only_run(tmp_path / "results")[1]["cells"]}
    for level, took_us in by_level(log).items():
        assert_within(cells[level], took_us)


def by_level(log: Sequence[tuple[int, int, int]]) -> dict[int, list[float]]:
    """Microseconds of the answers of each level: these rise, and the first answer finds all connected."""
    found: dict[int, list[float]] = {level: [] for level in LEVELS}
    level = LEVELS[0]
    for _, took_ns, connections in sorted(log):
        level = max(level, connections)
        found[level].append(took_ns / 1000)
    return found


def assert_within(cell: dict[str, Any], took_us: Sequence[float]) -> None:
    """Not less than the server took, and no more above it than 2 %, 0.2 ms, and what the loop was late.

    The cell's are all but a few of the server's answers: whichever those were, the percentile lies between
    that of the shortest and that of the longest.
    """
    late_us = max(health["loop_lag_us"]["p99"] for health in cell["health"])
    count, all_us = cell["messages"]["answered"], sorted(took_us)
    assert len(all_us) * 0.97 - cell["level"] <= count <= len(all_us)
    for name, share in SHARES.items():
        told_us = cell["times"]["round_trip"][name]
        least_us, most_us = (nearest_rank(part, share) for part in (all_us[:count], all_us[-count:]))
        assert told_us >= least_us * (1 - DIGITS), (cell["level"], name)
        assert told_us <= most_us + max(0.02 * most_us, 200) + late_us, (cell["level"], name)
