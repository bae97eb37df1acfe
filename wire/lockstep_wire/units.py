"""Durations and sizes as users write them: `500us`, `2ms`, `1.5s`, `64KiB`."""

from __future__ import annotations

import re
from decimal import Decimal

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Zµ]*)", re.ASCII)
_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_BYTES = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_GREATEST_NS = 24 * 60 * 60 * 10**9


def parse_duration_ns(text: str) -> int:
    """Integer nanoseconds, 0 to one day. ValueError says how a duration is written."""
    number, unit = _split(text)
    if number == 0 and not unit:
        return 0
    if number is None or unit not in _NS:
        raise ValueError("is not a duration; write 0, or a number with its unit: 500us, 2ms, 1.5s")
    duration_ns = int(number * _NS[unit])
    if duration_ns > _GREATEST_NS:
        raise ValueError("is more than a day; write a shorter duration")
    return duration_ns


def parse_size_bytes(text: str) -> int:
    """Whole bytes, at least 1. ValueError says how a size is written."""
    number, unit = _split(text)
    if number is None or unit not in _BYTES or (size := int(number * _BYTES[unit])) < 1:
        raise ValueError("is not a size; write whole bytes, 64KiB or 1MiB")
    return size


def _split(text: str) -> tuple[Decimal | None, str]:
    match = _NUMBER.fullmatch(text.strip())
    return (Decimal(match[1]), match[2]) if match else (None, "")
