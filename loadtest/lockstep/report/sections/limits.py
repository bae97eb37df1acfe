"""What a search found: figures against load, what held, what broke, what is void, and the limit between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import altair as alt
import numpy as np

from lockstep.analysis.check import Topic
from lockstep.analysis.gate_syntax import Condition
from lockstep.analysis.limits import Limit
from lockstep.analysis.metrics import METRICS, Metric, Unit
from lockstep.analysis.numbers import ABSENT
from lockstep.analysis.trials import Figure, Judgement, Trial, promise_of
from lockstep.report.charts import axes
from lockstep.report.charts.palette import NEUTRAL
from lockstep.report.charts.picture import INK, Chart, Layers, Row, chart_of
from lockstep.report.limit_words import (
    interval_words,
    number_words,
    promise_words,
    value_words,
)
from lockstep.report.material import Material
from lockstep.report.section import Column, Drawing, Section, Table
from lockstep.report.sections.figures import SERIES
from lockstep.report.words import CI, rate, whole
from lockstep.search import Search

WIDTH, HEIGHT, LOWER_HEIGHT = 620, 260, 130
US_PER_MS = 1_000
_CURVE_POINTS = 60
# How a load is drawn, by what it came to.
_SHAPES = {
    Judgement.HOLDS: "circle",
    Judgement.BREAKS: "cross",
    Judgement.UNSURE: "diamond",
    Judgement.VOID: "triangle-down",
}
_TYPICAL = METRICS["response_p50"]
_SLOWEST = METRICS["response_p99"]
_THROUGHPUT = METRICS["messages_per_s"]


def limits_section(material: Material) -> Section | None:
    """None where the run was no search."""
    search, found = material.run.planned.search, material.limits
    if search is None or not any(each.trials for each in found):
        return None
    return Section(
        "limits",
        f"Where {promise_words(search)} breaks",
        f"Each mark is a load that was tried, its place the median of the repeats: solid through "
        f"{_kept_time(search).name}, which the promise bounds (the line across), dashed through "
        "response_p50, and beneath both the throughput. A band is where the limit lies, 95 times of 100 "
        "(simulated): from the greatest load of which the whole interval holds to the least of which none "
        "does. Circle: the promise holds; cross: it breaks; diamond: the repeats leave it open; triangle: "
        "void, for the generator was at a limit of its own.",
        (Topic.TIMES, Topic.THROUGHPUT),
        (Drawing(_chart(search, material), f"{promise_words(search)}: figures against load"),),
        Table.of(_columns(search), [_Row(limit, trial) for limit in found for trial in limit.trials]),
        wide=True,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    limit: Limit
    trial: Trial


def _columns(search: Search) -> tuple[Column[_Row], ...]:
    return (
        SERIES.over(lambda row: row.limit.mode),
        Column(
            "load",
            "arrivals/s" if search.by_rate else "connections",
            lambda row: number_words(search, row.trial.load),
        ),
        Column("judgement", "the promise", lambda row: row.trial.judgement.value, text=True),
        Column("cells", "repeats", lambda row: whole(len(row.trial.cells))),
        *(column for condition in promise_of(search) for column in _condition_columns(condition)),
        Column("throughput", "messages/s", lambda row: rate(_middle(row.trial, _THROUGHPUT))),
        Column("spoiled", "void", lambda row: "; ".join(dict.fromkeys(row.trial.spoiled)), text=True),
    )


def _condition_columns(condition: Condition) -> Iterator[Column[_Row]]:
    """A condition's figure and, where it has one, its interval."""

    def of(row: _Row) -> Figure | None:
        return next((each for each in row.trial.figures if each.condition == condition), None)

    def value(row: _Row) -> str:
        figure = of(row)
        return ABSENT if figure is None else value_words(condition, figure.value)

    def interval(row: _Row) -> str:
        figure = of(row)
        if figure is None or figure.low is None or figure.high is None:
            return ABSENT
        return f"{value_words(condition, figure.low)} to {value_words(condition, figure.high)}"

    name = condition.metric.name
    yield Column(name, f"{name}, worst repeat" if condition.metric.counted else name, value)
    if condition.metric.unit in (Unit.US, Unit.PER_S):
        yield Column(f"{name}_interval", CI, interval)


def _kept_time(search: Search) -> Metric:
    """The time that is drawn: the first that the promise bounds, else that of the slowest of a hundred."""
    times = (each.metric for each in promise_of(search) if each.metric.unit is Unit.US)
    return next(times, _SLOWEST)


