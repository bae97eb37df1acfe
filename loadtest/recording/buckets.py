"""Locust's response-time buckets, fine enough for loopback TCP."""

from __future__ import annotations

import math

import locust.stats


def three_digits(response_time_ms: float) -> float:
    """Milliseconds to three significant digits.

    0.1234 becomes 0.123, 5678 becomes 5680; nothing below zero.
    """
    if response_time_ms <= 0:
        return 0.0
    return round(response_time_ms, 2 - math.floor(math.log10(response_time_ms)))


def finely(value: float, digits: int = 0) -> float:
    """Stands in for Locust's rounding of the table's least and greatest times to whole milliseconds."""
    return round(value, max(digits, 3))


def install() -> None:
    """Give Locust's statistics their fractions of a millisecond. Needed on the master and on every worker.

    The bucket function is Locust's documented hook; its table's Min and Max have none, so their rounding is
    replaced too.
    """
    for name, function in (("bucket_response_time", three_digits), ("proper_round", finely)):
        assert hasattr(locust.stats, name), f"Locust has no {name} any more"
        setattr(locust.stats, name, function)
