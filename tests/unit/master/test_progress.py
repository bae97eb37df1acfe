"""Where a run stands, second by second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lockstep.master.progress import (
    ABOUT,
    AT_LEAST,
    AT_MOST,
    CellProgress,
    Progress,
    ReportState,
    Stage,
    TimeLeft,
    fit,
    foresee,
)
from lockstep.plan import Plan, PlannedCell
from lockstep.runs.records import Run
from lockstep.search import RATE, USERS, Fit, Search
from lockstep.target.admin import ServerView
from lockstep.traffic import Arrival, Traffic
from tests.factories.simulated import simulated_run
from tests.factories.units import MS, S
from tests.support.admin_port import admin_port, listener, listeners

PLANNED = PlannedCell(0, "free", 8, 1)
PLAN = Plan(modes=("free", "lock"), levels=(1, 8), repeats=1, seconds=2.0, warmup_s=1.0)


def cell(**more: Any) -> CellProgress:
    """A cell of 1 s and 2 s whose time began at 10 s."""
    return CellProgress(PLANNED, **{"warmup_s": 1.0, "seconds": 2.0, "began_ns": 10 * S, **more})


def run(cells: int = 0, **more: Any) -> Run:
    """A run with so many cells saved."""
    whole, _ = simulated_run(("free", "lock"), (1, 8), 1)
    return replace(whole, **{"finished": None, "cells": whole.cells[:cells], **more})


def progress(**more: Any) -> Progress:
    """The plan's progress; it began at 0."""
    return Progress(**{"run": run(), "planned": tuple(PLAN.cells()), "cell_s": 3.0, **more})


@pytest.mark.parametrize(
    ("made", "now_s", "stage"),
    [
        (Progress(), 0, Stage.IDLE),
        (progress(), 0, Stage.STARTING),
        (progress(cell=cell(began_ns=None)), 9, Stage.OPENING),
        (progress(cell=cell()), 10.9, Stage.WARM_UP),
        (progress(cell=cell()), 11, Stage.MEASURING),
        (progress(cell=cell(ending=Stage.DRAINING)), 13, Stage.DRAINING),
        (progress(cell=cell(ending=Stage.SAVING)), 14, Stage.SAVING),
        (progress(run=run(4)), 15, Stage.STARTING),
        (progress(run=run(4, finished="now"), report=ReportState.MAKING), 16, Stage.REPORTING),
        (progress(run=run(4, finished="now"), report=ReportState.READY), 17, Stage.DONE),
        (progress(run=run(4, finished="now"), report=ReportState.FAILED), 17, Stage.DONE),
    ],
)
def test_a_run_goes_through_its_stages(made: Progress, now_s: float, stage: Stage) -> None:
    assert made.stage(round(now_s * S)) is stage


@pytest.mark.parametrize(
    ("made", "now_s", "left_s"),
    [
        (cell(began_ns=None), 9, 3.0),
        (cell(), 10, 3.0),
        (cell(), 12.5, 0.5),
        (cell(), 20, 0.0),
        (cell(ending=Stage.DRAINING), 11, 0.0),
        (cell(seconds=None), 11, None),
    ],
)
def test_what_is_left_of_a_cell_is_its_warm_up_and_window_less_what_is_gone(
    made: CellProgress, now_s: float, left_s: float | None
) -> None:
    assert made.left_s(round(now_s * S)) == left_s


def test_before_the_first_cell_is_saved_the_plan_takes_at_least_its_cells_own_time() -> None:
    assert progress().left(S) == TimeLeft(12.0, AT_LEAST)
    assert progress(cell=cell()).left(11 * S) == TimeLeft(2.0 + 9.0, AT_LEAST)


def test_later_the_plan_takes_as_long_a_cell_as_it_took_so_far() -> None:
    saved = progress(run=run(2), saved_ns=10 * S)
    assert saved.left(10 * S) == TimeLeft(10.0, ABOUT)
    assert saved.left(11 * S) == TimeLeft(9.0, ABOUT)


def test_the_estimate_never_promises_less_than_the_cells_own_time() -> None:
    late = progress(run=run(3), saved_ns=15 * S, cell=cell(began_ns=30 * S))
    assert late.left(30 * S) == TimeLeft(3.0, ABOUT)


def test_a_search_takes_no_longer_than_it_may() -> None:
    searching = replace(progress(run=run(2), saved_ns=10 * S), at_most_s=60.0)
    assert searching.left(10 * S) == TimeLeft(60.0 - (10 * S - searching.begun_ns) / S, AT_MOST)
    assert searching.left(500 * S) == TimeLeft(0.0, AT_MOST)


@pytest.mark.parametrize("made", [Progress(), Progress(run=run()), progress(run=run(4, finished="now"))])
def test_no_time_is_left_where_there_is_no_plan_under_way(made: Progress) -> None:
    assert made.left(S) is None


