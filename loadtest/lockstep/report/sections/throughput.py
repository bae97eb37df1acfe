"""How throughput follows the level, with the scalability law where it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import altair as alt
import numpy as np

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import figures
from lockstep.analysis.scalability import Scaling, Unfit, UslFit
from lockstep.analysis.series import Series, SeriesIndex
from lockstep.report.charts import axes
from lockstep.report.charts.picture import Chart, chart_of
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, one_drawing
from lockstep.report.sections.figures import LEVEL, SERIES, THROUGHPUT
from lockstep.report.sections.scalability import scalability_sentence
from lockstep.report.words import contrasted, contrasting, counted, named, plain, whole
from lockstep.runs.records import Cell

WIDTH, HEIGHT = 296, 300
LABEL_SPACE = 20
# A curve goes on to its peak where that is no further than this from what was measured.
PEAK_WITHIN = 2.0
_CURVE_POINTS = 60
# Solid is what was measured or fitted to it; dashed what lies beyond, or joins points that no law explains.
_DASHES = {"measured": [1, 0], "beyond": [5, 4], "no law": [2, 3]}


REPEATS: tuple[Column[tuple[Series, Cell]], ...] = (
    SERIES.over(lambda drawn: drawn[0].name),
    LEVEL.over(lambda drawn: whole(drawn[1].level)),
    Column("repeat", "repeat", lambda drawn: whole(drawn[1].repeat)),
    THROUGHPUT.over(lambda drawn: plain(drawn[1].messages_per_s)),
)


def throughput_section(material: Material) -> Section | None:
    """Messages per second over connections, with the scalability law where it fits."""
    closed = [each for each in material.aggregates if each.series.rate_per_s is None]
    index = SeriesIndex(material.cells)
    drawn = [(index.of(cell), cell) for cell in material.cells if cell.whole and cell.rate_per_s is None]
    laws = any(each.law is not None for each in material.scalings)
    line = "the scalability law where it fits, else their medians" if laws else "their medians"
    law = scalability_sentence(material.scalings)
    return one_drawing(
        "throughput",
        throughput_title(closed),
        f"A dot is one repeat, the line runs through {line}." + ("" if law is None else f" {law}"),
        (Topic.THROUGHPUT,),
        throughput_chart(material.cells, closed, material.colours, material.scalings),
        Table.of(REPEATS, drawn),
    )


def throughput_title(aggregates: Sequence[Aggregate]) -> str:
    """How throughput follows the level."""
    levels = sorted({each.level for each in aggregates})
    grown = [(named(each), _growth(aggregates, each, levels[0])) for each in contrasting(aggregates)]
    found = [(series, growth) for series, growth in grown if growth is not None]
    if not found:
        return f"Throughput at {counted(levels[-1], 'connection')}" if levels else "Throughput"
    verb = "grows" if all(growth >= 1 for _, growth in found) else "changes"
    span = f"From {levels[0]} to {counted(levels[-1], 'connection')}"
    factors = contrasted([(series, figures(growth)) for series, growth in found])
    return f"{span}, throughput {verb} by a factor of {factors}"


def _growth(aggregates: Sequence[Aggregate], top: Aggregate, least_level: int) -> float | None:
    """Throughput at this level over that at the lowest; None where either is none, or they are one."""
    at_least = (each for each in aggregates if (each.series, each.level) == (top.series, least_level))
    lowest = sum(map(_throughput, at_least))
    return _throughput(top) / lowest if lowest and _throughput(top) and top.level != least_level else None


def _throughput(each: Aggregate) -> float:
    return each.messages_per_s.median if each.messages_per_s is not None else 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """Messages per second of one series at one level. part: which line it belongs to, and how that looks."""

    series: str
    level: float
    rate: float
    part: str = "measured"


def throughput_chart(
    cells: Sequence[Cell],
    aggregates: Sequence[Aggregate],
    colours: Mapping[Series, str],
    scalings: Sequence[Scaling] = (),
) -> Chart | None:
    """Messages per second over connections, under closed load.

    Through the points runs the law, beyond them (dashed) to its peak where that is near; without a law a line
    through the medians, dotted where a law was tried and does not fit. None where nothing was answered, and
    where there is one level only or the load is open: a table says that better.
    """
    index = SeriesIndex(cells)
    points = [
        Point(index.of(cell).name, cell.level, cell.messages_per_s)
        for cell in cells
        if cell.whole and cell.arrival == "closed"
    ]
    levels = sorted({point.level for point in points})
    if len(levels) < 2 or not any(point.rate for point in points):
        return None
    lines = _lines(aggregates, scalings)
    axis = axes.suited([point.rate for point in (*points, *lines)])
    palette = alt.Scale(domain=[series.name for series in colours], range=list(colours.values()))
    shared = {
        "x": _levels(levels, max(point.level for point in lines)),
        "y": _rates(axis),
        "color": alt.Color("series:N", legend=None, scale=palette),
    }
    part = alt.Detail("part:N")
    looks = alt.Scale(domain=list(_DASHES), range=list(_DASHES.values()))
    dash = alt.StrokeDash("part:N", legend=None, scale=looks)
    peaks = _chart(_peaks(scalings, levels[-1]))
    layers = [
        _chart(lines).mark_line(strokeWidth=2.5).encode(**shared, strokeDash=dash, detail=part),
        _chart(points).mark_point(filled=True, size=42, opacity=0.75).encode(**shared),
        peaks.mark_point(shape="diamond", size=150, strokeWidth=2).encode(**shared),
        _chart(_labels(lines, axis, LABEL_SPACE / HEIGHT))
        .mark_text(align="left", dx=10, fontWeight=600, fontSize=13)
        .encode(**shared, text=alt.Text("series:N")),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _lines(aggregates: Sequence[Aggregate], scalings: Sequence[Scaling]) -> list[Point]:
    """What is drawn through each series' points."""
    by_series = {each.series: each for each in scalings}
    lines: list[Point] = []
    for series in dict.fromkeys(each.series for each in aggregates if each.series.rate_per_s is None):
        scaling = by_series.get(series)
        if scaling is not None and scaling.law is not None:
            lines += _curve(series.name, scaling.law, scaling.levels)
            continue
        part = "no law" if scaling is not None and scaling.unfit is Unfit.NO_FIT else "measured"
        lines += [
            Point(series.name, each.level, each.messages_per_s.median, part)
            for each in aggregates
            if each.series == series and each.messages_per_s is not None
        ]
    return lines


