"""Locust's own table, filled in bulk.

The same numbers as one `log_request` for each message, at a hundredth of the price.
"""

from __future__ import annotations

import time

import numpy as np
from locust.stats import RequestStats, StatsEntry

from lockstep.record import buckets
from lockstep.record.histograms import Nanoseconds
from lockstep.record.journal import Batch
from lockstep.tcp.samples import Phase

# How Locust's table calls a phase; what is missing is not shown there.
REQUEST_TYPES: dict[Phase, str] = {
    phase: phase.value.replace("_", " ") for phase in Phase if phase is not Phase.LAG
}
# Steps of a connection around its messages: where they went well they are no part of the row `Aggregated`.
OWN_ROW_ONLY = frozenset(
    name for phase, name in REQUEST_TYPES.items() if phase not in (Phase.MESSAGE, Phase.SEND)
)


def fill(stats: RequestStats, name: str, batch: Batch) -> None:
    """Enter a batch under this name, a row for each phase."""
    offset_s = time.time() - time.monotonic()
    for phase, rows in batch.steps.items():
        if phase in REQUEST_TYPES:
            starts_ns, ends_ns = rows.T
            _enter(stats, name, REQUEST_TYPES[phase], starts_ns, ends_ns, 0, offset_s)
    if len(batch.messages):
        _, sent_ns, ends_ns, _, _, _, received_bytes = batch.messages.T
        received = int(received_bytes.sum())
        _enter(stats, name, REQUEST_TYPES[Phase.MESSAGE], sent_ns, ends_ns, received, offset_s)


def _enter(
    stats: RequestStats,
    name: str,
    request_type: str,
    starts_ns: Nanoseconds,
    ends_ns: Nanoseconds,
    received_bytes: int,
    offset_s: float,
) -> None:
    """Rows of one request type, in its own row of the table and, where they belong there, in the total.

    starts_ns, ends_ns: monotonic; offset_s makes them the time of day that Locust keeps.
    """
    elapsed_ns = ends_ns - starts_ns
    times, counts = np.unique(three_digits(elapsed_ns / 1e6), return_counts=True)
    buckets = dict(zip(times.tolist(), counts.tolist(), strict=True))
    begun_s, first_s, last_s = (
        float(each) / 1e9 + offset_s for each in (starts_ns.min(), ends_ns.min(), ends_ns.max())
    )
    per_second = {int(last_s): len(ends_ns)}
    if int(first_s) != int(last_s):
        seconds, numbers = np.unique((ends_ns / 1e9 + offset_s).astype(np.int64), return_counts=True)
        per_second = dict(zip(seconds.tolist(), numbers.tolist(), strict=True))
    own = stats.entries[name, request_type]
    for entry in (own,) if request_type in OWN_ROW_ONLY else (own, stats.total):
        _note_time(entry, last_s)
        entry.num_requests += len(elapsed_ns)
        entry.total_response_time += float(elapsed_ns.sum()) / 1e6  # type: ignore[assignment]
        _extend(entry, float(elapsed_ns.min()) / 1e6, float(elapsed_ns.max()) / 1e6)
        # Locust's is the time at which it first heard of the entry: here half a second late.
        entry.start_time = min(entry.start_time, begun_s)
        entry.total_content_length += received_bytes
        for bucket, count in buckets.items():
            entry.response_times[bucket] += count
        for second, number in per_second.items():
            entry.num_reqs_per_sec[second] += number
    touch(stats, last_s)


def _extend(entry: StatsEntry, least_ms: float, greatest_ms: float) -> None:
    known = entry.min_response_time
    entry.min_response_time = least_ms if known is None else min(known, least_ms)  # type: ignore[assignment]
    entry.max_response_time = max(entry.max_response_time, greatest_ms)  # type: ignore[assignment]


def touch(stats: RequestStats, at_s: float) -> None:
    """Something was over at this time of day. Every row's rate is of the ten seconds before the last such."""
    _note_time(stats.total, at_s)


def _note_time(entry: StatsEntry, at_s: float) -> None:
    """Keep the copies of which Locust makes its current percentiles, as its own `log` does."""
    last = entry.last_request_timestamp
    if entry.use_response_times_cache and last and int(at_s) > int(last):
        entry._cache_response_times(int(at_s) - 1)
    entry.last_request_timestamp = max(last or 0.0, at_s)


def three_digits(times_ms: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    """Milliseconds to three significant digits, as buckets.three_digits has them one by one."""
    positive = np.where(times_ms > 0, times_ms, 1.0)
    decimals = 2 - np.floor(np.log10(positive))
    scale = 10.0 ** np.abs(decimals)
    scaled = np.where(decimals >= 0, positive * scale, positive / scale)
    # Dividing by a power of ten gives the double nearest to the digits; multiplying by its inverse may not.
    digits = np.round(scaled)
    rounded = np.where(decimals >= 0, digits / scale, digits * scale)
    # Half-way between two digits it depends on the last bit of the double, which scaling may have changed.
    half_way = np.abs(scaled - np.floor(scaled) - 0.5) < 1e-6
    rounded[half_way] = [buckets.three_digits(time_ms) for time_ms in positive[half_way].tolist()]
    return np.where(times_ms > 0, rounded, 0.0)
