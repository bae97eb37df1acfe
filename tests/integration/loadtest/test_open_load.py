"""Open load: time runs from when a message was due, so a server that stands still cannot hide it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram

from lockstep.runs.folder import RunFolder
from tests.support.commands import environment, only_run
from tests.support.server import ROOT

RATE_PER_S, SECONDS, STALL_S = 1000, 10, 1.4
STALLING_SERVER = Path(__file__).with_name("stalling_server.py")


@contextmanager
def stalling_server() -> Iterator[int]:
    """A server that stands still once, in the middle of the run; its port."""
    command = [sys.executable, str(STALLING_SERVER), "4", str(STALL_S)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def run_by_hand(port: int, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A run of the shipped locustfile without its page, in one process."""
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--only-summary"]
    command += ["--host", f"tcp://127.0.0.1:{port}", "--framing", "length", "--reply", "echo"]
    command += ["--scenario", "persistent", "--out", str(out), *options]
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=90, check=False
    )


def share_above(histogram: HdrHistogram, limit_ns: int) -> float:
    """The part of the values that lie above a limit."""
    below: int = sum(
        item.count_added_in_this_iter_step
        for item in histogram.get_recorded_iterator()
        if item.value_iterated_to <= limit_ns
    )
    total: int = histogram.get_total_count()
    return 1 - below / total


def test_a_stall_of_the_server_shows_in_the_response_time_and_not_in_the_round_trip(tmp_path: Path) -> None:
    with stalling_server() as port:
        done = run_by_hand(
            port,
            tmp_path,
            *("--users", "50", "--spawn-rate", "50", "--run-time", f"{SECONDS}s"),
            *("--arrival", "constant", "--rate", str(RATE_PER_S)),
        )
    assert done.returncode == 0, done.stderr
    folder, run = only_run(tmp_path)
    cell: dict[str, Any] = run["cells"][0]
    assert (cell["arrival"], cell["rate_per_s"], cell["dropped"]) == ("constant", RATE_PER_S, 0)
    assert cell["messages"]["answered"] == cell["messages"]["sent"]
    sent = cell["messages"]["sent"]
    assert sent == pytest.approx(RATE_PER_S * cell["seconds"], rel=0.02)

    # Arrivals due while the server stands still wait for its end, the first of them for all of it. So the
    # worst 1% of all are those of the stall's first moments: they wait for the stall less that while.
    worst_s = 0.01 * sent / RATE_PER_S
    response, round_trip = cell["times"]["response"], cell["times"]["round_trip"]
    assert response["p99"] / 1e6 == pytest.approx(STALL_S - worst_s, rel=0.05)
    assert response["max"] / 1e6 == pytest.approx(STALL_S, rel=0.05)
    # The rest of them shorter and shorter; what piled up has to be worked off too, which takes a little more.
    waited = share_above(
        HdrHistogram.decode(RunFolder.load(folder).details[0].histograms["response"].encode()), 50_000_000
    )
    assert STALL_S / cell["seconds"] * 0.95 <= waited <= STALL_S / cell["seconds"] * 1.25

    # Counted from the send, only those that were on their way at that moment met the stall: one for each
    # user.
    assert round_trip["count"] == response["count"]
    assert round_trip["p99"] / 1e6 < STALL_S / 10
    assert cell["late"] > 0.1 * sent
    law = cell["littles_law"]
    assert law["computed"] == pytest.approx(law["counted"], rel=0.03)
