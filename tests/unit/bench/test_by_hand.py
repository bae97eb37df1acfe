"""Searches by hand: what they try, and that what they answer lies around the limit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.by_hand import Gap, Holds, bisection, staircase


def up_to(limit: int) -> Holds:
    """A server that holds so many connections."""
    return lambda load: load <= limit


def test_a_staircase_goes_up_one_by_one_and_then_by_the_part_that_was_asked_for() -> None:
    gap = staircase(0.1, up_to(25))
    assert gap == Gap(24, 26, (*range(1, 21), 22, 24, 26))


def test_a_bisection_doubles_and_then_halves_the_gap() -> None:
    assert bisection(0.05, up_to(10)) == Gap(10, 11, (1, 2, 4, 8, 16, 12, 10, 11))


@pytest.mark.parametrize("search", [staircase, bisection])
@pytest.mark.parametrize("limit", [0, 1, 2, 7, 20, 21, 333, 1_000])
def test_the_answer_lies_around_the_limit_and_is_as_narrow_as_was_asked_for(
    search: Callable[[float, Holds], Gap], limit: int
) -> None:
    gap = search(0.05, up_to(limit))
    assert gap.low <= limit < gap.high
    assert gap.high - gap.low <= max(1, 0.05 * gap.low)
