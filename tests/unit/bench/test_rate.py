"""Rates between two readings, told ahead: no clock here."""

from __future__ import annotations

import pytest

from bench.processes import ToolError
from bench.rate import Rate, Reading, between, ratio_of

SECOND = 1_000_000_000


def test_a_rate_is_of_the_process_s_own_time_and_of_the_walls() -> None:
    rate = between(Reading(1_000, SECOND, 5 * SECOND), Reading(3_000, 2 * SECOND, 9 * SECOND))
    assert (rate.per_cpu_s, rate.per_wall_s, rate.cpu_share) == (2_000, 500, 0.25)


def test_what_came_before_the_first_reading_is_in_neither() -> None:
    started_slowly = between(Reading(10, 90 * SECOND, 0), Reading(20, 91 * SECOND, SECOND))
    started_at_once = between(Reading(0, 0, 0), Reading(10, SECOND, SECOND))
    assert started_slowly == started_at_once


@pytest.mark.parametrize("last", [Reading(5, 2 * SECOND, SECOND), Reading(9, 0, SECOND)])
def test_without_units_or_processor_time_there_is_no_rate(last: Reading) -> None:
    with pytest.raises(ToolError, match="nothing to measure"):
        between(Reading(5, 0, 0), last)


def test_a_ratio_of_rates_is_of_processor_time_and_keeps_how_much_of_a_core_each_had() -> None:
    ratio = ratio_of("name", "unit", [Rate(300.0, 150.0)], [Rate(100.0, 100.0)], 2.0)
    assert (ratio.ratios, ratio.wanted) == ([3.0], 2.0)
    assert (ratio.ours_shares, ratio.theirs_shares) == ([0.5], [1.0])
