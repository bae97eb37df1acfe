"""Locust's response-time buckets, fine enough for loopback TCP."""

from __future__ import annotations

import math

import locust.stats


def three_digits(response_time_ms: float) -> float:
    """Milliseconds to three significant digits: 0.1234 becomes 0.123, 5678 becomes 5680; nothing below zero."""
    if response_time_ms <= 0:
        return 0.0
    return round(response_time_ms, 2 - math.floor(math.log10(response_time_ms)))


def install() -> None:
    """Replace Locust's hook, which rounds to whole milliseconds. Needed on the master and on every worker."""
    locust.stats.bucket_response_time = three_digits  # type: ignore[assignment]
