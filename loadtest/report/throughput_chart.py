"""Throughput against level: a point for every repeat, a line through the medians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import altair as alt

from loadtest.analysis.aggregate import Aggregate
from loadtest.analysis.series import series_names
from loadtest.report import axes
from loadtest.report.svg import Chart, chart_of
from loadtest.results import Cell

WIDTH, HEIGHT = 296, 300
# With a single level there is no course to follow, only points to compare.
HEIGHT_OF_ONE_LEVEL = 140
LABEL_SPACE = 20


@dataclass(frozen=True, slots=True)
class Point:
    """Messages per second of one series at one level."""

    series: str
    level: int
    rate: float


def throughput_chart(
    cells: Sequence[Cell], aggregates: Sequence[Aggregate], colours: dict[str, str]
) -> Chart | None:
    """Messages per second over connections; None where nothing was answered."""
    names = series_names(cells)
    points = [
        Point(names[cell.index], cell.level, cell.messages_per_s) for cell in cells if not cell.cut_short
    ]
    if not any(point.rate for point in points):
        return None
    medians = [
        Point(each.series, each.level, each.messages_per_s.median)
        for each in aggregates
        if each.messages_per_s is not None
    ]
    axis = axes.suited([point.rate for point in points])
    levels = sorted({point.level for point in points})
    height = HEIGHT if len(levels) > 1 else HEIGHT_OF_ONE_LEVEL
    x = _levels(levels)
    y = alt.Y(
        "rate:Q",
        title="messages per second",
        scale=alt.Scale(type=axis.kind, domain=[axis.low, axis.high], nice=False),
        axis=alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT, titlePadding=14),
    )
    palette = alt.Scale(domain=list(colours), range=list(colours.values()))
    colour = alt.Color("series:N", legend=None, scale=palette)
    line = _chart(medians).mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour)
    dots = _chart(points).mark_point(filled=True, size=42, opacity=0.75).encode(x=x, y=y, color=colour)
    names_at_end = (
        _chart(_labels(medians, axis, LABEL_SPACE / height))
        .mark_text(align="left", dx=10, fontWeight=600, fontSize=13)
        .encode(x=x, y=y, color=colour, text=alt.Text("series:N"))
    )
    return alt.layer(line, dots, names_at_end).properties(width=WIDTH, height=height)


def _chart(points: Sequence[Point]) -> alt.Chart:
    return chart_of([asdict(point) for point in points])


def _levels(levels: Sequence[int]) -> alt.X:
    return alt.X(
        "level:Q",
        title="connections at once",
        scale=alt.Scale(type="log", base=2, domain=[levels[0] / 1.3, levels[-1] * 1.3], nice=False),
        axis=alt.Axis(values=list(levels), grid=False, format="d"),
    )


def _labels(medians: Sequence[Point], axis: axes.Axis, gap: float) -> list[Point]:
    """Each series' name at the end of its line, moved off its neighbours' by a part of the height."""
    ends = list({point.series: point for point in sorted(medians, key=lambda point: point.level)}.values())
    fractions = axes.apart([axis.fraction(point.rate) for point in ends], gap)
    return [
        replace(point, rate=axis.value(fraction)) for point, fraction in zip(ends, fractions, strict=True)
    ]
