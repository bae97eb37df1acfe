"""Percentiles over nines: HdrHistogram's own values, medians over repeats, no further than counts reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from lockstep.analysis.aggregate import curve
from lockstep.runs.histograms import new_histogram, of_histogram, record_all


def histogram_of(values_ns: Sequence[int]) -> HdrHistogram:
    histogram = new_histogram()
    record_all(histogram, np.array(values_ns, dtype=np.int64))
    return histogram


def test_at_whole_nines_stand_the_percentiles_of_the_table() -> None:
    rng = np.random.default_rng(7)
    histogram = histogram_of(list(rng.lognormal(15, 1.2, 20_000).astype(int)))
    points = {point.nines: point.value_us for point in curve([histogram])}
    summary = of_histogram(histogram)
    assert summary is not None
    for nines, value_us in ((1.0, summary.p90), (2.0, summary.p99), (3.0, summary.p999)):
        assert points[nines] == pytest.approx(value_us, rel=1e-3)


def test_repeats_are_not_pooled_each_percentile_is_their_median() -> None:
    repeats = [histogram_of([value] * 100) for value in (1_000_000, 2_000_000, 90_000_000)]
    values = [point.value_us for point in curve(repeats)]
    assert values == pytest.approx([2_000] * len(values), rel=1e-3)
    assert len(values) > 20


@pytest.mark.parametrize(("count", "most_nines"), [(50, 1.0), (500, 2.0), (5_000, 3.0), (499, 1.95)])
def test_a_curve_ends_where_fewer_than_five_values_lie_beyond(count: int, most_nines: float) -> None:
    points = curve([histogram_of(range(1_000, 1_000 * (count + 1), 1_000)), histogram_of(range(1, 9_000))])
    assert points[-1].nines == most_nines


@pytest.mark.parametrize("repeats", [[], [[]], [[1_000] * 5], [[1_000] * 5, [1_000] * 900]])
def test_too_few_values_make_no_curve(repeats: list[list[int]]) -> None:
    assert curve([histogram_of(values) for values in repeats]) == []


def test_percentiles_never_fall_and_never_exceed_the_greatest_value() -> None:
    rng = np.random.default_rng(3)
    values = rng.lognormal(14, 2, 3_000).astype(int)
    found = [point.value_us for point in curve([histogram_of(list(values))])]
    assert found == sorted(found)
    assert found[-1] <= values.max() / 1_000
