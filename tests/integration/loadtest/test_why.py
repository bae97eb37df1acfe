"""What a real run records of overlap, order and users: server, workers and run folder are real."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import compare

LEVEL = 6


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    return compare(
        tmp_path_factory.mktemp("why") / "results",
        *("--modes", "free,lock,queue=1,lock/message", "--levels", str(LEVEL), "--repeats", "1"),
        *("--seconds", "1", "--messages", "2", "--hold", "5ms", "--processes", "2"),
    )


def overlap_of(folder: Path, cell: dict[str, Any]) -> dict[str, Any] | None:
    overlap: dict[str, Any] | None = json.loads((folder / f"cells/{cell['index']}.json").read_text())[
        "overlap"
    ]
    return overlap


def test_the_whole_cells_overlap_reaches_what_the_server_counted_and_no_more_than_may_be(
    recorded: tuple[Path, dict[str, Any]],
) -> None:
    """Whoever is admitted is counted a moment later: another may have left in between."""
    folder, run = recorded
    may_be = {"free": LEVEL, "lock": 1, "queue=1": 1}
    for cell in run["cells"]:
        overlap = overlap_of(folder, cell)
        if cell["mode"] == "lock/message":
            assert overlap is None
            continue
        assert overlap is not None
        assert cell["server"]["max_in_service"] <= max(overlap["most"]) <= may_be[cell["mode"]]
        assert 0 < overlap["window_start_ms"] < overlap["window_end_ms"]
        assert len(overlap["in_service"]) == len(overlap["waiting"]) == len(overlap["most"])


def test_order_and_fairness_are_told_where_connections_are_admitted(
    recorded: tuple[Path, dict[str, Any]],
) -> None:
    _, run = recorded
    fairness = {cell["mode"]: cell["server"]["fairness"] for cell in run["cells"]}
    assert fairness["lock/message"] is None
    assert fairness["queue=1"]["overtaken"] == 0
    for cell in run["cells"]:
        told = cell["server"]["fairness"]
        if told is not None:
            assert told["connections"] == cell["server"]["accepted"]
            assert 0 < told["jain"] <= 1.000_001
            assert told["reacquire_us"]["count"] > 0


def test_a_user_is_the_same_through_all_its_connections_and_no_other_worker_has_it(
    recorded: tuple[Path, dict[str, Any]],
) -> None:
    folder, run = recorded
    rows = [json.loads(line) for line in (folder / "connections.jsonl").read_text().splitlines()]
    for cell in run["cells"]:
        users = [row["client"]["user"] for row in rows if row["cell"] == cell["index"] and row["client"]]
        assert len(set(users)) == LEVEL < len(users)
        assert len({user.rpartition("/")[0] for user in users}) == 2


def test_the_summary_leaves_empty_what_was_not_recorded(recorded: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = recorded
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as file:
        overtaken = {row["mode"]: row["fairness_overtaken"] for row in csv.DictReader(file)}
    assert overtaken["queue=1"] == "0"
    assert overtaken["lock/message"] == ""
