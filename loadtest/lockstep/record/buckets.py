"""Times as Locust's table keeps and shows them: three significant digits of a millisecond."""

from __future__ import annotations

import math


def three_digits(response_time_ms: float) -> float:
    """Milliseconds to three significant digits.

    0.1234 becomes 0.123, 5678 becomes 5680; nothing below zero.
    """
    if response_time_ms <= 0:
        return 0.0
    return round(response_time_ms, 2 - math.floor(math.log10(response_time_ms)))


def in_a_column(response_time_ms: float) -> str:
    """Milliseconds for a column of seven characters: 0.123, 45.6 and, from a second on, whole ones."""
    return f"{response_time_ms:.0f}" if response_time_ms >= 1000 else f"{three_digits(response_time_ms):g}"