def _middle(trial: Trial, metric: Metric) -> float | None:
    """The middle of the repeats."""
    values = [value for cell in trial.cells if (value := metric.of(cell))]
    return median(values) if values else None


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What the two charts share. loads: all that were tried, ascending; colours: by mode."""

    search: Search
    limits: Sequence[Limit]
    colours: Mapping[str, str]

    @property
    def x(self) -> alt.X:
        loads = sorted({trial.load for limit in self.limits for trial in limit.trials})
        axis = axes.logarithmic(loads)
        return alt.X(
            "load:Q",
            title="arrivals per second" if self.search.by_rate else "connections",
            scale=alt.Scale(type="log", domain=[axis.low, axis.high], nice=False),
            axis=alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT, grid=False),
        )

    def points(self, metric: Metric, scale: float = 1.0) -> list[Row]:
        """A row for each load of which the figure is known."""
        return [
            {
                "mode": limit.mode,
                "colour": self.colours.get(limit.mode, NEUTRAL),
                "load": trial.load,
                "value": value / scale,
                "shape": _SHAPES[trial.judgement],
            }
            for limit in self.limits
            for trial in limit.trials
            if (value := _middle(trial, metric))
        ]

    def bands(self) -> list[Row]:
        """Where each limit lies."""
        return [
            {"low": limit.low, "high": limit.high, "colour": self.colours.get(limit.mode, NEUTRAL)}
            for limit in self.limits
            if limit.low is not None and limit.high is not None
        ]


_COLOUR = alt.Color("colour:N", scale=None)


def _chart(search: Search, material: Material) -> Chart:
    colours = {series.mode: colour for series, colour in reversed(material.colours.items())}
    drawn = _Drawn(search, material.limits, colours)
    chart: alt.VConcatChart = alt.vconcat(_times_chart(drawn), _throughput_chart(drawn, material))
    return chart


def _times_chart(drawn: _Drawn) -> Layers:
    kept = _kept_time(drawn.search)
    slow = drawn.points(kept, US_PER_MS)
    typical = [] if kept == _TYPICAL else drawn.points(_TYPICAL, US_PER_MS)
    promised = [each.bound / US_PER_MS for each in promise_of(drawn.search) if each.metric == kept]
    # A logarithmic axis has no place for 0.
    bounds = [bound for bound in promised if bound > 0]
    axis = axes.logarithmic([*(float(row["value"]) for row in (*slow, *typical)), *bounds] or [1.0])
    y = _y("milliseconds", axis)
    rule = chart_of([{"value": bound} for bound in bounds])
    layers = [
        *_band_layers(drawn),
        rule.mark_rule(color=INK, opacity=0.6, strokeDash=[6, 3]).encode(y=y),
        _line(typical, 1.2, [4, 3]).encode(x=drawn.x, y=y, color=_COLOUR, detail="mode:N"),
        _line(slow, 2.4, [1, 0]).encode(x=drawn.x, y=y, color=_COLOUR, detail="mode:N"),
        _marks(slow).encode(x=drawn.x, y=y, color=_COLOUR, shape=alt.Shape("shape:N", scale=None)),
        *_names(slow, axis, drawn, y),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _throughput_chart(drawn: _Drawn, material: Material) -> Layers:
    points = drawn.points(_THROUGHPUT)
    laws = _laws(drawn, material)
    axis = axes.suited([float(row["value"]) for row in (*points, *laws)])
    y = _y("messages/s", axis)
    layers = [
        *_band_layers(drawn),
        _line(laws, 1.2, [2, 3]).encode(x=drawn.x, y=y, color=_COLOUR, detail="mode:N"),
        _line(points, 1.8, [1, 0]).encode(x=drawn.x, y=y, color=_COLOUR, detail="mode:N"),
        _marks(points).encode(x=drawn.x, y=y, color=_COLOUR, shape=alt.Shape("shape:N", scale=None)),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=LOWER_HEIGHT)


def _y(title: str, axis: axes.Axis) -> alt.Y:
    return alt.Y(
        "value:Q",
        title=title,
        scale=alt.Scale(type=axis.kind, domain=[axis.low, axis.high], nice=False),
        axis=alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT, titlePadding=10),
    )


def _laws(drawn: _Drawn, material: Material) -> list[Row]:
    """The scalability law of each series that has one, over the loads that were tried."""
    return [
        {
            "mode": each.series.mode,
            "colour": drawn.colours.get(each.series.mode, NEUTRAL),
            "load": load,
            "value": each.law.curve.at(load),
        }
        for each in material.scalings
        if each.law is not None
        for load in np.geomspace(each.levels[0], each.levels[-1], _CURVE_POINTS).tolist()
    ]


def _band_layers(drawn: _Drawn) -> list[alt.Chart]:
    bands = drawn.bands()
    if not bands:
        return []
    marked = chart_of(bands).mark_rect(opacity=0.22)
    return [marked.encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"), color=_COLOUR)]


def _line(rows: Sequence[Row], width: float, dash: Sequence[int]) -> alt.Chart:
    drawn: alt.Chart = chart_of(rows).mark_line(strokeWidth=width, strokeDash=list(dash))
    return drawn


def _marks(rows: Sequence[Row]) -> alt.Chart:
    drawn: alt.Chart = chart_of(rows).mark_point(filled=True, size=70, opacity=0.9)
    return drawn


def _names(rows: Sequence[Row], axis: axes.Axis, drawn: _Drawn, y: alt.Y) -> list[alt.Chart]:
    """Each series' name, and its limit's interval, where its line ends."""
    last: dict[str, Row] = {}
    for row in rows:
        if row["mode"] not in last or row["load"] > last[str(row["mode"])]["load"]:  # type: ignore[operator]
            last[str(row["mode"])] = row
    if not last:
        return []
    places = axes.apart([axis.fraction(float(row["value"])) for row in last.values()], 17 / HEIGHT)
    words = {limit.mode: interval_words(limit) for limit in drawn.limits}
    named: list[Row] = [
        {**row, "value": axis.value(place), "words": f"{mode} {words[mode]}".strip()}
        for (mode, row), place in zip(last.items(), places, strict=True)
    ]
    text = chart_of(named).mark_text(align="left", dx=10, fontWeight=600, fontSize=12.5)
    return [text.encode(x=drawn.x, y=y, color=_COLOUR, text=alt.Text("words:N"))]
