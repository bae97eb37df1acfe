"""Confidence in differences: its title, and ratios in words."""

from __future__ import annotations

import pytest

from lockstep.analysis.comparison import THROUGHPUT, Comparison
from lockstep.analysis.intervals import Estimate
from lockstep.analysis.numbers import figures
from lockstep.report.sections.confidence import certainty_title
from lockstep.report.verdict_words import bound, estimate_words
from tests.factories.runs import series_named


def test_what_is_small_keeps_figures_and_an_end_beyond_all_reading_is_short() -> None:
    assert [figures(value) for value in (0.0123, 0.00012)] == ["0.012", "0.00012"]
    assert [bound(value) for value in (0.00012, 1.0002, 4_610.0, 2.146e14)] == [
        "0.00012",
        "1.0002",
        "4,610",
        "over 1,000,000",
    ]


def differing(*shown: bool) -> list[Comparison]:
    def estimate(differs: bool) -> Estimate:
        return Estimate(2.0, 1.5, 2.5, 3) if differs else Estimate(1.0, 0.9, 1.1, 3)

    lock, free = series_named("lock"), series_named("free")
    return [Comparison(THROUGHPUT, lock, free, 8, estimate(each)) for each in shown]


@pytest.mark.parametrize(
    ("comparisons", "title"),
    [
        (differing(True), "1 of 1 difference is "),
        (differing(True, True), "2 of 2 differences are "),
        (differing(False, False), "0 of 2 differences are "),
        (differing(True, False, False), "1 of 3 differences is "),
    ],
)
def test_confidence_is_a_count_of_significant_differences(comparisons: list[Comparison], title: str) -> None:
    assert certainty_title(comparisons) == f"{title}significant at 95%"


def test_a_ratio_without_an_interval_says_so() -> None:
    assert estimate_words(Estimate(2.0, None, None, 1)) == "2.00 (one repeat)"
    assert estimate_words(Estimate(2.0, 1.5, 2.5, 3)) == "2.00 (1.50 to 2.50)"
    assert estimate_words(Estimate(1.02, 0.9, 1.1, 3)) == "1.02 (0.900 to 1.10), not significant"
