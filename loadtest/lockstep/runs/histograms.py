"""HdrHistograms of nanoseconds, filled many values at a time.

hdrhistogram records one value a call, in a microsecond; a generator that is to be as fast as C has no
microsecond to give. The arithmetic is HdrHistogram's own (Tene 2012, https://hdrhistogram.github.io/HdrHistogram/).
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram

from lockstep.runs.measures import Distribution

HIGHEST_NS = 600 * 10**9
SIGNIFICANT_DIGITS = 3

Nanoseconds = npt.NDArray[np.int64]
NS_PER_US = 1_000
PERCENTILES = (50.0, 90.0, 99.0, 99.9)


# HdrHistogram's V2 form: cookie and length around a deflated payload, which has a head of its own: cookie,
# length, offset, digits, lowest, highest, ratio.
_OUTER, _INNER = struct.Struct(">II"), struct.Struct(">IIIIQQd")
# Of each of some 30,000 counts nine bytes at most.
_LARGEST_BYTES = 1 << 20
_DAMAGES = (HdrCookieException, HdrLengthException, HdrHistogramSettingsException)


def new_histogram() -> HdrHistogram:
    """Nanoseconds up to ten minutes, to three significant digits."""
    return HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS)


def record_all(histogram: HdrHistogram, values_ns: Nanoseconds) -> None:
    """Record every value, shape (values,); below 0 counts as 0, beyond the highest as the highest."""
    if not len(values_ns):
        return
    values = np.clip(values_ns, 0, HIGHEST_NS)
    places = _indices(histogram, values)
    first = int(places.min())
    # Counted among themselves, and only then among the histogram's: one by one takes ten times as long.
    found = np.bincount(places - first)
    counts = np.frombuffer(histogram.counts, dtype=np.int64)
    counts[first : first + len(found)] += found
    histogram.total_count += len(values)
    histogram.min_value = min(histogram.min_value, int(values.min()))
    histogram.max_value = max(histogram.max_value, int(values.max()))


def encoded(histogram: HdrHistogram) -> str:
    """HdrHistogram's own base64 form."""
    text: bytes = histogram.encode()
    return text.decode("ascii")


def decoded(text: str) -> HdrHistogram:
    """The reverse of `encoded`. ValueError where it is nothing that `encoded` gives."""
    try:
        # The library would take whatever the bytes come to into memory, and as many counts as they name.
        packed = base64.b64decode(text, validate=True)[_OUTER.size :]
        header = zlib.decompressobj().decompress(packed, _INNER.size)
        digits, lowest, highest = _INNER.unpack(header)[3:6]
        if not (digits <= SIGNIFICANT_DIGITS and lowest >= 1 and highest <= HIGHEST_NS):
            raise ValueError("is finer than any that a run leaves")
        inflated = zlib.decompressobj().decompress(packed, _LARGEST_BYTES)
        if len(inflated) == _LARGEST_BYTES:
            raise ValueError("is larger than any that a run leaves")
        return HdrHistogram.decode(text.encode("ascii"))
    except (*_DAMAGES, struct.error, zlib.error, IndexError, TypeError) as error:
        raise ValueError(str(error)) from error


def _indices(histogram: HdrHistogram, values: Nanoseconds) -> Nanoseconds:
    """Each value's place among the histogram's counts.

    The values of a bucket share their power of two; within it they are cut into equal sub-buckets. The
    exponent of a double gives that power exactly, for no value here has more than its 53 bits.
    """
    half_magnitude = histogram.sub_bucket_half_count_magnitude
    bits = np.frexp((values | histogram.sub_bucket_mask).astype(np.float64))[1]
    bucket = bits.astype(np.int64) - (half_magnitude + 1)
    sub_bucket = values >> bucket
    indices: Nanoseconds = ((bucket + 1) << half_magnitude) + sub_bucket - histogram.sub_bucket_half_count
    return indices


def of_values(values_ns: Iterable[int]) -> Distribution | None:
    """The exact distribution of some values; percentiles are the nearest rank's: measured values."""
    ordered = sorted(values_ns)
    if not ordered:
        return None
    p50, p90, p99, p999 = (_nearest_rank(ordered, percentile) / NS_PER_US for percentile in PERCENTILES)
    mean = sum(ordered) / len(ordered) / NS_PER_US
    return Distribution(
        len(ordered), ordered[0] / NS_PER_US, mean, p50, p90, p99, p999, ordered[-1] / NS_PER_US
    )


def of_histogram(histogram_ns: HdrHistogram) -> Distribution | None:
    """The distribution of a histogram of nanoseconds, as exact as its buckets.

    A bucket stands for its highest value, which may lie above the highest one recorded: percentiles
    and the mean are capped at max.
    """
    total = histogram_ns.get_total_count()
    if total == 0:
        return None
    max_ns: int = histogram_ns.get_max_value()

    def capped_us(value_ns: float) -> float:
        return min(value_ns, max_ns) / NS_PER_US

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
    min_us = histogram_ns.get_min_value() / NS_PER_US
    mean_us = capped_us(sum_ns / total)
    return Distribution(total, min_us, mean_us, p50, p90, p99, p999, max_ns / NS_PER_US)


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
