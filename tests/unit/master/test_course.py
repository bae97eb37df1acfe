"""What a run measures next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.errors import PlanError
from lockstep.master.course import course_of, within_reach
from lockstep.plan import Plan
from lockstep.runs.records import Run
from lockstep.search import RATE, Search
from lockstep.traffic import Arrival, Traffic
from tests.factories.runs import run_of
from tests.factories.searched import measured

KEEP = ("response_p99 < 50ms",)
USERS = Plan(modes=("free", "lock"), levels=(1,), repeats=1, search=Search(KEEP))
RATES = replace(
    USERS, traffic=Traffic(arrival=Arrival("poisson", 20.0)), search=Search(KEEP, by=RATE, start=20)
)


def begun(plan: Plan) -> Run:
    return replace(run_of([], modes=plan.modes), plan=plan.to_json(), finished=None)


def test_a_plan_is_walked_once_in_its_order() -> None:
    plan = Plan(modes=("free", "lock"), levels=(1, 8), repeats=2)
    course, run = course_of(plan), begun(plan)
    cells = course(run, 0.0)
    assert cells == plan.cells()
    done = replace(run, cells=run_of([measured(Search(KEEP), each.level, 1.0) for each in cells]).cells)
    assert course(done, 0.0) == []


def test_every_series_of_a_search_takes_its_turn() -> None:
    first = course_of(USERS)(begun(USERS), 0.0)
    assert {(each.mode, each.level, each.repeat) for each in first} == {("free", 1, 1), ("lock", 1, 1)}
    assert [each.index for each in first] == [0, 1]


def test_what_follows_is_what_the_cells_so_far_call_for() -> None:
    assert USERS.search is not None
    cells = [
        measured(USERS.search, 1, 5_000, mode="free"),
        measured(USERS.search, 1, 49_000, mode="lock"),
        measured(USERS.search, 2, 99_000, mode="lock"),
    ]
    run = replace(begun(USERS), cells=run_of(cells).cells)
    following = course_of(USERS)(run, 0.0)
    assert {(each.mode, each.level, each.repeat) for each in following} == {("free", 2, 1), ("lock", 1, 2)}


def test_a_search_ends_when_its_time_is_up() -> None:
    assert course_of(USERS)(begun(USERS), 599.0)
    assert course_of(USERS)(begun(USERS), 600.0) == []


def test_a_cell_of_a_rate_offers_that_rate_to_users_that_are_enough_for_it() -> None:
    cell, _ = course_of(RATES)(begun(RATES), 0.0)
    assert (cell.rate_per_s, cell.level) == (20, 16)
    assert cell.traffic(RATES.traffic).arrival == Arrival("poisson", 20)


def test_what_nobody_could_carry_is_never_tried() -> None:
    assert USERS.search is not None

    def check(users: int, _: Traffic) -> None:
        if users > 700:
            raise PlanError("levels", f"{users} need more files than there are")

    capped = within_reach(USERS, USERS.search, check).search
    assert capped is not None
    assert 700 / 1.05 < capped.up_to <= 700
    assert capped.capped.endswith("need more files than there are")


def test_a_search_whose_first_load_cannot_be_carried_is_refused() -> None:
    assert USERS.search is not None

    def check(_: int, __: Traffic) -> None:
        raise PlanError("levels", "no files at all")

    with pytest.raises(PlanError, match="no files at all"):
        within_reach(USERS, USERS.search, check)
