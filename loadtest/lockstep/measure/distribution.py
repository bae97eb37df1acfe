"""Nanoseconds in, a Distribution in microseconds out; None where nothing was counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

from lockstep.runs.measures import Distribution

NS_PER_US = 1_000
PERCENTILES = (50.0, 90.0, 99.0, 99.9)


def of_values(values_ns: Iterable[int]) -> Distribution | None:
    """The exact distribution of some values; percentiles are the nearest rank's: measured values."""
    ordered = sorted(values_ns)
    if not ordered:
        return None
    p50, p90, p99, p999 = (_nearest_rank(ordered, percentile) / NS_PER_US for percentile in PERCENTILES)
    mean = sum(ordered) / len(ordered) / NS_PER_US
    least, greatest = ordered[0] / NS_PER_US, ordered[-1] / NS_PER_US
    return Distribution(len(ordered), least, mean, p50, p90, p99, p999, greatest)


def of_histogram(histogram_ns: HdrHistogram) -> Distribution | None:
    """The distribution of a histogram of nanoseconds, as exact as its buckets.

    A bucket stands for its greatest value, which may lie above the greatest one recorded: percentiles
    and the mean are capped at max.
    """
    total = histogram_ns.get_total_count()
    if total == 0:
        return None
    greatest_ns: int = histogram_ns.get_max_value()

    def capped_us(value_ns: float) -> float:
        return min(value_ns, greatest_ns) / NS_PER_US

    # The library's own would walk all of its tens of thousands of buckets, one by one, for each figure: a
    # second for every cell, in which its process does nothing else.
    counts = np.frombuffer(histogram_ns.counts, dtype=np.uint64)
    filled = np.flatnonzero(counts)
    reached = np.cumsum(counts[filled])

    def at_percentile_us(percentile: float) -> float:
        rank = histogram_ns.get_target_count_at_percentile(percentile)
        index = int(filled[np.searchsorted(reached, rank)])
        return capped_us(histogram_ns.get_highest_equivalent_value(histogram_ns.get_value_from_index(index)))

    p50, p90, p99, p999 = map(at_percentile_us, PERCENTILES)
    middles = _middles(histogram_ns, filled)
    sum_ns = sum(int(counts[index]) * middle for index, middle in zip(filled, middles, strict=True))
    least_us = histogram_ns.get_min_value() / NS_PER_US
    mean_us = capped_us(sum_ns / total)
    return Distribution(total, least_us, mean_us, p50, p90, p99, p999, greatest_ns / NS_PER_US)


def _middles(histogram_ns: HdrHistogram, indices: npt.NDArray[np.intp]) -> list[int]:
    """The value in the middle of each of these buckets, which stands for all that are in it."""
    half_count, magnitude = histogram_ns.sub_bucket_half_count, histogram_ns.sub_bucket_half_count_magnitude
    # Below the first power of two there is no bucket of its own: its values are the lower half of the next.
    shift = np.maximum((indices >> magnitude) - 1, 0)
    sub_bucket = np.where(indices < half_count, indices, (indices & (half_count - 1)) + half_count)
    shift = shift + histogram_ns.unit_magnitude
    middles: list[int] = ((sub_bucket << shift) + ((1 << shift) >> 1)).tolist()
    return middles


def _nearest_rank(ordered: Sequence[int], percentile: float) -> int:
    """The smallest value with at least this percentage of the values at or below it."""
    # Tenths of a percent in integers: 99.9 has no exact binary fraction, and a rank must not slip by one.
    rank = -(-round(percentile * 10) * len(ordered) // 1_000)
    return ordered[rank - 1]
