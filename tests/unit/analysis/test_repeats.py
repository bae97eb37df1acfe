"""Repeats as one, in the order of the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lockstep.analysis.aggregate import aggregate
from lockstep.analysis.series import modes_of
from lockstep.runs.records import Cell, Run
from tests.factories.simulated import simulated_run


@pytest.fixture(scope="module")
def run() -> Run:
    return simulated_run(modes=("lock", "free"), levels=(1, 8))[0]


def with_cell(run: Run, change: Callable[[Cell], Cell]) -> Run:
    return replace(run, cells=[change(run.cells[0]), *run.cells[1:]])


def test_series_come_in_the_order_of_the_plan_and_levels_ascend(run: Run) -> None:
    said = [(each.series.name, each.level, each.repeats) for each in aggregate(run.cells, modes_of(run))]
    assert said == [("lock", 1, 3), ("lock", 8, 3), ("free", 1, 3), ("free", 8, 3)]


def test_a_figure_is_the_median_of_the_repeats_with_their_least_and_greatest(run: Run) -> None:
    cells = [
        replace(cell, messages_per_s=rate)
        for cell, rate in zip(
            [cell for cell in run.cells if (cell.mode, cell.level) == ("lock", 8)],
            (10.0, 90.0, 20.0),
            strict=True,
        )
    ]
    (said,) = aggregate(cells, {})
    assert said.messages_per_s is not None
    assert (said.messages_per_s.median, said.messages_per_s.min, said.messages_per_s.max) == (20, 10, 90)


def test_a_cell_cut_short_is_counted_but_in_no_median(run: Run) -> None:
    short = with_cell(run, lambda cell: replace(cell, cut_short=True, messages_per_s=1e9))
    said = [each for each in aggregate(short.cells, modes_of(run)) if each.cut_short]
    assert [(each.repeats, each.cut_short) for each in said] == [(2, 1)]
    assert said[0].messages_per_s is not None
    assert said[0].messages_per_s.max < 1e9


def test_cells_with_other_client_settings_are_no_repeats_of_each_other(run: Run) -> None:
    one = run.cells[0]
    cells = [
        one,
        replace(one, index=1, client_mode="locked"),
        replace(one, index=2, messages_per_connection=1),
    ]
    assert [each.series.name for each in aggregate(cells, {})] == [
        f"{one.mode}, 5 messages",
        f"{one.mode}, locked clients, 5 messages",
        f"{one.mode}, 1 message",
    ]


def test_a_rate_of_its_own_makes_a_series_of_its_own(run: Run) -> None:
    one = run.cells[0]
    cells = [
        replace(one, index=number, rate_per_s=rate) for number, rate in enumerate((None, 40.0, 40.0, 7.5))
    ]
    assert [(each.series.name, each.repeats, each.series.rate_per_s) for each in aggregate(cells, {})] == [
        (f"{one.mode}, closed load", 1, None),
        (f"{one.mode}, 7.5/s", 1, 7.5),
        (f"{one.mode}, 40/s", 2, 40.0),
    ]


def test_the_hand_off_is_the_median_of_the_repeats_means_and_absent_where_nobody_waited(run: Run) -> None:
    said = {(each.series.name, each.level): each for each in aggregate(run.cells, modes_of(run))}
    means = [
        cell.server.times["handoff"].mean
        for cell in run.cells
        if (cell.mode, cell.level) == ("lock", 8)
        and cell.server is not None
        and cell.server.times.get("handoff") is not None
    ]
    measured = said["lock", 8].time("handoff", "mean")
    assert measured is not None
    assert measured.median == sorted(means)[1]
    assert said["lock", 1].time("handoff", "mean") is None
    assert said["free", 8].time("handoff", "mean") is None
