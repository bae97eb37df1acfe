"""Response time over its percentiles, on an axis that gives every nine the same room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from lockstep.analysis.aggregate import Aggregate, Percentile, curve
from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import duration
from lockstep.analysis.series import Place, whole_groups
from lockstep.report.charts import axes
from lockstep.report.charts.picture import Chart, Row, chart_of
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, one_drawing
from lockstep.report.sections.figures import SERIES
from lockstep.report.words import contrasted, contrasting, greatest_load, named, plain, under
from lockstep.runs.histograms import decoded
from lockstep.runs.records import Cell

US_PER_MS = 1_000
P90, P99 = 1.0, 2.0
WIDTH, HEIGHT = 400, 260
LABEL_SPACE = 17


def percentile_section(material: Material) -> Section | None:
    """Every percentile of the response time that the counts support, under the greatest load."""
    top = greatest_load(material.aggregates)
    groups = whole_groups(material.cells, material.modes)
    lines = [line for each in top for line in _lines(material, each, groups[Place(each.series, each.level)])]
    thin = any(line.thin for line in lines)
    title = _percentile_title(material.aggregates, lines)
    note = (
        "Each line is, percentile by percentile, the median over the repeats, and ends where fewer than five "
        "messages of a repeat are slower."
    )
    if thin:
        note += " Dashed: round trip, counted from when a message was sent, not from when it was due."
    return one_drawing(
        "percentiles",
        title,
        note,
        (Topic.TIMES,),
        percentile_chart(lines),
        Table.of(POINTS, [(line, point) for line in lines for point in line.points]),
    )


def _lines(material: Material, each: Aggregate, cells: Sequence[Cell]) -> list[Line]:
    """One series' percentiles from due, and under open load beside them those from the send."""
    colour = material.colours[each.series]
    lines = [Line(named(each), colour, _curve(material, cells, "response"))]
    if each.series.rate_per_s is not None:
        lines.append(Line(named(each), colour, _curve(material, cells, "round_trip"), thin=True))
    return [line for line in lines if line.points]


def _curve(material: Material, cells: Sequence[Cell], phase: str) -> list[Percentile]:
    details = (material.details.get(cell.index) for cell in cells)
    texts = [detail.histograms.get(phase) for detail in details if detail is not None]
    return curve([decoded(text) for text in texts if text])


def _percentile_title(aggregates: Sequence[Aggregate], lines: Sequence[Line]) -> str:
    """By the slowest of a hundred, where the counts reach so far, else by the slowest of ten."""
    by_series = {line.series: line for line in lines if not line.thin}
    chosen = [by_series[named(each)] for each in contrasting(aggregates) if named(each) in by_series]
    for nines, share in ((P99, "100"), (P90, "10")):
        found = [(line.series, _at(line, nines)) for line in chosen]
        words = [(series, duration(value)) for series, value in found if value is not None]
        if words and len(words) == len(found):
            where = under(greatest_load(aggregates)[0])
            return f"{where}, 1 in {share} messages takes longer than {contrasted(words)}"
    return "Response times, percentile by percentile"


def _at(line: Line, nines: float) -> float | None:
    return next((point.value_us for point in line.points if point.nines == nines), None)


@dataclass(frozen=True, slots=True)
class Line:
    """One series' percentiles in one colour. thin: the round trip, beside a response from when due."""

    series: str
    colour: str
    points: Sequence[Percentile]
    thin: bool = False


POINTS: tuple[Column[tuple[Line, Percentile]], ...] = (
    SERIES.over(lambda drawn: drawn[0].series),
    Column("time", "time", lambda drawn: "round trip" if drawn[0].thin else "response", text=True),
    Column("percentile", "percentile", lambda drawn: plain(100 - 100 * 10.0 ** -drawn[1].nines)),
    Column("ms", "ms", lambda drawn: plain(drawn[1].value_us / US_PER_MS)),
)


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
