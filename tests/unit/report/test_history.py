"""A folder's runs over time: which are comparable, what the list says, and the page."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from lockstep.analysis.history import History, make_history
from lockstep.analysis.run_diff import Change
from lockstep.report.history import COLUMNS, listed, points_of, print_history, render_history
from lockstep.runs.records import Run
from tests.factories.runs import degraded, make_cell, run_of


def run_on(day: int, lock: float = 100.0, hold_ms: int = 2) -> Run:
    """`free` and `lock` at 8, three repeats, on this day of January."""
    cells = [
        make_cell(mode, 8, repeat, messages_per_s=rate * (1 + repeat / 1_000))
        for repeat in (1, 2, 3)
        for mode, rate in (("free", 800.0), ("lock", lock))
    ]
    run = run_of(cells, run_id=f"run-{day}", started=f"2026-01-{day:02}T10:00:00+00:00")
    return replace(run, server={**run.server, "hold_ns": hold_ms * 1_000_000})


def words_of(history: History, *names: str) -> list[tuple[str, ...]]:
    """These columns of the list, a row a run."""
    by_name = {column.name: column for column in COLUMNS}
    return [tuple(by_name[name].value(run) for name in names) for run in listed(history)]


@pytest.fixture
def history() -> History:
    """Out of order: the first, one twice as slow, one of another hold, one degraded, one like the first."""
    runs = [run_on(2, lock=50), degraded(run_on(4)), run_on(1), run_on(5), run_on(3, hold_ms=9)]
    return make_history([(run.run_id, run) for run in runs])


def test_runs_come_oldest_first_and_only_those_made_alike_are_of_a_kind(history: History) -> None:
    assert [(entry.folder, entry.kind) for entry in history.entries] == [
        ("run-1", 0),
        ("run-2", 0),
        ("run-3", 1),
        ("run-4", 0),
        ("run-5", 0),
    ]


def test_each_run_is_held_against_the_last_of_its_kind_that_had_a_verdict(history: History) -> None:
    first, second, other, spoilt, last = history.entries
    assert first.since is other.since is spoilt.since is None
    assert second.since is not None
    assert second.since.worse
    assert last.since is not None
    assert [each.series.name for each in last.since.of(Change.BETTER)] == ["lock"]


def test_the_list_says_what_where_how_it_ended_and_what_changed(history: History) -> None:
    what = "free,lock 8 x3"
    # Nothing tells these servers' side, which is one finding.
    assert words_of(history, "what", "short", "since", "checks") == [
        (what, "lock 12.5% of free at 8", "first", "1 found"),
        (what, "lock 6.2% of free at 8", "worse", "1 found"),
        (what, "lock 12.5% of free at 8", "first", "1 found"),
        (what, "no verdict", "no verdict", "degraded"),
        (what, "lock 12.5% of free at 8", "better", "1 found"),
    ]


@pytest.mark.parametrize(
    ("change", "word"),
    [({"interrupted": True}, "interrupted"), ({"finished": None}, "unfinished"), ({"cells": []}, "1 found")],
)
def test_a_run_that_did_not_end_well_is_marked(change: dict[str, object], word: str) -> None:
    run = replace(run_on(1), **change)  # type: ignore[arg-type]
    assert words_of(make_history([("run-1", run)]), "checks") == [(word,)]


def test_a_line_joins_only_runs_made_alike_and_leaves_out_degraded_ones(history: History) -> None:
    points = points_of(history, 8, lambda each: each.messages_per_s)
    lines = [(point.run, point.line) for point in points if point.mode == "lock"]
    assert lines == [(1, "lock 0"), (2, "lock 0"), (3, "lock 1"), (4, None), (5, "lock 0")]
    assert points_of(history, 9, lambda each: each.messages_per_s) == []


def test_runs_with_other_client_settings_are_series_of_their_own_in_the_same_colour() -> None:
    small, large = run_on(1), run_on(2)
    large = replace(large, cells=[replace(cell, payload_bytes=1024) for cell in large.cells])
    found = make_history([("a", small), ("b", large)])
    assert tuple(each.name for each in found.series) == (
        "free, 64 bytes",
        "free, 1024 bytes",
        "lock, 64 bytes",
        "lock, 1024 bytes",
    )
    page = render_history(found, {}, [])
    assert len(set(re.findall(r'class="dot" style="background:(#\w+)"', page))) == 2


def test_the_terminal_shows_a_run_a_line_within_80_columns_and_what_was_left_out(history: History) -> None:
    renamed = [replace(entry, folder="20260131-101500-0001") for entry in history.entries]
    out = io.StringIO()
    told = replace(history, entries=tuple(renamed))
    print_history(told, ["x is not a run folder"], Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("20260131-101500-0001") for line in lines) == len(history.entries)
    assert "left out: x is not a run folder" in lines


def test_the_page_is_one_file_with_links_charts_and_all_numbers(history: History) -> None:
    page = render_history(history, {"run-2": "run-2/report.html"}, ["x is <damaged>"])
    assert page.count("<svg") == 2
    assert page.count('<a href="run-2/report.html">run-2</a>') == 2
    assert re.search(r"<h1>At 8 connections, lock reaches 12\.5% of free(&#39;|')s throughput \(", page)
    assert "At 8 connections, throughput in messages/s: 802 with free, 50.1 to 100 with lock" in page
    assert "x is &lt;damaged&gt;" in page
    assert "<summary>Numbers</summary>" in page
    assert not re.search(r"<(?:script|link|img)\b|https?://(?!www\.w3\.org)", page)


def test_the_page_is_the_same_bytes_when_made_twice(history: History) -> None:
    assert render_history(history, {}, []) == render_history(history, {}, [])


def test_a_history_of_one_run_without_cells_has_a_page_without_charts() -> None:
    page = render_history(make_history([("a", replace(run_on(1), cells=[]))]), {}, [])
    assert "<svg" not in page
    assert "No cell was measured to its end." in page


def test_gates_are_counted_where_a_run_has_any(history: History) -> None:
    """One run that met its gate, one that did not, one that nobody may judge."""
    gated = []
    for day, limit in ((1, 1_000), (2, 1)):
        run = run_on(day)
        gate = f"lock: response_p99 < {limit}ms"
        gated.append(replace(run, plan={**run.plan, "levels": [8], "gates": [gate]}))
    gated.append(degraded(replace(gated[0], started="2026-01-03T10:00:00+00:00")))
    found = make_history([(f"run-{number}", run) for number, run in enumerate(gated)])
    assert words_of(found, "gates") == [("1 ok",), ("1 failed",), ("not judged",)]
    assert '<th class="left">gates</th>' in render_history(found, {}, [])
    assert '<th class="left">gates</th>' not in render_history(history, {}, [])
    out = io.StringIO()
    print_history(found, [], Console(file=out, width=90))
    assert "1 failed" in out.getvalue()