@pytest.fixture(scope="module")
def server() -> Iterator[ServerView]:
    """A Lockstep server of two modes, which holds each message for 2 ms."""
    rows = listener("free", 1, permits=None), listener("lock", 2)
    with admin_port({"/listeners": [listeners(*rows, hold_ns=2 * MS)]}) as port:
        yield ServerView(port.address)


BOTH = frozenset({"warmup", "seconds"})


@pytest.mark.parametrize(
    ("levels", "unset", "lengths"),
    [
        ((1, 8), BOTH, (0.5, 1.5)),
        ((1, 32), BOTH, (0.5, 3.9)),
        ((1, 16, 64), BOTH, (0.96, 7.7)),
        ((64,), frozenset({"seconds"}), (0.5, 7.7)),
        ((64,), frozenset({"warmup"}), (0.96, 1.5)),
        ((64,), frozenset(), (0.5, 1.5)),
    ],
)
def test_cells_are_as_long_as_their_sessions_ask_for_unless_somebody_sets_it(
    server: ServerView, levels: tuple[int, ...], unset: frozenset[str], lengths: tuple[float, float]
) -> None:
    plan = Plan(modes=("free", "lock"), levels=levels)
    fitted, note = fit(lambda _: server, plan, unset)
    assert fitted.lengths("lock", levels[-1]) == lengths
    # Where nobody waits, and at low levels, it is what it was.
    assert fitted.lengths("lock", 1) == fitted.lengths("free", levels[-1]) == (0.5, 1.5)
    assert replace(fitted, longer=()) == plan
    assert (note is None) == (fitted == plan)
    if note is not None:
        assert note.startswith(f"with lock at {levels[-1]} a session takes ")
        assert f"such cells measure {lengths[1]:g} s after {lengths[0]:g} s of warm-up" in note


@pytest.mark.parametrize(
    ("modes", "levels", "scenario", "said"),
    [
        (
            ("free", "lock"),
            (1, 8),
            "persistent",
            "with lock at 8 connections that stay, 7 are",
        ),
        (("free", "lock"), (1,), "persistent", None),
        (("free",), (64,), "persistent", None),
        (("free", "lock"), (1, 8), "session", None),
    ],
)
def test_connections_that_stay_and_are_never_admitted_are_foreseen(
    server: ServerView, modes: tuple[str, ...], levels: tuple[int, ...], scenario: str, said: str | None
) -> None:
    plan = Plan(modes=modes, levels=levels, seconds=10.0, traffic=Traffic(scenario=scenario))
    told = foresee(lambda _: server, plan)
    assert told is None if said is None else (told or "").startswith(said)


def test_a_plan_that_was_fitted_foresees_no_window_too_short(server: ServerView) -> None:
    plan = Plan(modes=("lock",), levels=(1, 640))
    assert "with lock at 640 a session takes 6.4 s" in (foresee(lambda _: server, plan) or "")
    fitted, _ = fit(lambda _: server, plan, BOTH)
    assert foresee(lambda _: server, fitted) is None


@pytest.mark.parametrize(
    "plan",
    [
        Plan(modes=("free",), levels=(64,)),
        Plan(modes=("lock",), levels=(32,), traffic=Traffic(scenario="persistent")),
        Plan(modes=("lock",), levels=(64,), traffic=Traffic(arrival=Arrival("poisson", 100))),
        Plan(modes=("lock",), levels=(64,), traffic=Traffic(stages="hold 64 2s"), seconds=2),
    ],
    ids=["nobody waits", "short exchanges", "open load", "stages"],
)
def test_cells_that_need_no_more_are_left_as_they_are(server: ServerView, plan: Plan) -> None:
    assert fit(lambda _: server, plan, BOTH) == (plan, None)


def test_of_a_service_that_tells_nothing_cells_are_left_as_they_are() -> None:
    plan = Plan(modes=("new",), levels=(64,))
    assert fit(lambda _: None, plan, BOTH) == (plan, None)


@pytest.mark.parametrize("by", [USERS, RATE])
def test_of_a_search_it_is_kept_what_the_server_tells_of_those_who_wait(server: ServerView, by: str) -> None:
    plan = Plan(modes=("free", "lock"), levels=(1,), search=Search(("response_p99 < 1s",), by=by))
    fitted, note = fit(lambda _: server, plan, frozenset({"seconds"}))
    assert fitted.search is not None
    # Five messages, each of which is held for 2 ms; nobody waits for `free`.
    assert fitted.search.fits == (Fit("lock", 0.01, 1, warmup=False, seconds=True),)
    assert "--seconds and --warmup set others" in (note or "")
    assert fit(lambda _: server, plan, frozenset()) == (plan, None)
    assert fit(lambda _: None, plan, BOTH) == (plan, None)
