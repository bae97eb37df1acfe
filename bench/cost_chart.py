"""The chart of what work costs as it grows: messages a processor second and memory, over connections."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from bench.findings import Growth
from lockstep.report.charts.picture import INK, Layers, Row, chart_of, to_svg

WIDTH, HEIGHT = 280, 210
COLOUR = "#2f6f9f"


def cost_svg(growth: Growth) -> str:
    """Two charts side by side, both with connections on a logarithmic axis and a value axis from 0."""
    levels = [point.connections for point in growth.points]
    rates = [point.per_cpu_s / 1e3 for point in growth.points]
    memory = [point.resident_bytes / 1e6 for point in growth.points]
    both = alt.hconcat(
        _panel(levels, rates, "thousand messages per CPU second"),
        _panel(levels, memory, "resident memory, MB"),
    )
    return to_svg(both, "cost", label_of(growth))


def label_of(growth: Growth) -> str:
    """What the chart shows, in a sentence."""
    first, last = growth.points[0], growth.points[-1]
    return (
        f"From {first.connections:,} to {last.connections:,} connections: {first.per_cpu_s:,.0f} to"
        f" {last.per_cpu_s:,.0f} messages per CPU second, {first.resident_bytes / 1e6:,.0f} to"
        f" {last.resident_bytes / 1e6:,.0f} MB"
    )


def _panel(levels: Sequence[int], values: Sequence[float], title: str) -> Layers:
    rows: list[Row] = [
        {"connections": level, "value": value, "words": f"{value:.0f}"}
        for level, value in zip(levels, values, strict=True)
    ]
    axis = alt.Axis(values=list(levels), title="connections", format=",d", grid=False)
    base = chart_of(rows).encode(
        x=alt.X("connections:Q", scale=alt.Scale(type="log"), axis=axis),
        y=alt.Y("value:Q", scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(title=title, tickCount=5)),
    )
    line = base.mark_line(color=COLOUR, strokeWidth=2)
    dots = base.mark_point(color=COLOUR, filled=True, size=50)
    words = base.mark_text(dy=-10, fill=INK, fontSize=12).encode(text="words:N")
    return alt.layer(line, dots, words).properties(width=WIDTH, height=HEIGHT)
