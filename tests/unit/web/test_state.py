"""The document that the live page draws, from records and a clock that stands still."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lockstep.master.live import HISTORY_S, Received
from lockstep.master.progress import CellProgress, Progress, ReportState
from lockstep.plan import Plan, PlannedCell
from lockstep.runs.records import Run, TargetRecord
from lockstep.target.admin import Listener
from lockstep.web.server_watch import ServerNow
from lockstep.web.state import Outcome, outcome_of, state_of
from tests.factories.pulses import came, pulse
from tests.factories.simulated import simulated_run
from tests.factories.units import S
from tests.support.admin_port import listener

PLAN = Plan(modes=("free", "lock"), levels=(1, 8), repeats=1, seconds=2.0, warmup_s=1.0)
CELLS = tuple(PLAN.cells())
WHOLE, _ = simulated_run(("free", "lock"), (1, 8), 1)
NO_ADMIN = ServerNow(admin=False)
SERVICE, OURS = TargetRecord("tcp://h:1"), TargetRecord("tcp://h:2", server={"hold_ns": 0})


def run(saved: int = 0, **more: Any) -> Run:
    """A run of the plan with so many cells saved."""
    cells = [
        replace(cell, index=planned.index, mode=planned.mode, level=planned.level)
        for cell, planned in zip(WHOLE.cells, CELLS, strict=True)
    ]
    return replace(WHOLE, **{"finished": None, "cells": cells[:saved], **more})


def progress(saved: int = 0, **more: Any) -> Progress:
    return Progress(**{"run": run(saved), "planned": CELLS, "cell_s": 3.0, "saved_ns": 40 * S, **more})


def under_way(planned: PlannedCell, seconds: float | None = 2.0) -> CellProgress:
    """Its time began at 100 s."""
    return CellProgress(planned, 1.0, seconds, 100 * S)


def state(
    made: Progress,
    received: Sequence[Received] = (),
    server: ServerNow = NO_ADMIN,
    now_s: float = 102.0,
    outcome: Outcome | None = None,
) -> dict[str, Any]:
    """As it comes over the wire."""
    told = outcome or (Outcome() if made.run is None else outcome_of(made.run))
    document: dict[str, Any] = json.loads(
        json.dumps(state_of(made, told, received, server, round(now_s * S)), allow_nan=False)
    )
    return document


def told(**counts: dict[str, int]) -> ServerNow:
    """A server's answer, by mode."""
    rows = {name: listener(name, 1, **each) for name, each in counts.items()}
    fields = Listener.__dataclass_fields__
    return ServerNow(True, {name: Listener(**{f: row[f] for f in fields}) for name, row in rows.items()})


def test_before_any_run_there_is_nothing_but_the_servers_modes() -> None:
    seen = state(Progress(), server=told(free={}, lock={}))
    assert (seen["run"], seen["plan"], seen["cell"], seen["now"]) == (None, None, None, None)
    assert (seen["stage"], seen["report"], seen["report_href"]) == ("nothing runs", "none", None)
    assert [row["mode"] for row in seen["modes"]] == ["free", "lock"]
    assert all(value is None for line in seen["history"] for value in line["values"])


def test_a_plans_cells_stand_in_running_order_each_with_its_state() -> None:
    cut = run(2)
    cut = replace(cut, cells=[cut.cells[0], replace(cut.cells[1], cut_short=True)])
    seen = state(progress(run=cut, cell=under_way(CELLS[2])))
    plan = seen["plan"]
    assert [cell["state"] for cell in plan["cells"]] == ["done", "cut short", "now", "to come"]
    assert [cell["mode"] for cell in plan["cells"]] == [planned.mode for planned in CELLS]
    assert (plan["done"], plan["total"], plan["repeats"]) == (2, 4, 1)
    assert plan["words"] == "free, lock at 1, 8 connections, 1 repeat"


