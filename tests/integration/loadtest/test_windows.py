"""Windows that are too short, and one that is long enough, against the server's own records."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from tests.support.commands import compare, lockstep, only_run


def test_where_sessions_outlive_the_window_no_figure_of_the_lucky_few_is_told(tmp_path: Path) -> None:
    """Eight users and a lock, 5 x 20 ms each: a session takes 0.8 s, of which the window is a quarter."""
    done = lockstep(
        *("compare", "--out", str(tmp_path), "--modes", "lock,free", "--levels", "8", "--hold", "20ms"),
        *("--seconds", "0.2", "--warmup", "0.1", "--repeats", "1"),
    )
    assert done.code == 3, done.err
    assert "with lock at 8 a session takes 0.8 s at least" in done.err
    assert "No verdict, the run is degraded: too-short" in done.out
    folder, run = only_run(tmp_path)
    (lock,) = (cell for cell in run["cells"] if cell["mode"] == "lock")
    assert lock["edges"]["needs_s"] >= 24
    assert lock["times"] == {}
    (row,) = (line for line in done.out.splitlines() if line.startswith("lock "))
    assert set(row.split()[2:-1]) == {"–"}
    assert "too short: needs " in (folder / "report.html").read_text()


MODES = ("lock", "ticket", "free", "lock/message")


@pytest.fixture(scope="module")
def long_enough(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Four users, 5 x 4 ms: under a lock a session takes 80 ms and more, of which the window has thirty."""
    return compare(
        tmp_path_factory.mktemp("long") / "results",
        *("--modes", ",".join(MODES), "--levels", "4", "--hold", "4ms", "--seconds", "3", "--repeats", "1"),
    )


@pytest.mark.parametrize("mode", MODES)
def test_where_the_window_is_long_enough_times_are_those_of_the_servers_records(
    long_enough: tuple[Path, dict[str, Any]], mode: str
) -> None:
    folder, run = long_enough
    (cell,) = (each for each in run["cells"] if each["mode"] == mode)
    law = cell["littles_law"]
    assert law["computed"] == pytest.approx(law["counted"], rel=0.05)
    stays_us = [stay / 1_000 for stay in stays_ns(folder, cell["index"])]
    # The records that are kept are the cell's first; its users' own part of a session is below a millisecond
    # on a quiet machine.
    assert cell["times"]["session"]["mean"] == pytest.approx(fmean(stays_us), rel=0.25, abs=2_000)
    assert cell["times"]["response"]["mean"] == pytest.approx(fmean(stays_us) / 5, rel=0.25, abs=1_000)


def stays_ns(folder: Path, cell: int) -> list[int]:
    """From arrival to release, of a cell's kept connections; without the first of each of four users."""
    told: list[dict[str, Any]] = [
        json.loads(line) for line in (folder / "connections.jsonl").read_text().splitlines()
    ]
    rows = [each["server"] for each in told if each["cell"] == cell]
    released = sorted((row for row in rows if row["release_ns"]), key=lambda row: row["release_ns"])
    return [row["release_ns"] - row["arrival_ns"] for row in released[4:]]
