"""One figure over the runs of a folder: a dot a run, lines only between runs that may be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import altair as alt

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.analysis.history import Entry, History
from lockstep.report import axes
from lockstep.report.svg import Chart, chart_of

WIDTH, HEIGHT = 400, 210
# Labels of more runs would run into each other.
MOST_LABELS = 9


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
                yield Point(number, each.series, each.mode, line, *values)


def _labelled(runs: int) -> list[int]:
    """The numbers to mark: all, or evenly so many as fit, the newest among them."""
    step = -(-runs // MOST_LABELS)
    return sorted(range(runs, 0, -step))


def _chart(points: Sequence[Point]) -> alt.Chart:
    return chart_of(
        [{name: value for name, value in asdict(point).items() if value is not None} for point in points]
    )
