"""How many users a manual run had: the greatest number that was there, not the one that was asked for."""

from __future__ import annotations

import pytest

from lockstep.master.cell import CellUnderWay
from lockstep.plan import PlannedCell
from tests.factories.reports import order


def cell(asked: int) -> CellUnderWay:
    return CellUnderWay(PlannedCell(0, "lock", asked, 1), order(), [], None)


@pytest.mark.parametrize(
    ("asked", "all_there", "at_the_end", "level", "note"),
    [
        (4, [4], 4, 4, None),
        (50, [], 20, 20, "it ended when 20 of its 50 users had come"),
        (4, [4, 8, 2], 2, 8, "changed during the run (4, 8, 2)"),
        (4, [4], 7, 7, "changed during the run (4, 7)"),  # on their way to more
        (4, [4], 2, 4, None),  # a worker left
        (4, [], 0, 4, None),
    ],
)
def test_the_level_of_a_manual_run_is_the_greatest_number_of_users_that_was_there(
    asked: int, all_there: list[int], at_the_end: int, level: int, note: str | None
) -> None:
    manual_run = cell(asked)
    for users in all_there:
        manual_run.note_level(users)
    manual_run.note_last_level(at_the_end)
    assert manual_run.planned.level == level
    said = "\n".join(manual_run.notes())
    assert (said == "") if note is None else (note in said and "\n" not in said)


def test_a_plans_cell_has_the_level_that_was_planned() -> None:
    assert cell(9).planned.level == 9
    assert cell(9).notes() == []
