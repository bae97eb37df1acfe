"""The charts of a history: throughput and response p99 over the runs, one of each for every level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import altair as alt

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.analysis.history import Entry, History
from lockstep.report.charts import axes
from lockstep.report.charts.picture import Chart, chart_of
from lockstep.report.section import Column, Section, Table, one_drawing
from lockstep.report.sections.figures import SERIES
from lockstep.report.words import contrasted, counted, duration, rate

US_PER_MS = 1_000.0
# A title speaks of no more series than a reader can hold.
MAX_NAMED = 3
WIDTH, HEIGHT = 400, 210
# Labels of more runs would run into each other.
MAX_LABELS = 9


@dataclass(frozen=True, slots=True)
class Measure:
    """What is drawn over the runs. scale: what the figure is divided by to be in `unit`.

    title: with {where} for the level and {ranges} for what each series had.
    """

    name: str
    title: str
    unit: str
    scale: float
    of: Callable[[Aggregate], Spread | None]
    words: Callable[[float], str]


MEASURES = (
    Measure(
        name="throughput",
        title="{where}, throughput in messages/s: {ranges}",
        unit="messages per second",
        scale=1.0,
        of=lambda each: each.messages_per_s,
        words=rate,
    ),
    Measure(
        name="p99",
        title="{where}, p99 response time: {ranges}",
        unit="milliseconds",
        scale=US_PER_MS,
        of=lambda each: each.time("response", "p99"),
        words=lambda value: duration(value * US_PER_MS),
    ),
)


def level_sections(history: History, level: int, colours: Mapping[str, str]) -> list[Section]:
    """Both charts of one level, as far as there is something to draw. colours: of the modes."""
    return [
        section for measure in MEASURES if (section := _section(history, level, measure, colours)) is not None
    ]


def _section(history: History, level: int, measure: Measure, colours: Mapping[str, str]) -> Section | None:
    points = points_of(history, level, measure.of, measure.scale)
    return one_drawing(
        f"{measure.name}-{level}",
        _title(measure, level, points, [series.name for series in history.series]),
        "Medians of the repeats, with their minimum and maximum.",
        (),
        history_chart(points, len(history.entries), measure.unit, colours) if points else None,
        _numbers(measure, points),
    )


def _numbers(measure: Measure, points: Sequence[Point]) -> Table:
    columns: tuple[Column[Point], ...] = (
        SERIES.over(lambda point: point.series),
        Column("run", "run", lambda point: str(point.run)),
        Column("median", "median", lambda point: measure.words(point.median)),
        Column("min", "min", lambda point: measure.words(point.low)),
        Column("max", "max", lambda point: measure.words(point.high)),
    )
    return Table.of(columns, sorted(points, key=lambda point: point.series))


def _title(measure: Measure, level: int, points: Sequence[Point], series: Sequence[str]) -> str:
    """What each series had, from its lowest to its highest median; degraded runs are not quoted."""
    quotable = [point for point in points if point.line is not None]
    modes = {point.series: point.mode for point in quotable}
    # Where one series has a mode to itself, the mode says enough.
    several = len(set(modes.values())) < len(modes)
    ranges = []
    for name in (each for each in series if each in modes):
        medians = [point.median for point in quotable if point.series == name]
        ends = dict.fromkeys(map(measure.words, (min(medians), max(medians))))
        ranges.append((name if several else modes[name], " to ".join(ends)))
    more = [f"and {len(ranges) - MAX_NAMED} more"] if len(ranges) > MAX_NAMED else []
    words = ", ".join([*filter(None, [contrasted(ranges[:MAX_NAMED])]), *more]) or "every run is degraded"
    return measure.title.format(where=f"At {counted(level, 'connection')}", ranges=words)


@dataclass(frozen=True, slots=True)
class Point:
    """One series' figure in one run. run: its number in the list, from 1; low, high: over the repeats.

    line: points of one line may be compared; None where the run is degraded and on no line.
    """

    run: int
    series: str
    mode: str
    line: str | None
    median: float
    low: float
    high: float


def points_of(
    history: History, level: int, figure: Callable[[Aggregate], Spread | None], scale: float = 1.0
) -> list[Point]:
    """Every run's figure at one level, divided by `scale`; runs without it have no point."""
    return list(_points(history.entries, level, figure, scale))


def history_chart(points: Sequence[Point], runs: int, unit: str, colours: Mapping[str, str]) -> Chart:
    """The points over the numbers of the runs, 1 to `runs`; at least one point. colours: of the modes."""
    axis = axes.suited([end for point in points for end in (point.low, point.high)])
    x = alt.X(
        "run:Q",
        title="run, oldest first",
        scale=alt.Scale(domain=[0.5, runs + 0.5], nice=False),
        axis=alt.Axis(values=_labelled(runs), grid=False, format="d"),
    )
    y_scale = alt.Scale(type=axis.kind, domain=[axis.low, axis.high], nice=False)
    y_axis = alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT, titlePadding=14)
    y = alt.Y("median:Q", title=unit, scale=y_scale, axis=y_axis)
    palette = alt.Scale(domain=list(colours), range=list(colours.values()))
    colour = alt.Color("mode:N", legend=None, scale=palette)
    quotable = [point for point in points if point.line is not None]
    degraded = [point for point in points if point.line is None]
    spans = _chart(points).mark_rule(strokeWidth=1.5, opacity=0.45)
    spans = spans.encode(x=x, y=alt.Y("low:Q", scale=y_scale), y2="high:Q", color=colour)
    lines = _chart(quotable).mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, detail="line:N")
    dots = _chart(quotable).mark_point(filled=True, size=55, opacity=1).encode(x=x, y=y, color=colour)
    hollow = _chart(degraded).mark_point(filled=False, size=45).encode(x=x, y=y, color=colour)
    return alt.layer(spans, lines, dots, hollow).properties(width=WIDTH, height=HEIGHT)


def _points(
    entries: Sequence[Entry], level: int, figure: Callable[[Aggregate], Spread | None], scale: float
) -> Iterator[Point]:
    for number, entry in enumerate(entries, start=1):
        for each in entry.aggregates:
            spread = figure(each)
            if each.level == level and spread is not None:
                line = None if entry.verdict.withheld else f"{each.series} {entry.kind}"
                values = (spread.median / scale, spread.min / scale, spread.max / scale)
                yield Point(number, each.series.name, each.series.mode, line, *values)


def _labelled(runs: int) -> list[int]:
    """The numbers to mark: all, or evenly so many as fit, the newest among them."""
    step = -(-runs // MAX_LABELS)
    return sorted(range(runs, 0, -step))


def _chart(points: Sequence[Point]) -> alt.Chart:
    return chart_of(
        [{name: value for name, value in asdict(point).items() if value is not None} for point in points]
    )
