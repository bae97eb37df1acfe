"""Response time over its percentiles, on an axis that gives every nine the same room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from lockstep.analysis.aggregate import Percentile
from lockstep.report import axes
from lockstep.report.svg import Chart, Row, chart_of

WIDTH, HEIGHT = 400, 260
LABEL_SPACE = 17
US_PER_MS = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """One series' percentiles in one colour. thin: the round trip, beside a response from when due."""

    series: str
    colour: str
    points: Sequence[Percentile]
    thin: bool = False


def percentile_chart(lines: Sequence[Line]) -> Chart | None:
    """Milliseconds over nines; None where there are no points."""
    drawn = [line for line in lines if line.points]
    values = [point.value_us / US_PER_MS for line in drawn for point in line.points if point.value_us > 0]
    if not values:
        return None
    axis = axes.logarithmic(values)
    most = max(point.nines for line in drawn for point in line.points)
    x = alt.X(
        "nines:Q",
        title="percentile of messages",
        scale=alt.Scale(domain=[0, most], nice=False),
        axis=alt.Axis(values=list(range(int(most) + 1)), labelExpr=_percent()),
    )
    y = alt.Y(
        "ms:Q",
        title="milliseconds",
        scale=alt.Scale(type="log", domain=[axis.low, axis.high], nice=False),
        axis=alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT, titlePadding=10),
    )
    colour = alt.Color("colour:N", scale=None)
    layers = [_line(line).encode(x=x, y=y, color=colour) for line in drawn]
    names = (
        chart_of(_names(drawn, axis))
        .mark_text(align="left", dx=6, fontWeight=600, fontSize=12.5)
        .encode(x=x, y=y, color=colour, text=alt.Text("series:N"))
    )
    return alt.layer(*layers, names).properties(width=WIDTH, height=HEIGHT)


def _line(line: Line) -> alt.Chart:
    rows: list[Row] = [
        {"nines": point.nines, "ms": point.value_us / US_PER_MS, "colour": line.colour}
        for point in line.points
        if point.value_us > 0
    ]
    width, dash = (1.2, [4, 3]) if line.thin else (2.4, [1, 0])
    drawn: alt.Chart = chart_of(rows).mark_line(interpolate="monotone", strokeWidth=width, strokeDash=dash)
    return drawn


def _names(lines: Sequence[Line], axis: axes.Axis) -> list[Row]:
    """Each series' name where its line ends, moved off its neighbours' by a part of the height."""
    named = [line for line in lines if not line.thin]
    ends = [axis.fraction(line.points[-1].value_us / US_PER_MS) for line in named]
    moved = axes.apart(ends, LABEL_SPACE / HEIGHT)
    return [
        {
            "series": line.series,
            "colour": line.colour,
            "nines": line.points[-1].nines,
            "ms": axis.value(fraction),
        }
        for line, fraction in zip(named, moved, strict=True)
    ]


def _percent() -> str:
    """Labels of whole nines in Vega's language: 0%, 90%, 99%, 99.9%."""
    return "datum.value == 0 ? '0%' : format(100 - 100 * pow(10, -datum.value), '.10~r') + '%'"
