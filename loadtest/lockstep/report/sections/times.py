"""Where clients' time went: connect against first reply, response times, and a message's mean parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import altair as alt

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import duration
from lockstep.analysis.series import Series
from lockstep.report.charts import axes
from lockstep.report.charts.palette import NEUTRAL, WAITING_OPACITY
from lockstep.report.charts.picture import Chart, Row, chart_of
from lockstep.report.charts.rows import Block, Layout, bars, ticks
from lockstep.report.material import Material
from lockstep.report.section import Column, Look, Section, Table, one_drawing
from lockstep.report.sections.figures import LOAD, NAMED
from lockstep.report.words import (
    by_load,
    contrasted,
    contrasting,
    join_words,
    named,
    plain,
    share,
    under_greatest,
    whole,
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


def time_spent_title(aggregates: Sequence[Aggregate]) -> str:
    """How much of a message's time is waiting for admission."""
    shares = [
        (named(each), words) for each in contrasting(aggregates) if (words := _waiting(each)) is not None
    ]
    if not shares:
        return "Where a message's time went"
    words = contrasted(shares, of=" of a message's time")
    return f"{under_greatest(aggregates)}, waiting for admission takes {words}"


def _waiting(each: Aggregate) -> str | None:
    """Wait as a share of network, wait and service; None where it is not known."""
    wait = each.time("wait", "mean")
    parts = (each.time("network", "mean"), wait, each.time("service", "mean"))
    total = sum(part.median for part in parts if part is not None)
    return share(wait.median, total) if wait is not None and total > 0 else None


def connect_section(material: Material) -> Section | None:
    """What does not show a lock."""
    return times_section(
        material,
        "connect",
        time_title(material.aggregates, "median connect time", _statistic("connect", "p50")),
        "The kernel completes a connect, admitted or not: a wait shows not here, but in the first reply.",
        (Topic.TIMES, Topic.CONNECT),
    )


HANDSHAKES: tuple[Column[Aggregate], ...] = (
    Column("handshakes", "handshakes", lambda each: whole(each.handshakes)),
    Column("resumed", "resumed", lambda each: whole(each.resumed)),
)


def handshake_section(material: Material) -> Section | None:
    """What TLS adds to a connect."""
    return times_section(
        material,
        "handshake",
        time_title(material.aggregates, "median TLS handshake", _statistic("handshake", "p50")),
        "From the connect to agreed keys; one that resumes an earlier session takes less. Counts are of all "
        "repeats.",
        (Topic.TIMES, Topic.CONNECT),
        HANDSHAKES,
    )


def first_reply_section(material: Material) -> Section | None:
    """What does show it."""
    return times_section(
        material,
        "first_reply",
        time_title(material.aggregates, "median time to first reply", _statistic("first_reply", "p50")),
        "From a connection's first message to its reply, waiting for admission included.",
        (Topic.TIMES,),
    )


# Where a message gets no reply: what titles call its time, and where that ends.
_NO_REPLY = {
    "send-only": ("p99 time to send", "until the system has taken all of it"),
    "receive-only": ("p99 gap", "to the next push"),
}


def response_section(material: Material) -> Section | None:
    """What a message takes. By p99: where connections wait to be admitted, only their first message does."""
    open_load = any(each.series.rate_per_s is not None for each in material.aggregates)
    scenarios = {cell.scenario for cell in material.cells}
    only = scenarios.pop() if len(scenarios) == 1 else ""
    noun, end = _NO_REPLY.get(only, ("p99 response time", "to its reply"))
    return times_section(
        material,
        "response",
        time_title(material.aggregates, noun, _statistic("response", "p99")),
        f"From {'when a message was due' if open_load else 'a message'} {end}.",
        (Topic.TIMES,),
    )


def _statistic(name: str, statistic: str) -> _SpreadOf:
    return lambda each: each.time(name, statistic)


def times_section(
    material: Material,
    name: str,
    title: str,
    note: str,
    topics: Sequence[Topic],
    more: Sequence[Column[Aggregate]] = (),
) -> Section | None:
    """The section of one of the times, by its name in the records. more: columns of its table."""
    p50_of, p99_of = _statistic(name, "p50"), _statistic(name, "p99")
    return one_drawing(
        name.replace("_", "-"),
        title,
        f"{note} Dot p50, bar to p99, medians of the repeats.",
        topics,
        times_chart(material.aggregates, material.colours, p50_of, p99_of),
        _spreads_table(material.aggregates, (("p50", p50_of), ("p99", p99_of)), more),
    )


def time_title(aggregates: Sequence[Aggregate], noun: str, spread_of: _SpreadOf) -> str:
    """What a time is under the greatest load, and who has none of it."""
    found = [(named(each), spread_of(each)) for each in contrasting(aggregates)]
    parts = [(series, duration(spread.median)) for series, spread in found if spread is not None]
    if not found:
        return "Nothing was timed"
    where = under_greatest(aggregates)
    if not parts:
        return f"{where}, nothing was timed with {join_words([series for series, _ in found])}"
    unmeasured = [series for series, spread in found if spread is None]
    rest = f"; not measured with {join_words(unmeasured)}" if unmeasured else ""
    return f"{where}, {noun} is {contrasted(parts)}{rest}"


def _spreads_table(
    aggregates: Sequence[Aggregate],
    of: Sequence[tuple[str, _SpreadOf]],
    more: Sequence[Column[Aggregate]] = (),
) -> Table:
    """Medians with minimum and maximum of the repeats, in milliseconds. more: columns at its end."""
    spreads = [column for name, spread_of in of for column in _spread_columns(name, spread_of)]
    return Table.of((NAMED, LOAD, *spreads, *more), aggregates)


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
