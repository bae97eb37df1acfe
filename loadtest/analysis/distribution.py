"""Nanoseconds in, a Distribution in microseconds out; None where nothing was counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hdrh.histogram import HdrHistogram

from loadtest.results import Distribution

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
    count = histogram_ns.get_total_count()
    if count == 0:
        return None
    greatest_ns: int = histogram_ns.get_max_value()

    def capped_us(value_ns: float) -> float:
        return min(value_ns, greatest_ns) / NS_PER_US

    p50, p90, p99, p999 = (capped_us(histogram_ns.get_value_at_percentile(each)) for each in PERCENTILES)
    least_us = histogram_ns.get_min_value() / NS_PER_US
    mean_us = capped_us(histogram_ns.get_mean_value())
    return Distribution(count, least_us, mean_us, p50, p90, p99, p999, greatest_ns / NS_PER_US)


def _nearest_rank(ordered: Sequence[int], percentile: float) -> int:
    """The smallest value with at least this percentage of the values at or below it."""
    # Tenths of a percent in integers: 99.9 has no exact binary fraction, and a rank must not slip by one.
    rank = -(-round(percentile * 10) * len(ordered) // 1_000)
    return ordered[rank - 1]
