"""Charts with a row for each series, one block a level: times, where the time went, the number in service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import altair as alt

from loadtest.analysis.aggregate import Aggregate, Spread
from loadtest.report import axes
from loadtest.report.numbers import counted, duration, whole
from loadtest.report.palette import NEUTRAL, WAITING_OPACITY
from loadtest.report.svg import Chart, Layers, Row, chart_of

WIDTH = 240
ROW = 24
NAME_SPACE = 100
US_PER_MS = 1_000


@dataclass(frozen=True, slots=True)
class Block:
    """One level's rows in order, what is drawn in them, and the words to the right of each."""

    level: int
    series: list[str]
    marks: list[Row]
    words: list[Row]


def times_chart(
    aggregates: Sequence[Aggregate],
    colours: dict[str, str],
    p50_of: Callable[[Aggregate], Spread | None],
    p99_of: Callable[[Aggregate], Spread | None],
) -> Chart | None:
    """From p50 (dot) to p99 (bar), medians over the repeats; None where nothing was counted."""
    blocks = []
    values: list[float] = []
    for level, group in _by_level(aggregates):
        marks: list[Row] = []
        words: list[Row] = []
        for each in group:
            p50, p99 = p50_of(each), p99_of(each)
            if p50 is None or p99 is None:
                continue
            low, high = p50.median / US_PER_MS, p99.median / US_PER_MS
            values += [low, high]
            marks.append({"series": each.series, "colour": colours[each.series], "p50": low, "p99": high})
            words.append({"series": each.series, "words": f"{duration(p50.median)} · {duration(p99.median)}"})
        blocks.append(Block(level, [each.series for each in group], marks, words))
    if not values:
        return None
    axis = axes.suited(values)
    return _stacked(blocks, lambda block, last: _times_block(block, axis, last))


def time_spent_chart(aggregates: Sequence[Aggregate], colours: dict[str, str]) -> Chart | None:
    """Mean network, wait and service time of a message, end to end; None where the server told nothing."""
    blocks = []
    for level, group in _by_level(aggregates):
        marks: list[Row] = []
        words: list[Row] = []
        for each in group:
            parts = _parts(each, colours[each.series])
            marks += parts
            if parts:
                words.append({"series": each.series, "words": duration(float(parts[-1]["end"]) * US_PER_MS)})
        blocks.append(Block(level, [each.series for each in group], marks, words))
    if not any(block.marks for block in blocks):
        return None
    return _stacked(blocks, lambda block, last: _bars_block(block, "milliseconds a message (mean)", last))


def in_service_chart(aggregates: Sequence[Aggregate], colours: dict[str, str]) -> Chart | None:
    """The greatest number in service over all repeats; None where nobody was or nothing is told."""
    blocks = []
    greatest = 0
    for level, group in _by_level(aggregates):
        told = [(each.series, each.max_in_service) for each in group if each.max_in_service is not None]
        greatest = max([greatest, *(count for _, count in told)])
        blocks.append(
            Block(
                level,
                [each.series for each in group],
                [
                    {"series": series, "colour": colours[series], "opacity": 1, "start": 0, "end": count}
                    for series, count in told
                ],
                [{"series": series, "words": whole(count)} for series, count in told],
            )
        )
    if greatest == 0:
        return None
    axis = axes.counts(greatest)
    return _stacked(blocks, lambda block, last: _bars_block(block, "connections in service", last, axis))


def _parts(each: Aggregate, colour: str) -> list[Row]:
    """The stacked parts of one row, in milliseconds."""
    parts: list[Row] = []
    start = 0.0
    for spread, fill, opacity in (
        (each.network_mean_us, NEUTRAL, 1.0),
        (each.wait_mean_us, colour, WAITING_OPACITY),
        (each.service_mean_us, colour, 1.0),
    ):
        if spread is not None and spread.median > 0:
            end = start + spread.median / US_PER_MS
            parts.append(
                {"series": each.series, "colour": fill, "opacity": opacity, "start": start, "end": end}
            )
            start = end
    return parts


def _by_level(aggregates: Sequence[Aggregate]) -> Iterable[tuple[int, list[Aggregate]]]:
    ordered = sorted(aggregates, key=lambda each: each.level)
    return ((level, list(group)) for level, group in groupby(ordered, key=lambda each: each.level))


def _stacked(blocks: Sequence[Block], draw: Callable[[Block, bool], Layers]) -> Chart:
    """The blocks one below the other; `draw` is told which is the last, the one with the axis' title."""
    return alt.vconcat(*(draw(block, block is blocks[-1]) for block in blocks), spacing=14)


def _times_block(block: Block, axis: axes.Axis, last: bool) -> Layers:
    scale = alt.Scale(type=axis.kind, domain=[axis.low, axis.high], nice=False)
    ticks = alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT, labels=last)
    x = alt.X("p50:Q", scale=scale, axis=ticks, title="milliseconds" if last else None)
    colour = alt.Color("colour:N", scale=None)
    marks = chart_of(block.marks)
    span = marks.mark_bar(height=7, opacity=WAITING_OPACITY + 0.1, cornerRadius=3).encode(
        x=x, x2="p99:Q", y=_rows(block), color=colour
    )
    end = marks.mark_tick(thickness=2, size=13).encode(
        x=alt.X("p99:Q", scale=scale), y=_rows(block), color=colour
    )
    dot = marks.mark_point(filled=True, size=95, opacity=1).encode(x=x, y=_rows(block), color=colour)
    return _block(block, [span, end, dot])


def _bars_block(block: Block, unit: str, last: bool, axis: axes.Axis | None = None) -> Layers:
    """Bars from start to end; with an axis of its own where none is given."""
    axis = axis or axes.linear(max((float(mark["end"]) for mark in block.marks), default=0.0))
    x = alt.X(
        "start:Q",
        scale=alt.Scale(domain=[axis.low, axis.high], nice=False),
        axis=alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT),
        title=unit if last else None,
    )
    bars = (
        chart_of(block.marks)
        .mark_bar(height=13)
        .encode(
            x=x,
            x2="end:Q",
            y=_rows(block),
            color=alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )
    return _block(block, [bars])


def _rows(block: Block) -> alt.Y:
    axis = alt.Axis(grid=False, labelOpacity=1, labelFontSize=13, minExtent=NAME_SPACE, labelLimit=200)
    return alt.Y("series:N", title=None, scale=alt.Scale(domain=block.series), axis=axis)


def _block(block: Block, layers: list[alt.Chart]) -> Layers:
    words = (
        chart_of(block.words)
        .mark_text(align="left", fontSize=12.5)
        .encode(x=alt.value(WIDTH + 8), y=_rows(block), text="words:N")
    )
    title = alt.TitleParams(counted(block.level, "connection"))
    return alt.layer(*layers, words).properties(width=WIDTH, height=ROW * len(block.series), title=title)