def test_the_cell_under_way_is_named_with_what_is_left_of_it_and_of_the_plan() -> None:
    seen = state(progress(1, cell=under_way(CELLS[1])), now_s=102.0)
    planned = CELLS[1]
    noun = "connection" if planned.level == 1 else "connections"
    assert seen["cell"]["number"] == 2
    assert seen["cell"]["name"] == f"{planned.mode}, {planned.level} {noun}"
    assert (seen["cell"]["left"], seen["stage"]) == ("1 s", "measuring")
    # 40 s went into the first of four cells, and 62 s have gone since.
    assert seen["left"] == "about 58 s"
    assert state(progress(cell=under_way(CELLS[0])))["left"] == "at least 10 s"


@pytest.mark.parametrize(
    ("seconds", "words"), [(7.2, "8 s"), (59.0, "59 s"), (125.0, "2 min 5 s"), (4320.0, "1 h 12 min")]
)
def test_time_left_is_said_in_the_unit_of_somebody_who_waits(seconds: float, words: str) -> None:
    made = progress(cell=CellProgress(CELLS[0], 0.0, seconds, None))
    assert state(made)["cell"]["left"] == words


def test_a_row_a_mode_tells_what_the_server_counts_and_which_mode_is_loaded_now() -> None:
    server = told(
        free={"open": 9, "waiting": 0, "in_service": 9}, lock={"open": 8, "waiting": 7, "in_service": 1}
    )
    locked = next(cell for cell in CELLS if cell.mode == "lock")
    free, lock = state(progress(cell=under_way(locked)), server=server)["modes"]
    assert (free["open"], free["waiting"], free["in_service"], free["now"]) == (9, 0, 9, False)
    assert (lock["open"], lock["waiting"], lock["in_service"], lock["now"]) == (8, 7, 1, True)
    assert free["colour"] != lock["colour"]


@pytest.mark.parametrize(
    ("server", "word"), [(NO_ADMIN, "none"), (ServerNow(True, None), "unknown"), (told(free={}), "known")]
)
def test_whether_the_servers_counts_are_known_is_said_and_what_is_not_known_is_no_number(
    server: ServerNow, word: str
) -> None:
    seen = state(progress(), server=server)
    assert seen["server"] == word
    assert seen["modes"][1]["open"] is None  # lock


@pytest.mark.parametrize(
    ("targets", "server", "is_told"),
    [
        ({}, NO_ADMIN, True),  # one server of ours, between two cells
        ({"free": SERVICE, "lock": SERVICE}, NO_ADMIN, False),
        ({"free": SERVICE, "lock": OURS}, NO_ADMIN, True),
        ({"free": SERVICE, "lock": OURS}, ServerNow(True, None), True),
    ],
    ids=["modes", "services", "one is ours", "ours is silent"],
)
def test_what_only_a_server_tells_has_a_place_where_one_of_the_targets_is_one(
    targets: dict[str, TargetRecord], server: ServerNow, is_told: bool
) -> None:
    assert state(progress(run=run(targets=targets)), server=server)["told"] is is_told


def test_what_clients_see_is_named_by_its_cell_and_split_in_the_modes_colours() -> None:
    times: dict[str, Any] = {"timed": 10, "network_ns": 10**6, "wait_ns": 7 * 10**6, "service_ns": 2 * 10**6}
    seen = state(progress(cell=under_way(CELLS[0])), [came(101, pulse(answered=10, **times))])
    now = seen["now"]
    assert now["name"].startswith(f"{CELLS[0].mode}, ")
    assert (now["answered_per_s"], now["failed_per_s"], now["over"]) == ("10.0", "0", "last 1 s")
    assert [(part["name"], part["words"], part["percent"]) for part in now["split"]] == [
        ("network", "100 µs", "10%"),
        ("wait", "700 µs", "70%"),
        ("service", "200 µs", "20%"),
    ]
    assert [part["pale"] for part in now["split"]] == [False, True, False]
    colour = next(row["colour"] for row in seen["modes"] if row["mode"] == CELLS[0].mode)
    assert [part["colour"] == colour for part in now["split"]] == [False, True, True]


