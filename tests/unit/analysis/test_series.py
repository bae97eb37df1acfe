"""A series is a value: equal by mode and settings, whatever it is called among others."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep.analysis.series import SeriesIndex
from lockstep.runs.records import Cell
from tests.factories.runs import make_cell, run_of

OPEN: dict[str, Any] = {"arrival": "poisson", "rate_per_s": 148.0}


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        pytest.param([make_cell("lock"), make_cell("free", 32)], ["lock", "free"], id="a plan's modes"),
        pytest.param(
            [make_cell("lock", client_mode="locked")], ["lock, locked clients"], id="locked is always told"
        ),
        pytest.param(
            [make_cell("lock", payload_bytes=1), make_cell("lock", messages_per_connection=1)],
            ["lock, 5 messages, 1 byte", "lock, 1 message, 64 bytes"],
            id="what differs",
        ),
        pytest.param([make_cell("lock", **OPEN)], ["lock"], id="one rate for all"),
        pytest.param(
            [make_cell("lock", **OPEN), make_cell("lock")], ["lock, 148/s", "lock, closed load"], id="loads"
        ),
        pytest.param(
            [make_cell("lock", **OPEN), make_cell("lock", arrival="constant", rate_per_s=148.0)],
            ["lock, poisson, 148/s", "lock, constant, 148/s"],
            id="arrival processes",
        ),
        pytest.param(
            [make_cell("a, b"), make_cell("a, b", scenario="persistent")],
            ["a, b, session", "a, b, persistent"],
            id="a mode with a comma",
        ),
    ],
)
def test_a_name_tells_what_differs_among_the_cells(cells: list[Cell], names: list[str]) -> None:
    index = SeriesIndex(run_of(cells).cells)
    assert [each.name for each in index.order] == names
    assert [each.mode for each in index.order] == [cell.mode for cell in cells]


def test_beside_a_load_the_name_leaves_out_the_rate_alone() -> None:
    cells = run_of([make_cell("lock", **OPEN), make_cell("lock"), make_cell("lock", client_mode="locked")])
    said = [each.name_beside_load for each in SeriesIndex(cells.cells).order]
    assert said == ["lock", "lock, closed load", "lock, locked clients, closed load"]


def test_a_series_is_the_same_whatever_it_is_called() -> None:
    one, other = run_of([make_cell("lock"), make_cell("lock", payload_bytes=1)]).cells
    alone, among = SeriesIndex([one]).of(one), SeriesIndex([one, other]).of(one)
    assert (alone.name, among.name) == ("lock", "lock, 64 bytes")
    assert alone == among
    assert len({alone, among, SeriesIndex([other]).of(other)}) == 2


def test_groups_come_in_the_plans_order_with_levels_ascending_and_cells_as_they_ran() -> None:
    cells = run_of(
        [make_cell("lock", 8, 2), make_cell("free", 32), make_cell("lock", 8, 1), make_cell("lock", 1)]
    ).cells
    groups = SeriesIndex(cells, ("free", "lock")).groups(cells)
    assert [(place.series.mode, place.level) for place in groups] == [("free", 32), ("lock", 1), ("lock", 8)]
    assert [cell.repeat for cell in list(groups.values())[-1]] == [2, 1]
