"""The picture of a search: figures against load, what held and what broke, and the laws over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import altair as alt
import numpy as np

from lockstep.analysis.arrival_law import ArrivalLaw
from lockstep.analysis.gate_syntax import Condition
from lockstep.analysis.limits import Limit
from lockstep.analysis.metrics import METRICS, Metric, Unit
from lockstep.analysis.trials import Judgement, Trial, promise_of
from lockstep.report.charts import axes
from lockstep.report.charts.palette import NEUTRAL
from lockstep.report.charts.picture import INK, Chart, Layers, Row, chart_of
from lockstep.report.limit_words import interval_words
from lockstep.report.material import Material
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
THROUGHPUT = METRICS["messages_per_s"]


def kept_condition(search: Search) -> Condition | None:
    """The first time that the promise bounds; None where it bounds none."""
    return next((each for each in promise_of(search) if each.metric.unit is Unit.US), None)


def kept_time(search: Search) -> Metric:
    """The time that is drawn: the one that the promise bounds, else that of the slowest of a hundred."""
    kept = kept_condition(search)
    return _SLOWEST if kept is None else kept.metric


def middle(trial: Trial, metric: Metric) -> float | None:
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
            {**self._mark(limit, trial), "value": value / scale}
            for limit in self.limits
            for trial in limit.trials
            if (value := middle(trial, metric))
        ]

    def voids(self, value: float) -> list[Row]:
        """A row at this place for each load of which nothing is known."""
        return [
            {**self._mark(limit, trial), "value": value}
            for limit in self.limits
            for trial in limit.trials
            if trial.judgement is Judgement.VOID and not trial.cells
        ]

    def _mark(self, limit: Limit, trial: Trial) -> Row:
        return {
            "mode": limit.mode,
            "colour": self.colours.get(limit.mode, NEUTRAL),
            "load": trial.load,
            "shape": _SHAPES[trial.judgement],
        }

    def bands(self) -> list[Row]:
        """Where each limit lies."""
        return [
            {"low": limit.low, "high": limit.high, "colour": self.colours.get(limit.mode, NEUTRAL)}
            for limit in self.limits
            if limit.low is not None and limit.high is not None
        ]


_COLOUR = alt.Color("colour:N", scale=None)


def limits_chart(search: Search, material: Material, laws: Sequence[ArrivalLaw]) -> Chart:
    """Times over throughput, both against load. laws: of a search by rate."""
    colours = {series.mode: colour for series, colour in reversed(material.colours.items())}
    drawn = _Drawn(search, material.limits, colours)
    chart: alt.VConcatChart = alt.vconcat(_times_chart(drawn, laws), _throughput_chart(drawn, material))
    return chart


def _times_chart(drawn: _Drawn, laws: Sequence[ArrivalLaw]) -> Layers:
    kept = kept_time(drawn.search)
    slow = drawn.points(kept, US_PER_MS)
    typical = [] if kept == _TYPICAL else drawn.points(_TYPICAL, US_PER_MS)
    promised = [each.bound / US_PER_MS for each in promise_of(drawn.search) if each.metric == kept]
    # A logarithmic axis has no place for 0.
    bounds = [bound for bound in promised if bound > 0]
    theory = _law_rows(drawn, laws)
    axis = axes.logarithmic([*(float(row["value"]) for row in (*slow, *typical, *theory)), *bounds] or [1.0])
    y = _y("milliseconds", axis)
    rule = chart_of([{"value": bound} for bound in bounds])
    layers = [
        *_band_layers(drawn),
        rule.mark_rule(color=INK, opacity=0.6, strokeDash=[6, 3]).encode(y=y),
        _line(typical, 1.2, [4, 3]).encode(x=drawn.x, y=y, color=_COLOUR, detail="mode:N"),
        _line(theory, 1.2, [2, 3]).encode(x=drawn.x, y=y, color=_COLOUR, detail=["mode:N", "statistic:N"]),
        _line(slow, 2.4, [1, 0]).encode(x=drawn.x, y=y, color=_COLOUR, detail="mode:N"),
        _marks([*slow, *(drawn.voids(bounds[0]) if bounds else [])]).encode(
            x=drawn.x, y=y, color=_COLOUR, shape=alt.Shape("shape:N", scale=None)
        ),
        *_names(slow, axis, drawn, y),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _throughput_chart(drawn: _Drawn, material: Material) -> Layers:
    points = drawn.points(THROUGHPUT)
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


def _law_rows(drawn: _Drawn, laws: Sequence[ArrivalLaw]) -> list[Row]:
    """What each law says of the times that are drawn."""
    return [
        {
            "mode": law.mode,
            "statistic": statistic,
            "colour": drawn.colours.get(law.mode, NEUTRAL),
            "load": rate_per_s,
            "value": time_us / US_PER_MS,
        }
        for law in laws
        for statistic, times_us in law.times_us.items()
        for rate_per_s, time_us in zip(law.rates, times_us, strict=True)
        if time_us > 0
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