def test_between_two_cells_the_last_ones_seconds_are_shown_until_they_are_old() -> None:
    received = [came(101, pulse(answered=10))]
    assert state(progress(1), received, now_s=103)["now"]["name"].startswith(CELLS[0].mode)
    assert state(progress(1), received, now_s=107)["now"] is None


def test_a_server_that_tells_no_times_leaves_no_split() -> None:
    seen = state(progress(cell=under_way(CELLS[0])), [came(101, pulse())])
    assert seen["now"]["split"] is None


def test_the_last_minute_is_a_value_every_two_seconds_with_gaps_where_nobody_told() -> None:
    server = ServerNow(True, {}, ((99 * S, 3.5),))
    lines = state(progress(), [came(100, pulse(answered=40))], server, now_s=102)["history"]
    answered, p99, service = (line["values"] for line in lines)
    assert [len(line["values"]) for line in lines] == [HISTORY_S / 2] * 3
    assert answered[-4:] == [None, None, 40.0, 40.0]
    assert p99[-2:] == [pytest.approx(1059.0, rel=0.06)] * 2
    assert service[-4:] == [None, None, 3.5, None]
    assert [line["peak"] for line in lines][::2] == ["(peak 40.0)", "(peak 3.50)"]


def test_the_figures_of_saved_cells_are_the_reports_rows_with_where_the_time_went() -> None:
    figures = state(progress(4))["figures"]
    assert figures["heads"][:2] == ["mode", "connections"]
    assert [row["words"][:2] for row in figures["rows"]] == [
        ["free", "1"],
        ["free", "8"],
        ["lock", "1"],
        ["lock", "8"],
    ]
    assert {len(row["words"]) for row in figures["rows"]} == {len(figures["heads"])}
    assert sum(part["share"] for part in figures["rows"][-1]["split"]) == pytest.approx(1)


@pytest.mark.parametrize("report", ReportState)
def test_a_finished_run_says_its_verdict_and_links_its_report_once_it_is_there(report: ReportState) -> None:
    seen = state(progress(run=run(4, finished="2026-01-31T10:16:30+00:00"), report=report))
    assert seen["run"]["finished"]
    assert seen["verdict"]["doubts"] == []
    assert seen["verdict"]["sentences"][0].startswith("At 8 connections, lock ")
    assert seen["report"] == report.value
    assert seen["report_href"] == ("lockstep/report.html" if report is ReportState.READY else None)
    assert (seen["cell"], seen["left"]) == (None, None)


def test_a_finished_runs_gates_are_told_in_the_reports_words() -> None:
    gates = ["free@8: failed <= 0", "lock@8: messages_per_s > 100000"]
    over = run(4, finished="2026-01-31T10:16:30+00:00", plan={**WHOLE.plan, "gates": gates})
    met, unmet = state(progress(run=over))["gates"]
    assert met == "ok: free@8: failed <= 0 at 8: 0"
    assert unmet.startswith("FAILED: lock@8: messages_per_s > 100000 at 8: ")
    assert unmet.endswith("/s")


def test_a_run_by_hand_is_one_mode_that_runs_until_it_is_stopped() -> None:
    by_hand = replace(run(), kind="hand", plan={"mode": "lock"})
    cell = under_way(PlannedCell(0, "lock", 1, 1), seconds=None)
    seen = state(
        Progress(run=by_hand, cell=cell, begun_ns=37 * S), [came(101, pulse())], told(free={}, lock={})
    )
    assert (seen["run"]["kind"], seen["run"]["running_for"]) == ("hand", "1 min 5 s")
    assert (seen["plan"], seen["left"], seen["cell"]["left"]) == (None, None, None)
    assert [row["mode"] for row in seen["modes"]] == ["lock"]
    assert seen["now"]["name"] == "lock"


def test_why_a_run_could_not_go_on_is_told() -> None:
    assert state(Progress(failure="no server"))["failure"] == "no server"
