"""Histograms that are filled in bulk: the same as HdrHistogram's own, value by value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockstep.runs.histograms import HIGHEST_NS, decoded, encoded, new_histogram, of_histogram, record_all

# Values of each size alike, and those where sub-buckets and buckets begin and end.
IN_RANGE = st.one_of(
    st.integers(0, 5000),
    st.integers(1, HIGHEST_NS),
    st.builds(
        lambda power, beside: min(max((1 << power) + beside, 0), HIGHEST_NS),
        st.integers(0, 39),
        st.integers(-2, 2),
    ),
    st.integers(HIGHEST_NS - 10, HIGHEST_NS),
)


def as_array(values: list[int]) -> np.typing.NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


@settings(deadline=None)
@given(st.lists(st.lists(IN_RANGE, max_size=30), max_size=4))
@example([[0, 1, 2047, 2048, 2049, 4095, 4096, HIGHEST_NS]])
@example([[HIGHEST_NS], [], [1]])
def test_bulk_recording_is_what_recording_one_by_one_gives(batches: list[list[int]]) -> None:
    bulk, single = new_histogram(), new_histogram()
    for batch in batches:
        record_all(bulk, as_array(batch))
        for value in batch:
            assert single.record_value(value)
    assert list(bulk.counts) == list(single.counts)
    assert (bulk.total_count, bulk.min_value, bulk.max_value) == (
        single.total_count,
        single.min_value,
        single.max_value,
    )
    assert encoded(bulk) == encoded(single)


@pytest.mark.parametrize(
    ("value", "counted"),
    [(0, 0), (-1, 0), (-(2**63), 0), (HIGHEST_NS + 1, HIGHEST_NS), (2**63 - 1, HIGHEST_NS)],
)
def test_what_lies_outside_counts_as_the_nearest_inside(value: int, counted: int) -> None:
    outside, inside = new_histogram(), new_histogram()
    record_all(outside, as_array([value]))
    inside.record_value(counted)
    assert list(outside.counts) == list(inside.counts)
    assert outside.max_value == counted


@settings(max_examples=25, deadline=None)
@given(st.lists(IN_RANGE, min_size=1, max_size=50))
def test_percentiles_never_exceed_the_maximum(values: list[int]) -> None:
    histogram = new_histogram()
    record_all(histogram, as_array(values))
    for result in (of_histogram(histogram), of_histogram(decoded(encoded(histogram)))):
        assert result is not None
        assert result.min <= result.p50 <= result.p90 <= result.p99 <= result.p999 <= result.max
        assert result.mean <= result.max
        assert result.count == len(values)


def test_percentiles_of_a_million_values_are_right_to_three_digits() -> None:
    values = np.random.default_rng(7).lognormal(np.log(80_000), 1.5, 1_000_000).astype(np.int64)
    histogram = new_histogram()
    for batch in np.array_split(values, 500):
        record_all(histogram, batch)
    ordered = np.sort(values)
    for kept in (histogram, decoded(encoded(histogram))):
        assert kept.get_total_count() == len(values)
        for per_10_000 in (5_000, 9_000, 9_900, 9_990, 9_999):
            exact = ordered[per_10_000 * len(values) // 10_000 - 1]
            assert kept.get_value_at_percentile(per_10_000 / 100) == pytest.approx(exact, rel=1e-3)
