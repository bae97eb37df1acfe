"""Two searches are compared by the limits that they found, not by the loads that they happened to try."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from lockstep.analysis.conditions import mismatches
from lockstep.analysis.limit_diff import LimitDiff, diff_limits
from lockstep.analysis.limits import End, Limit
from lockstep.analysis.run_diff import Change
from lockstep.commands.diff import refusal
from lockstep.report.diff import diff_markdown, print_diff
from lockstep.report.limit_diff import said_of_limits
from lockstep.runs.records import Run
from lockstep.search import RATE, Search
from tests.factories.searched import Server, line, searched_run

SEARCH = Search(("response_p99 < 50ms",))
RATES = Search(SEARCH.keep, by=RATE, start=20, up_to=10_000)


def searched(run_id: str, search: Search = SEARCH, **limits: float) -> Run:
    run = searched_run(search, {mode: Server(line(limit), spread=0.01) for mode, limit in limits.items()})
    return replace(run, run_id=run_id)


def words(first: Run, second: Run, tolerance: float = 0.05) -> str:
    found = diff_limits(first, second, tolerance)
    out = io.StringIO()
    print_diff(said_of_limits(found, first), (first, second), [], Console(file=out, width=80))
    return out.getvalue()


def test_a_lower_limit_whose_interval_does_not_meet_the_other_is_worse() -> None:
    first, second = searched("a", lock=40.5, free=200.5), searched("b", lock=30.5, free=201.0)
    found = diff_limits(first, second, 0.05)
    assert [(each.mode, each.change) for each in found.changes] == [
        ("lock", Change.WORSE),
        ("free", Change.NOT_SHOWN),
    ]
    assert found.worse
    said = words(first, second)
    assert said.startswith("B is worse than A: the limit of lock is lower, beyond the tolerance of 5%.\n")
    assert "- lock holds it up to 30 connections (30) in B, in A 40 connections (40" in said
    assert " n.s." in said
    assert "repeat" not in said


def test_a_higher_one_is_better_and_one_within_the_tolerance_is_tolerated() -> None:
    first, second = searched("a", lock=20.5), searched("b", lock=40.5)
    assert words(first, second).startswith(
        "B is better than A: the limit of lock is higher, and no limit is lower"
    )
    near = searched("c", lock=19.5)
    assert diff_limits(first, near, 0.1).of(Change.TOLERATED)
    assert not diff_limits(first, near, 0.1).worse


def test_the_same_search_shows_no_difference() -> None:
    run = searched("a", lock=40.5, free=200.5)
    said = words(run, replace(run, run_id="b"))
    assert said.startswith("No significant difference between A and B in any of 2 limits.\n")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((None, 1), (9, 10), Change.BETTER),
        ((9, 10), (None, 1), Change.WORSE),
        ((40, None), (9, 10), Change.WORSE),
        ((40, None), (39, 42), Change.NOT_SHOWN),
        ((9, None), (12, None), Change.NOT_SHOWN),
        ((None, None), (9, 10), Change.UNKNOWN),
        ((100, 104), (104, 110), Change.TOLERATED),
        ((100, 104), (96, 100), Change.TOLERATED),
    ],
)
def test_an_end_that_is_not_known_may_lie_anywhere(
    first: tuple[float | None, float | None], second: tuple[float | None, float | None], expected: Change
) -> None:
    from lockstep.analysis.limit_diff import _change

    one, other = (Limit(SEARCH, "lock", (), low, high, None, End.TIME, None) for low, high in (first, second))
    assert _change(one, other, 0.05) is expected


def test_rates_that_were_tried_are_no_condition_of_a_search() -> None:
    first, second = searched("a", RATES, lock=148.0), searched("b", RATES, lock=90.0)
    assert mismatches(first, second) == []
    assert "arrivals per second (" in words(first, second)


def test_markdown_says_the_same() -> None:
    first, second = searched("a", lock=40.5), searched("b", lock=30.5)
    text = diff_markdown(said_of_limits(diff_limits(first, second, 0.05), first), (first, second), [])
    assert text.startswith("**B is worse than A: the limit of lock is lower")
    assert "| lock | 40 | " in text


def test_searches_that_share_no_series_or_found_nothing_are_refused() -> None:
    shared = diff_limits(searched("a", lock=9.5), searched("b", free=9.5), 0.05)
    assert "no mode in common" in (refusal(shared, [], force=False) or "")
    nothing = Limit(SEARCH, "lock", (), None, None, None, End.TIME, None)
    from lockstep.analysis.limit_diff import LimitChange

    blind = LimitDiff(0.05, (LimitChange(nothing, nothing, Change.UNKNOWN),), (), ())
    assert "give them more time" in (refusal(blind, [], force=False) or "")
