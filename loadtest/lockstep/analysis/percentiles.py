"""Percentiles of a distribution over its nines: how slow the slowest are, as far as the count can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from hdrh.histogram import HdrHistogram

NS_PER_US = 1_000
# A percentile of which fewer values lie beyond is the luck of a few.
FEWEST_BEYOND = 5
_STEPS_PER_NINE = 20


@dataclass(frozen=True, slots=True)
class Percentile:
    """One point: nines is -log10 of the share beyond it (0 is the least, 1 is p90, 2 is p99, 3 is p99.9)."""

    nines: float
    value_us: float


def curve(histograms_ns: Sequence[HdrHistogram]) -> list[Percentile]:
    """The percentiles of several repeats, percentile by percentile the median over them; never pooled.

    histograms_ns: nanoseconds, one histogram a repeat; those without a value are left out. Twenty points for
    each nine, up to where each repeat still has FEWEST_BEYOND values beyond. Empty where none has as many.
    """
    counts = [count for each in histograms_ns if (count := each.get_total_count())]
    if not counts or min(counts) <= FEWEST_BEYOND:
        return []
    most_nines = np.log10(min(counts) / FEWEST_BEYOND)
    nines = [step / _STEPS_PER_NINE for step in range(int(most_nines * _STEPS_PER_NINE) + 1)]
    repeats = [list(_values_us(each, nines)) for each in histograms_ns if each.get_total_count()]
    return [
        Percentile(each, median(values))
        for each, values in zip(nines, zip(*repeats, strict=True), strict=True)
    ]


def _values_us(histogram_ns: HdrHistogram, nines: Sequence[float]) -> Iterator[float]:
    """The percentile at each of the nines: the upper end of the bucket that HdrHistogram would name."""
    counts = np.frombuffer(histogram_ns.counts, dtype=np.uint64)
    reached = np.cumsum(counts)
    total = int(reached[-1])
    greatest_ns = histogram_ns.get_max_value()
    for each in nines:
        rank = max(1, int(total * (1 - 10.0**-each) + 0.5))
        index = int(np.searchsorted(reached, rank))
        upper_ns = histogram_ns.get_highest_equivalent_value(histogram_ns.get_value_from_index(index))
        yield min(upper_ns, greatest_ns) / NS_PER_US
