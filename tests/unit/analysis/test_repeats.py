"""Repeats as one, in the order of the plan, and what the checks find in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from loadtest.analysis.aggregate import aggregate
from loadtest.analysis.checks import ALL_CHECKS, findings
from loadtest.analysis.series import modes_of
from loadtest.results import Cell, Ledger, Messages, Run
from tests.support_run import make_run, without_server


@pytest.fixture(scope="module")
def run() -> Run:
    return make_run(modes=("lock", "free"), levels=(1, 8))[0]


def with_cell(run: Run, change: Callable[[Cell], Cell]) -> Run:
    return replace(run, cells=[change(run.cells[0]), *run.cells[1:]])


def test_series_come_in_the_order_of_the_plan_and_levels_ascend(run: Run) -> None:
    said = [(each.series, each.level, each.repeats) for each in aggregate(run.cells, modes_of(run))]
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
    (said,) = aggregate(cells)
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
    assert [each.series for each in aggregate(cells)] == [
        f"{one.mode}, 5 messages",
        f"{one.mode}, locked clients, 5 messages",
        f"{one.mode}, 1 messages",
    ]


def test_a_run_in_which_all_is_well_has_no_findings(run: Run) -> None:
    assert findings(run) == []


def of_server(cell: Cell, dropped: int) -> Cell:
    assert cell.server is not None
    return replace(cell, server=replace(cell.server, dropped_records=dropped))


FAULTS: dict[str, Callable[[Run], Run]] = {
    "interrupted": lambda run: replace(run, interrupted=True),
    "nothing-measured": lambda run: replace(run, cells=[]),
    "cut-short": lambda run: with_cell(run, lambda cell: replace(cell, cut_short=True)),
    "unbalanced": lambda run: with_cell(
        run, lambda cell: replace(cell, messages=Messages(sent=7, answered=7, aborted=1))
    ),
    "ledger-difference": lambda run: with_cell(
        run, lambda cell: replace(cell, ledger=Ledger(5, 5, 0, 7, 7, 2, "late"))
    ),
    "missing-workers": lambda run: with_cell(run, lambda cell: replace(cell, workers_reported=1)),
    "messages-failed": lambda run: with_cell(
        run, lambda cell: replace(cell, messages=Messages(sent=7, answered=6, timeout=1))
    ),
    "dropped-records": lambda run: with_cell(run, lambda cell: of_server(cell, 3)),
    "no-server-data": without_server,
    "single-repeat": lambda run: replace(run, cells=[cell for cell in run.cells if cell.repeat == 1]),
}


def test_there_is_a_fault_here_for_every_check() -> None:
    assert list(FAULTS) == [check.name for check in ALL_CHECKS]


@pytest.mark.parametrize("name", FAULTS)
def test_a_check_finds_its_fault_and_no_other_does(run: Run, name: str) -> None:
    (found,) = findings(FAULTS[name](run))
    assert found.check.name == name
    assert len(found.where) <= 1
