"""Where clients' time went: connect against first reply, response times, and their percentiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockstep.analysis.aggregate import Aggregate, Percentile, Spread, curve
from lockstep.analysis.check import Topic
from lockstep.analysis.series import series_names
from lockstep.record.histograms import decoded
from lockstep.report.loads import greatest_load, load, named, told, under
from lockstep.report.material import Material
from lockstep.report.numbers import duration, plain
from lockstep.report.palette import NEUTRAL, WAITING_OPACITY
from lockstep.report.percentile_chart import Line, percentile_chart
from lockstep.report.row_charts import time_spent_chart, times_chart
from lockstep.report.section import Look, Section, Table, one_drawing
from lockstep.report.titles import (
    connect_title,
    contrasted,
    first_reply_title,
    response_title,
    time_spent_title,
)

US_PER_MS = 1_000
P90, P99 = 1.0, 2.0

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
    open_load = any(each.rate_per_s is not None for each in material.aggregates)
    return _times_section(
        material,
        "response",
        response_title(material.aggregates),
        "From when a message was due to its reply." if open_load else "From a message to its reply.",
        (Topic.TIMES,),
        (lambda each: each.time("response", "p50"), lambda each: each.time("response", "p99")),
    )


def percentile_section(material: Material) -> Section | None:
    """Every percentile of the response time that the counts support, under the greatest load."""
    top = greatest_load(material.aggregates)
    lines = [line for each in top for line in _lines(material, each)]
    thin = any(line.thin for line in lines)
    title = _percentile_title(material.aggregates, lines)
    note = (
        "Each line is, percentile by percentile, the median over the repeats, and ends where fewer than five "
        "messages of a repeat are slower."
    )
    if thin:
        note += " Dashed: round trip, counted from when a message was sent, not from when it was due."
    return one_drawing(
        "percentiles", title, note, (Topic.TIMES,), percentile_chart(lines), _percentile_table(lines)
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
    """Medians with least and greatest of the repeats, in milliseconds."""
    heads = [head for name, _ in of for head in (f"{name}, ms", "least", "greatest")]
    rows = tuple(
        (named(each), load(each), *(word for _, spread_of in of for word in _spread_words(spread_of(each))))
        for each in aggregates
    )
    return Table(("mode", "load", *heads), rows, texts=2)


def _spread_words(spread: Spread | None) -> tuple[str, str, str]:
    if spread is None:
        return "", "", ""
    least, greatest = spread.min / US_PER_MS, spread.max / US_PER_MS
    return plain(spread.median / US_PER_MS), plain(least), plain(greatest)


def _lines(material: Material, each: Aggregate) -> list[Line]:
    """One series' percentiles from due, and under open load beside them those from the send."""
    colour = material.colours[each.series]
    lines = [Line(named(each), colour, _curve(material, each, "response"))]
    if each.rate_per_s is not None:
        lines.append(Line(named(each), colour, _curve(material, each, "round_trip"), thin=True))
    return [line for line in lines if line.points]


def _curve(material: Material, each: Aggregate, phase: str) -> list[Percentile]:
    names = series_names(material.cells)
    texts = [
        material.details[cell.index].histograms.get(phase)
        for cell in material.cells
        if names[cell.index] == each.series
        and cell.level == each.level
        and cell.whole
        and cell.index in material.details
    ]
    return curve([decoded(text) for text in texts if text])


def _percentile_title(aggregates: Sequence[Aggregate], lines: Sequence[Line]) -> str:
    """By the slowest of a hundred, where the counts reach so far, else by the slowest of ten."""
    by_series = {line.series: line for line in lines if not line.thin}
    chosen = [by_series[named(each)] for each in told(aggregates) if named(each) in by_series]
    for nines, share in ((P99, "100"), (P90, "10")):
        found = [(line.series, _at(line, nines)) for line in chosen]
        words = [(series, duration(value)) for series, value in found if value is not None]
        if words and len(words) == len(found):
            where = under(greatest_load(aggregates)[0])
            return f"{where} 1 message of {share} takes longer than {contrasted(words)}"
    return "Response times, percentile by percentile"


def _at(line: Line, nines: float) -> float | None:
    return next((point.value_us for point in line.points if point.nines == nines), None)


def _percentile_table(lines: Sequence[Line]) -> Table:
    rows = tuple(
        (
            line.series,
            "round trip" if line.thin else "response",
            plain(100 - 100 * 10.0**-point.nines),
            plain(point.value_us / US_PER_MS),
        )
        for line in lines
        for point in line.points
    )
    return Table(("mode", "time", "percentile", "ms"), rows, texts=2)
