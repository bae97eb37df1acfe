"""What Lockstep promises of its modes, measured end to end: server, workers and run folder are real."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import compare, differences, lockstep

HOLD_S = 0.008
LEVEL = 32
OUTCOMES = ("answered", "refused", "reset", "timeout", "short", "mismatch", "aborted")


@pytest.fixture(scope="module")
def all_modes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One message a connection at level 32, in every mode, twice."""
    modes = "free,lock,semaphore=4,queue=1,iterative,ticket"
    _, run = compare(
        tmp_path_factory.mktemp("all") / "results",
        *("--modes", modes, "--levels", str(LEVEL), "--hold", "8ms", "--messages", "1"),
        *("--seconds", "2", "--warmup", "0.8", "--repeats", "2"),
    )
    return run


def cells(run: dict[str, Any], mode: str) -> list[dict[str, Any]]:
    return [cell for cell in run["cells"] if cell["mode"] == mode]


@pytest.mark.parametrize(
    ("mode", "most"),
    [("lock", 1), ("queue=1", 1), ("iterative", 1), ("ticket", 1), ("semaphore=4", 4), ("free", LEVEL)],
)
def test_the_server_counts_as_many_in_service_as_the_mode_allows(
    all_modes: dict[str, Any], mode: str, most: int
) -> None:
    assert [cell["server"]["max_in_service"] for cell in cells(all_modes, mode)] == [most] * 2


def test_a_lock_never_serves_more_than_one_hold_after_another_and_free_many_times_that(
    all_modes: dict[str, Any],
) -> None:
    """Only what a slow machine keeps; how near to 1/hold, and how many times, is for `make bench`."""
    lock, free = (
        statistics.median(cell["messages_per_s"] for cell in cells(all_modes, mode))
        for mode in ("lock", "free")
    )
    assert lock * HOLD_S <= 1.0
    assert free > 5 * lock


def test_what_was_sent_is_the_sum_of_its_outcomes_and_the_server_agrees(all_modes: dict[str, Any]) -> None:
    for cell in all_modes["cells"]:
        messages = cell["messages"]
        assert messages["sent"] == sum(messages[outcome] for outcome in OUTCOMES)
        assert messages["sent"] > 0
        assert not any(differences(cell).values()), cell["ledger"]
        assert cell["workers_reported"] == cell["workers_expected"] == 2


# Modes that are asked for by name, and how many they serve at once: exactly so many, or None where no number
# says it.
BY_NAME = {
    "rlock": 1,
    "condition=2": 2,
    "asyncio": 8,
    "rwlock=1/message": 1,
    "rwlock=4/message": None,
    "process=2": 2,
}


def test_modes_that_are_asked_for_by_name_keep_their_promises_and_their_books(tmp_path: Path) -> None:
    _, run = compare(
        tmp_path / "results",
        *("--modes", ",".join(BY_NAME), "--levels", "8", "--hold", "8ms", "--messages", "1"),
        *("--seconds", "1", "--warmup", "0.5", "--repeats", "1"),
    )
    for cell in run["cells"]:
        most = BY_NAME[cell["mode"]]
        assert most in (None, cell["server"]["max_in_service"]), cell["mode"]
        assert cell["messages"]["answered"] > 0
        assert not any(differences(cell).values()), cell["ledger"]
    permits = {name: mode["permits"] for name, mode in run["modes"].items()}
    assert permits == {**BY_NAME, "asyncio": None}


def test_turns_are_handed_out_in_order_of_arrival_where_that_is_promised(all_modes: dict[str, Any]) -> None:
    assert [cell["server"]["inversions"] for cell in cells(all_modes, "queue=1")] == [0] * 2


def test_the_wait_is_in_the_first_reply_and_not_in_the_connect(all_modes: dict[str, Any]) -> None:
    for cell in cells(all_modes, "lock"):
        assert cell["times"]["first_reply"]["p50"] > 20 * cell["times"]["connect"]["p50"]
        assert cell["times"]["wait"]["mean"] > 0.8 * cell["times"]["response"]["mean"]


def test_repeats_are_interleaved_and_every_cell_is_there(all_modes: dict[str, Any]) -> None:
    assert [cell["repeat"] for cell in all_modes["cells"]] == [1] * 6 + [2] * 6
    assert len({cell["index"] for cell in all_modes["cells"]}) == 12


@pytest.fixture(scope="module")
def two_modes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A small run: its folder and its run.json."""
    return compare(
        tmp_path_factory.mktemp("two") / "results",
        *("--modes", "free,lock", "--levels", "4", "--repeats", "1", "--seconds", "1", "--messages", "2"),
    )


def test_a_run_leaves_a_whole_folder_with_both_views_of_its_connections(
    two_modes: tuple[Path, dict[str, Any]],
) -> None:
    folder, run = two_modes
    assert {path.name for path in folder.iterdir()} == {
        "run.json",
        "summary.csv",
        "summary.md",
        "report.html",
        "connections.jsonl",
        "cells",
    }
    assert sorted(path.name for path in (folder / "cells").iterdir()) == ["0.json", "1.json"]
    rows = [json.loads(line) for line in (folder / "connections.jsonl").read_text().splitlines()]
    joined = [row for row in rows if row["client"] and row["server"]]
    assert len(joined) > len(rows) / 2
    one_kernel = run["server"]["boot_id"] == run["hosts"][0]["boot_id"]
    for row in joined if one_kernel else []:
        assert row["client"]["connect_start_ns"] <= row["server"]["arrival_ns"]
    page = (folder / "report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", page)


def test_a_report_made_again_is_the_same_byte_for_byte(two_modes: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = two_modes
    first = (folder / "report.html").read_bytes()
    assert lockstep("report", str(folder)).code == 0
    assert (folder / "report.html").read_bytes() == first


def moments(out: str, what: str) -> list[float]:
    """When the clients did it, in seconds, in order."""
    return [float(at) for at in re.findall(rf"([0-9.]+) s  client \d+ {what}", out)]


def test_three_clients_of_a_lock_that_pauses_a_second_are_answered_a_second_apart() -> None:
    done = lockstep("clients", "--count", "3", "--mode", "lock", "--pause", "1s")
    assert done.code == 0
    connected = [
        end - start
        for start, end in zip(moments(done.out, "connects"), moments(done.out, "is connected"), strict=True)
    ]
    assert max(connected) < 0.050
    for answered, expected in zip(moments(done.out, "is answered"), (0.0, 1.0, 2.0), strict=True):
        assert answered == pytest.approx(expected, abs=0.3)


def test_locked_clients_take_turns_even_where_the_server_is_free() -> None:
    done = lockstep("clients", "--mode", "free", "--client-mode", "locked", "--pause", "200ms")
    assert done.code == 0
    connects, lefts = moments(done.out, "connects"), moments(done.out, "has left")
    assert all(left < connect for left, connect in zip(lefts, connects[1:], strict=False))


def test_a_server_is_found_by_its_announcement(tmp_path: Path) -> None:
    from tests.support.server import ServerProcess

    flags = ("--bind", "127.0.0.1", "--framing", "length", "--reply", "echo", "--timing")
    announce = ("--announce", "--announce-to", "127.255.255.255:9101")
    with ServerProcess("free", "lock", flags=(*flags, *announce)):
        _, run = compare(
            tmp_path / "results",
            *("--host", "auto", "--modes", "free", "--levels", "2", "--repeats", "1", "--seconds", "1"),
        )
    assert run["cells"][0]["messages"]["answered"] > 0
