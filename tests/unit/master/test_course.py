"""What a run measures next."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from lockstep.errors import PlanError
from lockstep.master.course import begins_repeat, course_of, lengths, unreached, within_reach
from lockstep.plan import Plan, Until
from lockstep.runs.records import Run
from lockstep.search import RATE, Fit, Search
from lockstep.traffic import Arrival, Traffic
from tests.factories.runs import make_cell, run_of
from tests.factories.searched import measured

KEEP = ("response_p99 < 50ms",)
SEARCH = Search(KEEP)
USERS = Plan(modes=("free", "lock"), levels=(1,), repeats=1, search=SEARCH)
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


def test_a_search_begins_no_cell_that_would_not_be_over_in_time() -> None:
    """Cells of 2 s, and 600 s for all of them."""
    course, run = course_of(USERS), begun(USERS)
    assert len(course(run, 596.0)) == 2
    assert len(course(run, 597.9)) == 1
    assert course(run, 598.1) == []


def test_what_cells_took_beside_their_own_time_is_allowed_for() -> None:
    assert USERS.search is not None
    cells = [measured(USERS.search, 1, 5_000, mode=mode) for mode in ("free", "lock")]
    run = replace(begun(USERS), cells=run_of(cells).cells)
    # Two of 2 s have taken 594 s: so does each of those to come.
    assert course_of(USERS)(run, 4.0)
    assert course_of(USERS)(run, 594.0) == []


FITTED = replace(SEARCH, fits=(Fit("lock", 0.02, 1, warmup=True, seconds=True),))
FITTED_RATES = replace(FITTED, by=RATE, start=20)


@pytest.mark.parametrize(
    ("search", "mode", "load", "expected"),
    [
        (FITTED, "lock", 2, (0.5, 1.5)),
        (FITTED, "lock", 40, (1.2, 9.6)),
        # No cell takes so much of 600 s that two modes have none for 20 each.
        (FITTED, "lock", 400, (1.7, 13)),
        (FITTED, "free", 40, (0.5, 1.5)),
        (FITTED_RATES, "lock", 25, (1.4, 14)),
        (replace(FITTED_RATES, at_most_s=6000), "lock", 25, (2.0, 20.0)),
        (replace(FITTED, fits=(replace(FITTED.fits[0], warmup=False),)), "lock", 40, (0.5, 9.6)),
        (replace(FITTED, fits=(replace(FITTED.fits[0], seconds=False),)), "lock", 40, (1.2, 1.5)),
    ],
)
def test_cells_of_a_search_are_as_long_as_their_load_asks_for_where_nobody_said(
    search: Search, mode: str, load: float, expected: tuple[float, float]
) -> None:
    assert lengths(USERS, search, mode, load) == pytest.approx(expected)


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


def repeated(plan: Plan, repeats: int, spread: float) -> Run:
    """So many repeats of two modes at one level, whose throughputs' ratio spreads like this."""
    rng = random.Random(1)
    cells = [
        make_cell(each.mode, each.level, each.repeat, messages_per_s=rate * math.exp(rng.gauss(0, spread)))
        for each in plan.cells(repeats)
        for rate in ({"free": 1000.0, "lock": 100.0}[each.mode],)
    ]
    return replace(begun(plan), cells=run_of(cells).cells)


SURE = Plan(modes=("free", "lock"), levels=(8,), repeats=3, until=Until(0.05, most=20))


def test_repeats_are_added_one_of_every_cell_at_a_time_until_all_is_sure() -> None:
    course = course_of(SURE)
    assert course(begun(SURE), 0.0) == SURE.cells()
    more = course(repeated(SURE, 3, spread=0.03), 0.0)
    assert {(each.mode, each.repeat) for each in more} == {("free", 4), ("lock", 4)}
    assert [each.index for each in more] == [6, 7]
    assert course(repeated(SURE, 18, spread=0.03), 0.0) == []


def test_no_repeat_is_added_where_there_were_enough_or_the_time_is_up() -> None:
    course = course_of(SURE)
    assert course(repeated(SURE, 19, spread=1.0), 0.0)
    assert course(repeated(SURE, 20, spread=1.0), 0.0) == []
    assert course(repeated(SURE, 5, spread=1.0), 499.0)
    # A sixth takes as long as each of the five.
    assert course(repeated(SURE, 5, spread=1.0), 501.0) == []


def test_a_run_that_ends_less_sure_than_was_asked_for_says_so() -> None:
    said = unreached(SURE, repeated(SURE, 4, spread=1.0))
    wide = "after 4 repeats 1 of the intervals is wider than --until asks for, 0.05"
    assert said == f"{wide}: raise --most or --at-most"
    assert unreached(SURE, repeated(SURE, 18, spread=0.03)) is None
    assert unreached(USERS, begun(USERS)) is None


def test_the_repeats_that_are_planned_come_whatever_the_first_of_them_say() -> None:
    run = repeated(SURE, 3, spread=0.0)
    stopped = replace(run, cells=run.cells[:5])
    assert course_of(SURE)(stopped, 0.0) == SURE.cells()[5:]


def test_servers_are_started_anew_with_each_repeat_and_not_before_the_first() -> None:
    plan = Plan(modes=("free", "lock"), levels=(1, 8), repeats=2, restart=True)
    cells = plan.cells()
    measured_cells = run_of([make_cell(each.mode, each.level, each.repeat) for each in cells]).cells
    anew = [
        cell.index
        for cell in cells
        if begins_repeat(plan, replace(begun(plan), cells=measured_cells[: cell.index]), cell)
    ]
    assert anew == [4]


def test_in_a_search_each_cell_is_a_repeat() -> None:
    (first, second) = course_of(USERS)(begun(USERS), 0.0)
    assert not begins_repeat(USERS, begun(USERS), first)
    assert USERS.search is not None
    run = replace(begun(USERS), cells=run_of([measured(USERS.search, 1, 5_000, mode=first.mode)]).cells)
    assert begins_repeat(USERS, run, second)


def test_once_all_is_measured_each_series_has_one_more_cell_for_a_profiler() -> None:
    plan = Plan(modes=("free", "lock"), levels=(1, 8), repeats=1, profile=True)
    course, run = course_of(plan), begun(plan)
    assert course(run, 0.0) == plan.cells()
    done = replace(run, cells=run_of([make_cell(each.mode, each.level) for each in plan.cells()]).cells)
    more = course(done, 0.0)
    assert [(each.index, each.mode, each.level, each.profiled) for each in more] == [
        (4, "free", 8, True),
        (5, "lock", 8, True),
    ]
    # Whose servers are started anew for each repeat go on with that of the last.
    assert not any(begins_repeat(plan, done, each) for each in more)
    assert [each.mode for each in course(replace(done, profiled=["free"]), 0.0)] == ["lock"]
    assert course(replace(done, profiled=["free", "lock"]), 0.0) == []
