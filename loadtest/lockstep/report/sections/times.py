"""Where clients' time went: connect against first reply, response times, and a message's mean parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import altair as alt

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.analysis.check import Topic
from lockstep.analysis.series import Series
from lockstep.report.charts import axes
from lockstep.report.charts.palette import NEUTRAL, WAITING_OPACITY
from lockstep.report.charts.picture import Chart, Row, chart_of
from lockstep.report.charts.rows import Block, Layout, bars, ticks
from lockstep.report.loads import by_load, named
from lockstep.report.material import Material
from lockstep.report.numbers import duration, plain
from lockstep.report.section import Column, Look, Section, Table, one_drawing
from lockstep.report.sections.figures import LOAD, NAMED
from lockstep.report.titles import (
    connect_title,
    first_reply_title,
    response_title,
    time_spent_title,
)

US_PER_MS = 1_000
_SpreadOf = Callable[[Aggregate], Spread | None]


def time_spent_section(material: Material) -> Section | None:
    """The mean parts of a message's time."""
    aggregates = material.aggregates
    seen = tuple(dict.fromkeys(material.colours.values()))
    parts: tuple[tuple[str, _SpreadOf], ...] = (
        ("network", lambda each: each.time("network", "mean")),
        ("wait", lambda each: each.time("wait", "mean")),
        ("service", lambda each: each.time("service", "mean")),
    )
    return one_drawing(
        "time-spent",
        time_spent_title(aggregates),
        "A message's mean time, from its sending to its reply. Medians of the repeats.",
        (Topic.TIMES, Topic.SERVER),
        time_spent_chart(aggregates, material.colours),
        _spreads_table(aggregates, parts),
        (
            Look("Grey", "network and kernel backlog", (NEUTRAL,)),
            Look("Pale", "waiting for admission", seen, WAITING_OPACITY),
            Look("Full", "service", seen),
        ),
    )


def connect_section(material: Material) -> Section | None:
    """What does not show a lock."""
    return _times_section(
        material,
        "connect",
        connect_title(material.aggregates),
        "The kernel completes a connect, admitted or not: a wait shows not here, but in the first reply.",
        (Topic.TIMES, Topic.CONNECT),
        (lambda each: each.time("connect", "p50"), lambda each: each.time("connect", "p99")),
    )


def first_reply_section(material: Material) -> Section | None:
    """What does show it."""
    return _times_section(
        material,
        "first-reply",
        first_reply_title(material.aggregates),
        "From a connection's first message to its reply, waiting for admission included.",
        (Topic.TIMES,),
        (lambda each: each.time("first_reply", "p50"), lambda each: each.time("first_reply", "p99")),
    )


def response_section(material: Material) -> Section | None:
    """What a message takes, under every load."""
    open_load = any(each.series.rate_per_s is not None for each in material.aggregates)
    return _times_section(
        material,
        "response",
        response_title(material.aggregates),
        "From when a message was due to its reply." if open_load else "From a message to its reply.",
        (Topic.TIMES,),
        (lambda each: each.time("response", "p50"), lambda each: each.time("response", "p99")),
    )


def _times_section(
    material: Material,
    name: str,
    title: str,
    note: str,
    topics: Sequence[Topic],
    spreads_of: tuple[_SpreadOf, _SpreadOf],
) -> Section | None:
    p50_of, p99_of = spreads_of
    return one_drawing(
        name,
        title,
        f"{note} Dot p50, bar to p99, medians of the repeats.",
        topics,
        times_chart(material.aggregates, material.colours, p50_of, p99_of),
        _spreads_table(material.aggregates, (("p50", p50_of), ("p99", p99_of))),
    )


def _spreads_table(aggregates: Sequence[Aggregate], of: Sequence[tuple[str, _SpreadOf]]) -> Table:
    """Medians with minimum and maximum of the repeats, in milliseconds."""
    spreads = [column for name, spread_of in of for column in _spread_columns(name, spread_of)]
    return Table.of((NAMED, LOAD, *spreads), aggregates)


def _spread_columns(name: str, spread_of: _SpreadOf) -> Iterator[Column[Aggregate]]:
    def value(part: Callable[[Spread], float]) -> Callable[[Aggregate], str]:
        return lambda each: plain(None if (found := spread_of(each)) is None else part(found) / US_PER_MS)

    yield Column(name, f"{name}, ms", value(lambda spread: spread.median))
    yield Column(f"{name}_min", "min", value(lambda spread: spread.min))
    yield Column(f"{name}_max", "max", value(lambda spread: spread.max))


def times_chart(
    aggregates: Sequence[Aggregate],
    colours: Mapping[Series, str],
    p50_of: Callable[[Aggregate], Spread | None],
    p99_of: Callable[[Aggregate], Spread | None],
) -> Chart | None:
    """From p50 (dot) to p99 (bar), medians over the repeats; None where nothing was counted."""
    blocks = []
    values: list[float] = []
    for where, group in by_load(aggregates):
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


def time_spent_chart(aggregates: Sequence[Aggregate], colours: Mapping[Series, str]) -> Chart | None:
    """Mean network, wait and service time of a message, end to end; None where the server told nothing."""
    blocks = []
    for where, group in by_load(aggregates):
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
        bars([block], _axis_of(block), "milliseconds a message (mean)" if block is blocks[-1] else None)
        for block in blocks
    ]
    return alt.vconcat(*views, spacing=10)


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


def _times(blocks: Sequence[Block], axis: axes.Axis) -> Chart:
    layout = Layout.of(blocks)
    scale = alt.Scale(type=axis.kind, domain=[axis.low, axis.high], nice=False)
    x = alt.X("p50:Q", scale=scale, axis=ticks(axis), title="milliseconds")
    end_x = alt.X("p99:Q", scale=scale)
    colour = alt.Color("colour:N", scale=None)
    marks = chart_of(layout.marks)
    span = marks.mark_rule(strokeWidth=7, opacity=WAITING_OPACITY + 0.1).encode(
        x=x, x2=alt.X2("p99:Q"), y=layout.y, color=colour
    )
    end = marks.mark_tick(thickness=2, size=13, orient="vertical").encode(x=end_x, y=layout.y, color=colour)
    dot = marks.mark_point(filled=True, size=95, opacity=1).encode(x=x, y=layout.y, color=colour)
    return layout.chart([span, end, dot])
