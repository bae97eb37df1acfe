"""What a search may look for, and the arithmetic of its loads."""

from __future__ import annotations

import pytest

from lockstep.documents import read_record
from lockstep.errors import PlanError
from lockstep.options import plan_from
from lockstep.search import RATE, USERS, Search, arrival_of
from lockstep.settings import Where, given_by

KEEP = ("response_p99 < 50ms",)
USUAL = {setting.key: setting.default for setting in given_by(Where.COMPARE | Where.FIND)} | {"gate": ()}


def test_between_two_loads_lies_their_geometric_middle_and_between_neighbours_nothing() -> None:
    search = Search(KEEP)
    assert search.between(4, 16) == 8
    assert search.between(4, 6) == 5
    assert search.between(9, 10) is None
    assert search.between(100, 105) is None


def test_a_rate_has_three_digits() -> None:
    search = Search(KEEP, by=RATE)
    assert search.between(100, 200) == 141
    assert search.smaller(0.625) == 0.312
    assert search.between(100, 104) is None


def test_loads_end_where_there_is_none_beyond() -> None:
    search = Search(KEEP, up_to=50)
    assert (search.greater(32), search.smaller(3), search.smaller(1)) == (50, 2, 1)


def test_a_rate_has_twice_as_many_users_as_the_promise_keeps_busy() -> None:
    search = Search(KEEP, by=RATE)
    assert search.users(1_000, longest_us=50_000, steps=2) == 200
    assert search.users(1, longest_us=50_000, steps=2) == 16
    assert Search(KEEP).users(9, longest_us=50_000, steps=2) == 9


def test_arrivals_of_a_searched_rate_come_at_random_unless_it_is_said_how() -> None:
    assert arrival_of("closed", RATE) == "poisson"
    assert arrival_of("constant", RATE) == "constant"
    assert arrival_of("closed", USERS) == "closed"


def test_settings_become_a_search() -> None:
    promise = {"keep": "response_p99 < 50ms; failed <= 0"}
    plan = plan_from(USUAL | promise | {"within": "10%", "at_most": "2m", "at_least": 9.0}, ())
    wanted = ("response_p99 < 50ms", "failed <= 0")
    assert plan.search == Search(wanted, within=0.1, at_most_s=120, at_least=9)
    assert (plan.levels, plan.repeats) == ((1,), 1)


def test_the_first_rate_brings_enough_arrivals_for_a_cell() -> None:
    plan = plan_from(USUAL | {"keep": "response_p99 < 50ms", "search": RATE, "seconds": 2.0}, ())
    assert plan.search is not None
    assert (plan.search.start, plan.search.up_to) == (15, 100_000)
    assert (plan.traffic.arrival.kind, plan.traffic.arrival.rate_per_s) == ("poisson", 15)


@pytest.mark.parametrize(
    ("setting", "given", "says"),
    [
        ("keep", {"keep": "respons_p99 < 50ms"}, "did you mean response_p99"),
        ("keep", {"keep": "response_p99 < 50"}, "'50' has the wrong unit"),
        ("keep", {"keep": "lock: failed <= 0"}, "there is no metric"),
        ("keep", {"keep": "failed <= 0", "search": RATE}, "bounds no time"),
        ("keep", {"keep": "messages_per_s > 5"}, "bounds what grows with the load"),
        ("seconds", {"seconds": 0.0, "search": RATE}, "out of range"),
        ("within", {"within": "five"}, "'five' is not a part"),
        ("within", {"within": "0"}, "0 is out of range"),
        ("at-most", {"at_most": "10"}, "'10' is not a duration"),
        ("up-to", {"up_to": 1e9}, "out of range"),
        ("at-least", {"at_least": 20_000.0}, "give 1 to 10000"),
        ("rate", {"rate": 100.0}, "100 is what a search finds out"),
        ("arrival", {"arrival": "poisson"}, "add --search rate"),
        ("stages", {"stages": "hold 1 1s"}, "does nothing where --keep"),
        ("scenario", {"scenario": "receive-only"}, "nothing can be kept"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(setting: str, given: dict[str, object], says: str) -> None:
    with pytest.raises(PlanError, match=says) as refused:
        plan_from(USUAL | {"keep": "response_p99 < 50ms"} | given, ())
    assert refused.value.what == setting


@pytest.mark.parametrize(
    "field",
    [
        {"keep": [1]},
        {"by": None},
        {"by": ["users"]},
        {"start": "1"},
        {"start": 0},
        {"within": True},
        {"capped": 3},
        {"at_most_s": None},
    ],
)
def test_a_damaged_search_is_not_read(field: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        read_record({"keep": list(KEEP), **field}, Search)
