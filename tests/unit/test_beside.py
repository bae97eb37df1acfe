"""Who is beside a cell's users, as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.beside import Beside, parse_beside
from lockstep.errors import PlanError
from lockstep.plan import Plan, PlannedCell
from tests.factories.reports import order


@pytest.mark.parametrize(
    ("text", "level", "users"),
    [
        ("idle:1000", 8, 1000),
        ("slow-reader:10%", 32, 3),
        ("slow-reader:10%", 1, 1),
        ("reset:2.5%", 1000, 25),
        ("half-open:200%", 8, 16),
    ],
)
def test_a_number_or_a_part_of_the_level_is_beside_it(text: str, level: int, users: int) -> None:
    assert Beside.parse(text).users(level) == users


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("idle", "write KIND:NUMBER or KIND:SHARE%"),
        ("idel:3", "did you mean idle?"),
        ("idle:many", "write KIND:NUMBER or KIND:SHARE%"),
        ("idle:", "write KIND:NUMBER or KIND:SHARE%"),
        ("idle:0", "give more than 0"),
        ("idle:-3", "give more than 0"),
        ("idle:1.5", "write KIND:NUMBER or KIND:SHARE%"),
        ("idle:200000", "give more than 0, up to 100000"),
        ("idle:" + "9" * 5000, "has no number that makes sense"),
        ("idle:nan%", "give more than 0"),
        ("idle:3,idle:3", "leave one out"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(text: str, remedy: str) -> None:
    with pytest.raises(PlanError, match=remedy.replace("?", r"\?")) as refusal:
        parse_beside(text)
    assert refusal.value.what == "beside"
    assert len(str(refusal.value)) < 200


def test_every_cell_is_measured_with_each_company_and_without_in_every_repeat() -> None:
    cells = Plan(modes=("free", "lock"), levels=(8,), repeats=2, beside=("idle:3", "reset:1")).cells()
    for repeat in (1, 2):
        assert {(cell.mode, cell.beside) for cell in cells if cell.repeat == repeat} == {
            (mode, beside) for mode in ("free", "lock") for beside in ("", "idle:3", "reset:1")
        }
    assert [cell.index for cell in cells] == list(range(12))


def test_a_plan_without_company_runs_in_the_order_it_always_had() -> None:
    cells = Plan(seed=1, modes=("free", "lock"), levels=(1, 8), repeats=1).cells()
    assert cells == [
        PlannedCell(0, "lock", 8, 1),
        PlannedCell(1, "free", 1, 1),
        PlannedCell(2, "free", 8, 1),
        PlannedCell(3, "lock", 1, 1),
    ]


def test_limits_are_asked_for_the_greatest_crowd() -> None:
    assert Plan(levels=(1, 32)).most_connections == 32
    assert Plan(levels=(1, 32), beside=("idle:1000", "slow-reader:100%")).most_connections == 1032


def test_workers_share_the_company_and_none_is_lost() -> None:
    whole = replace(order(), beside="idle", beside_users=7)
    assert [whole.for_share(share, 3).company for share in range(3)] == [3, 2, 2]
