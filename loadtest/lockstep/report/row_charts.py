"""Charts with a row for each series, one block a load: times, where the time went, the number in service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

import altair as alt

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.report import axes
from lockstep.report.loads import load, named
from lockstep.report.numbers import duration, whole
from lockstep.report.palette import NEUTRAL, WAITING_OPACITY
from lockstep.report.row_layout import Block, Layout
from lockstep.report.svg import Chart, Layers, Row, chart_of

US_PER_MS = 1_000


def times_chart(
    aggregates: Sequence[Aggregate],
    colours: dict[str, str],
    p50_of: Callable[[Aggregate], Spread | None],
    p99_of: Callable[[Aggregate], Spread | None],
) -> Chart | None:
    """From p50 (dot) to p99 (bar), medians over the repeats; None where nothing was counted."""
    blocks = []
    values: list[float] = []
    for where, group in _by_load(aggregates):
        marks: list[Row] = []
        words: list[Row] = []
        for each in group:
            p50, p99 = p50_of(each), p99_of(each)
            if p50 is None or p99 is None:
                continue
            low, high = p50.median / US_PER_MS, p99.median / US_PER_MS
            values += [low, high]
            marks.append({"series": named(each), "colour": colours[each.series], "p50": low, "p99": high})
            words.append({"series": named(each), "words": f"{duration(p50.median)} · {duration(p99.median)}"})
        blocks.append(Block(where, [named(each) for each in group], marks, words))
    if not values:
        return None
    return _times(blocks, axes.suited(values))


def time_spent_chart(aggregates: Sequence[Aggregate], colours: dict[str, str]) -> Chart | None:
    """Mean network, wait and service time of a message, end to end; None where the server told nothing."""
    blocks = []
    for where, group in _by_load(aggregates):
        marks: list[Row] = []
        words: list[Row] = []
        for each in group:
            parts = _parts(each, colours[each.series])
            marks += parts
            if parts:
                words.append({"series": named(each), "words": duration(float(parts[-1]["end"]) * US_PER_MS)})
        blocks.append(Block(where, [named(each) for each in group], marks, words))
    if not any(block.marks for block in blocks):
        return None
    # Each load has an axis of its own: on a common one the greatest would leave the others no room.
    views = [
        _bars([block], _axis_of(block), "milliseconds a message (mean)" if block is blocks[-1] else None)
        for block in blocks
    ]
    return alt.vconcat(*views, spacing=10)


def in_service_chart(aggregates: Sequence[Aggregate], colours: dict[str, str]) -> Chart | None:
    """The greatest number in service over all repeats; None where nobody was or nothing is told."""
    blocks = []
    greatest = 0
    for where, group in _by_load(aggregates):
        counts = [(each, each.max_in_service) for each in group if each.max_in_service is not None]
        greatest = max([greatest, *(count for _, count in counts)])
        marks: list[Row] = [
            {"series": named(each), "colour": colours[each.series], "opacity": 1, "start": 0, "end": count}
            for each, count in counts
        ]
        words: list[Row] = [{"series": named(each), "words": whole(count)} for each, count in counts]
        blocks.append(Block(where, [named(each) for each in group], marks, words))
    if greatest == 0:
        return None
    return _bars(blocks, axes.counts(greatest), "connections in service")


def _axis_of(block: Block) -> axes.Axis:
    return axes.linear(max((float(mark["end"]) for mark in block.marks), default=0.0))


def _parts(each: Aggregate, colour: str) -> list[Row]:
    """The stacked parts of one row, in milliseconds."""
    parts: list[Row] = []
    start = 0.0
    for spread, fill, opacity in (
        (each.time("network", "mean"), NEUTRAL, 1.0),
        (each.time("wait", "mean"), colour, WAITING_OPACITY),
        (each.time("service", "mean"), colour, 1.0),
    ):
        if spread is not None and spread.median > 0:
            end = start + spread.median / US_PER_MS
            parts.append(
                {"series": named(each), "colour": fill, "opacity": opacity, "start": start, "end": end}
            )
            start = end
    return parts


def _by_load(aggregates: Sequence[Aggregate]) -> Iterable[tuple[str, list[Aggregate]]]:
    """(the load in words, its aggregates), levels ascending, then rates."""
    ordered = sorted(aggregates, key=lambda each: (each.level, each.rate_per_s or 0.0))
    return ((where, list(group)) for where, group in groupby(ordered, key=load))


def _times(blocks: Sequence[Block], axis: axes.Axis) -> Chart:
    layout = Layout.of(blocks)
    scale = alt.Scale(type=axis.kind, domain=[axis.low, axis.high], nice=False)
    x = alt.X("p50:Q", scale=scale, axis=_ticks(axis), title="milliseconds")
    end_x = alt.X("p99:Q", scale=scale)
    colour = alt.Color("colour:N", scale=None)
    marks = chart_of(layout.marks)
    span = marks.mark_rule(strokeWidth=7, opacity=WAITING_OPACITY + 0.1).encode(
        x=x, x2=alt.X2("p99:Q"), y=layout.y, color=colour
    )
    end = marks.mark_tick(thickness=2, size=13, orient="vertical").encode(x=end_x, y=layout.y, color=colour)
    dot = marks.mark_point(filled=True, size=95, opacity=1).encode(x=x, y=layout.y, color=colour)
    return layout.chart([span, end, dot])


def _bars(blocks: Sequence[Block], axis: axes.Axis, unit: str | None) -> Layers:
    """Bars from start to end, as rules as thick as bars: they need no height of their own."""
    layout = Layout.of(blocks)
    scale = alt.Scale(domain=[axis.low, axis.high], nice=False)
    bars = (
        chart_of(layout.marks)
        .mark_rule(strokeWidth=13)
        .encode(
            x=alt.X("start:Q", scale=scale, axis=_ticks(axis), title=unit),
            x2=alt.X2("end:Q"),
            y=layout.y,
            color=alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )
    return layout.chart([bars])


def _ticks(axis: axes.Axis) -> alt.Axis:
    return alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT)
