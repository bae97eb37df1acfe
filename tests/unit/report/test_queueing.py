"""Queueing theory and Little's law as rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.analysis.numbers import duration
from lockstep.report.section import Table
from lockstep.report.sections.queueing import LITTLES_LAW, WAITS, littles_laws, waits
from lockstep.runs.measures import Occupancy
from lockstep.runs.records import Cell
from tests.factories.open_load import simulated_open_run
from tests.factories.simulated import simulated_run


def test_a_row_of_theory_is_of_the_repeat_with_the_middle_wait() -> None:
    run = simulated_open_run(modes=("lock",))
    cells = run.cells
    measured = sorted(
        cell.server.wait_prediction.measured_us
        for cell in cells
        if cell.server is not None and cell.server.wait_prediction is not None and cell.rate_per_s == 357
    )
    rows = Table.of(WAITS, waits(cells, ("lock",))).rows
    assert [row[:2] for row in rows] == [("lock, 223/s", "64"), ("lock, 357/s", "64")]
    assert rows[1][4] == duration(measured[1])
    assert " to " in rows[1][-1]
    assert waits([replace(cell, cut_short=True) for cell in cells], ("lock",)) == []


def test_a_row_of_littles_law_has_both_ends_and_dashes_for_what_was_not_counted() -> None:
    (cell,) = simulated_run(modes=("lock",), levels=(8,), repeats=1)[0].cells
    told = replace(cell, littles_law=Occupancy(8, 8.2))
    (row,) = Table.of(LITTLES_LAW, littles_laws([told], ("lock",))).rows
    sessions = told.sessions_per_s * told.seconds
    assert row[:6] == ("lock", "8", "8.00", "8.20", "+2.5%", f"{0.03 + 8 / sessions:.1%}")
    (row,) = Table.of(LITTLES_LAW, littles_laws([replace(told, server=None)], ("lock",))).rows
    assert row[6:] == ("–", "–", "–", "–")


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return simulated_run(modes=("free", "lock", "ticket", "queue=1"), levels=(8,), repeats=1)[0].cells