def _curve(series: str, law: UslFit, levels: Sequence[int]) -> list[Point]:
    points = [Point(series, level, law.curve.at(level)) for level in _between(levels[0], levels[-1])]
    peak = law.peak
    if peak is not None and levels[-1] < peak.value <= PEAK_WITHIN * levels[-1]:
        beyond = _between(levels[-1], peak.value)
        points += [Point(series, level, law.curve.at(level), "beyond") for level in beyond]
    return points


def _between(low: float, high: float) -> list[float]:
    levels: list[float] = np.geomspace(low, high, _CURVE_POINTS).tolist()
    return levels


def _peaks(scalings: Sequence[Scaling], greatest_level: float) -> list[Point]:
    """The predicted peaks that are near enough to be shown."""
    return [
        Point(each.series.name, law.peak.value, law.curve.at(law.peak.value))
        for each in scalings
        if (law := each.law) is not None
        and law.peak is not None
        and each.levels[0] <= law.peak.value <= PEAK_WITHIN * greatest_level
    ]


def _chart(points: Sequence[Point]) -> alt.Chart:
    return chart_of([asdict(point) for point in points])


def _rates(axis: axes.Axis) -> alt.Y:
    return alt.Y(
        "rate:Q",
        title="messages per second",
        scale=alt.Scale(type=axis.kind, domain=[axis.low, axis.high], nice=False),
        axis=alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT, titlePadding=14),
    )


def _levels(levels: Sequence[float], highest: float) -> alt.X:
    return alt.X(
        "level:Q",
        title="connections",
        scale=alt.Scale(type="log", base=2, domain=[levels[0] / 1.3, highest * 1.3], nice=False),
        axis=alt.Axis(values=list(levels), grid=False, format="d"),
    )


def _labels(lines: Sequence[Point], axis: axes.Axis, gap: float) -> list[Point]:
    """Each series' name at the end of its line, moved off its neighbours' by a part of the height."""
    ends = list({point.series: point for point in sorted(lines, key=lambda point: point.level)}.values())
    fractions = axes.apart([axis.fraction(point.rate) for point in ends], gap)
    return [
        replace(point, rate=axis.value(fraction)) for point, fraction in zip(ends, fractions, strict=True)
    ]
