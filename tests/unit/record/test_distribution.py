"""Distributions out of values and out of histograms."""

from __future__ import annotations

from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.runs.histograms import decoded, encoded, new_histogram, of_histogram, of_values


def test_nothing_counted_is_no_distribution() -> None:
    assert of_values([]) is None
    assert of_histogram(HdrHistogram(1, 10**12, 3)) is None


def test_percentiles_of_values_are_values_of_the_nearest_rank() -> None:
    result = of_values(range(1_000, 1_001_000, 1_000))
    assert result is not None
    assert (result.count, result.min, result.p50, result.p90, result.p99, result.p999, result.max) == (
        1000,
        1,
        500,
        900,
        990,
        999,
        1000,
    )
    assert result.mean == 500.5


def test_one_value_is_every_percentile() -> None:
    result = of_values([2_500])
    assert result is not None
    assert {result.min, result.mean, result.p50, result.p999, result.max} == {2.5}


def test_a_histogram_says_what_its_values_say_to_a_thousandth_and_nothing_above_its_greatest() -> None:
    values = [1_234_567 * number for number in range(1, 201)]
    histogram = HdrHistogram(1, 10**12, 3)
    for value in values:
        histogram.record_value(value)
    exact, result = of_values(values), of_histogram(histogram)
    assert exact is not None
    assert result is not None
    for name in ("min", "mean", "p50", "p90", "p99", "max"):
        assert abs(getattr(result, name) / getattr(exact, name) - 1) < 0.002
    assert result.p999 <= result.max


# The library takes its time for each.
@settings(deadline=None, max_examples=25)
@given(
    values=st.lists(st.integers(0, 600 * 10**9) | st.integers(0, 5_000), min_size=1, max_size=60),
    sent=st.booleans(),
)
def test_a_histogram_says_what_its_library_would_only_sooner(values: list[int], sent: bool) -> None:
    histogram = new_histogram()
    for value in values:
        histogram.record_value(value)
    if sent:
        histogram = decoded(encoded(histogram))
    result = of_histogram(histogram)
    assert result is not None
    maximum = histogram.get_max_value()
    assert result.mean == min(histogram.get_mean_value(), maximum) / 1_000
    for percentile, at_percentile in zip(
        (50.0, 90.0, 99.0, 99.9), (result.p50, result.p90, result.p99, result.p999), strict=True
    ):
        assert at_percentile == min(histogram.get_value_at_percentile(percentile), maximum) / 1_000
