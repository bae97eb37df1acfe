"""HdrHistograms of nanoseconds, filled many values at a time.

hdrhistogram records one value a call, in a microsecond; a generator that is to be as fast as C has no
microsecond to give. The arithmetic is HdrHistogram's own (Tene 2012, https://hdrhistogram.github.io/HdrHistogram/).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

HIGHEST_NS = 600 * 10**9
SIGNIFICANT_DIGITS = 3

Nanoseconds = npt.NDArray[np.int64]


def new_histogram() -> HdrHistogram:
    """Nanoseconds up to ten minutes, to three significant digits."""
    return HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS)


def record_all(histogram: HdrHistogram, values_ns: Nanoseconds) -> None:
    """Record every value; below 0 counts as 0, beyond the highest as the highest."""
    if not len(values_ns):
        return
    values = np.clip(values_ns, 0, HIGHEST_NS)
    counts = np.frombuffer(histogram.counts, dtype=np.uint64)
    np.add.at(counts, _indices(histogram, values), 1)
    histogram.total_count += len(values)
    histogram.min_value = min(histogram.min_value, int(values.min()))
    histogram.max_value = max(histogram.max_value, int(values.max()))


def encoded(histogram: HdrHistogram) -> str:
    """HdrHistogram's own base64 form."""
    text: bytes = histogram.encode()
    return text.decode("ascii")


def decoded(text: str) -> HdrHistogram:
    """The reverse of `encoded`."""
    return HdrHistogram.decode(text.encode("ascii"))


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
