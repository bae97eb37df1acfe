"""Figures, durations and shares in words."""

from __future__ import annotations

import pytest

from lockstep.analysis.numbers import duration, figures
from lockstep.report.words import difference, percent, share


@pytest.mark.parametrize(
    ("value_us", "words"),
    [
        (None, "–"),
        (0, "0 µs"),
        (0.5, "0.500 µs"),
        (812, "812 µs"),
        (999.9, "1.00 ms"),
        (2_310, "2.31 ms"),
        (1_020_000, "1.02 s"),
        (125_000_000, "125 s"),
    ],
)
def test_a_duration_has_three_figures_and_the_unit_that_suits_it(value_us: float | None, words: str) -> None:
    assert duration(value_us) == words


def test_large_numbers_are_grouped_and_shares_never_round_to_all_or_nothing() -> None:
    assert [figures(value) for value in (4_610.4, 31.24, 9.999)] == ["4,610", "31.2", "10.0"]
    assert [share(part, 1_000) for part in (0, 1, 500, 999, 1_000)] == [
        "0%",
        "under 1%",
        "50%",
        "over 99%",
        "100%",
    ]


@pytest.mark.parametrize(
    ("computed", "counted", "words"),
    [(103, 100, "+3.0%"), (9.9, 10, "-1.0%"), (10.0001, 10, "0.0%"), (9.9999, 10, "0.0%"), (1, 0, "–")],
)
def test_a_difference_has_a_sign_unless_it_is_none(computed: float, counted: float, words: str) -> None:
    assert difference(computed, counted) == words


@pytest.mark.parametrize(
    ("part", "words"),
    [(0, "0%"), (0.000_031_4, "0.0031%"), (0.0123, "1.2%"), (0.256, "26%"), (0.994, "99%"), (1.536, "154%")],
)
def test_a_part_however_small_keeps_two_figures(part: float, words: str) -> None:
    assert percent(part) == words
