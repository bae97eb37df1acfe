"""The charts of a history: throughput and response p99 over the runs, one of each for every level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.analysis.history import History
from lockstep.report.history_chart import Point, history_chart, points_of
from lockstep.report.numbers import counted, duration, rate
from lockstep.report.section import Section, Table, one_drawing

US_PER_MS = 1_000.0
# A title speaks of no more series than a reader can hold.
MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Measure:
    """What is drawn over the runs. scale: what the figure is divided by to be in `unit`.

    title: with {where} for the level and {told} for what each series had.
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
        title="{where}, messages per second: {told}",
        unit="messages per second",
        scale=1.0,
        of=lambda each: each.messages_per_s,
        words=rate,
    ),
    Measure(
        name="p99",
        title="{where}, 99% of messages are answered within: {told}",
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
        _title(measure, level, points, history.series),
        "Medians of the repeats, with the least and the greatest.",
        (),
        history_chart(points, len(history.entries), measure.unit, colours) if points else None,
        _numbers(measure, points),
    )


def _numbers(measure: Measure, points: Sequence[Point]) -> Table:
    rows = (
        (point.series, str(point.run), *map(measure.words, (point.median, point.low, point.high)))
        for point in sorted(points, key=lambda point: point.series)
    )
    return Table(("mode", "run", "median", "least", "greatest"), tuple(rows))


def _title(measure: Measure, level: int, points: Sequence[Point], series: Sequence[str]) -> str:
    """What each series had, from its least to its greatest median; degraded runs are not quoted."""
    quotable = [point for point in points if point.line is not None]
    modes = {point.series: point.mode for point in quotable}
    # Where one series has a mode to itself, the mode says enough.
    several = len(set(modes.values())) < len(modes)
    told = []
    for name in (each for each in series if each in modes):
        medians = [point.median for point in quotable if point.series == name]
        ends = dict.fromkeys(map(measure.words, (min(medians), max(medians))))
        told.append(f"{' to '.join(ends)} with {name if several else modes[name]}")
    more = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
    said = ", ".join([*told[:MOST_TOLD], *more]) or "every run is degraded"
    return measure.title.format(where=f"At {counted(level, 'connection')}", told=said)
