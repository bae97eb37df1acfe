"""How a number is written, wherever people read it: three digits and a unit, a dash where there is none."""

from __future__ import annotations

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
