"""Numbers as readers see them: three figures, a unit, and a dash for what was not measured."""

from __future__ import annotations

import math

ABSENT = "–"
_UNITS = ((1_000_000.0, "s"), (1_000.0, "ms"), (1.0, "µs"))


def figures(value: float) -> str:
    """Three significant figures, thousands grouped: 0.123, 9.81, 31.2, 4,610; fewer where that is small."""
    magnitude = abs(value)
    if magnitude >= 99.95:
        return f"{value:,.0f}"
    if magnitude >= 9.995:
        return f"{value:.1f}"
    if magnitude >= 0.9995 or magnitude == 0:
        return f"{value:.2f}" if magnitude else "0"
    return f"{value:.3f}" if magnitude >= 0.0005 else f"{value:.2g}"


def duration(value_us: float | None) -> str:
    """Microseconds in the unit that suits them: 812 µs, 2.31 ms, 1.02 s."""
    if value_us is None:
        return ABSENT
    for size, unit in _UNITS:
        if value_us >= size * 0.9995:
            return f"{figures(value_us / size)} {unit}"
    return f"{figures(value_us)} µs"


def rate(value_per_s: float | None) -> str:
    """A number per second, without its unit."""
    return ABSENT if value_per_s is None else figures(value_per_s)


def whole(count: int | None) -> str:
    """A count, thousands grouped."""
    return ABSENT if count is None else f"{count:,}"


def counted(count: int, noun: str) -> str:
    """`1 connection`, `32 connections`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def difference(computed: float, counted: float) -> str:
    """How far the first lies from the second, as a signed percentage of it: +1.2%, -0.3%."""
    if counted == 0:
        return ABSENT
    percent = round(100 * (computed - counted) / counted, 1)
    return f"{percent:+.1f}%" if percent else "0.0%"


def share(part: float, total: float) -> str:
    """A percentage without decimals; never 0 % or 100 % where it is not exactly so."""
    percent = 100 * part / total
    if 0 < percent < 1:
        return "under 1%"
    if 99 < percent < 100:
        return "over 99%"
    return f"{percent:.0f}%"


def percent(part: float) -> str:
    """Two significant figures, however small: 98%, 1.2%, 0.0031%; from 100% on whole numbers."""
    if part == 0 or part >= 0.995:
        return f"{part:.0%}"
    decimals = max(1 - math.floor(math.log10(100 * part)), 0)
    return f"{100 * part:.{decimals}f}%"


def plain(value: float | None) -> str:
    """Four significant figures without grouping, as a spreadsheet takes them; empty where there is none."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
