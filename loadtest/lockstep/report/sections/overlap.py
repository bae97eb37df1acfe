"""How many connections each mode kept in service: a panel each over a whole cell, or the peak alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import ABSENT
from lockstep.analysis.series import Series
from lockstep.analysis.timeline import Panel, overlap_panels
from lockstep.report.charts import axes
from lockstep.report.charts.picture import INK, Chart, Layers, Row, chart_of
from lockstep.report.charts.rows import Block, bars
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, one_drawing
from lockstep.report.sections.figures import LOAD, NAMED, RESULT_BY_NAME, SERIES
from lockstep.report.sections.threads import looks, strip
from lockstep.report.words import (
    by_load,
    contrasted,
    contrasting,
    counted,
    mean_count,
    named,
    plain,
    under_greatest,
    whole,
)
from lockstep.runs.measures import Overlap
from lockstep.runs.watched import Watched

WIDTH, HEIGHT = 388, 56
AXIS_SPACE = 34
MEAN_OPACITY = 0.45
NOT_RECORDED = "not recorded"
BY_MESSAGE = "not recorded: this mode admits messages, not connections"
MS_PER_S = 1_000


def overlap_title(panels: Sequence[Panel]) -> str:
    """The mean number in service over the measured window, modes that are alike told together."""
    kept = [
        (panel.series.name, mean_count(mean))
        for panel in panels
        if panel.overlap is not None and (mean := panel.overlap.kept) is not None
    ]
    if not kept:
        return "Connections in service"
    return f"At {counted(panels[0].level, 'connection')}, mean number in service: {contrasted(kept)}"


@dataclass(frozen=True, slots=True)
class _Bin:
    """What is drawn of one moment: of connections, or of threads. in_service, waiting: means."""

    series: Series
    from_ms: float
    in_service: float | None = None
    peak: int | None = None
    waiting: float | None = None
    threads: Watched | None = None


def _column(name: str, head: str, value: Callable[[_Bin], float | None]) -> Column[_Bin]:
    return Column(name, head, lambda each: plain(value(each)) or ABSENT, server_told=True)


def _of_threads(name: str, head: str, value: Callable[[Watched], float]) -> Column[_Bin]:
    return _column(name, head, lambda each: None if each.threads is None else value(each.threads))


BINS: tuple[Column[_Bin], ...] = (
    SERIES.over(lambda each: each.series.name),
    Column("from", "from, ms", lambda each: plain(each.from_ms)),
    _column("in_service", "in service, mean", lambda each: each.in_service),
    Column("peak", "peak", lambda each: whole(each.peak), server_told=True),
    _column("waiting", "waiting, mean", lambda each: each.waiting),
    _of_threads("on_cpu", "threads on a core", lambda each: each.on_cpu),
    _of_threads("awaiting_core", "waiting for a core", lambda each: each.awaiting_core),
    _of_threads("asleep", "asleep", lambda each: each.asleep),
)


def overlap_section(material: Material) -> Section | None:
    """The panels of the greatest level; None where no cell has an overlap."""
    panels = overlap_panels(material.run, material.details)
    if all(panel.overlap is None for panel in panels):
        return None
    watched = any(panel.watched for panel in panels)
    beneath = " Beneath it the server's threads meanwhile, as the kernel counts them." if watched else ""
    return _section(
        material,
        panels,
        "overlap",
        overlap_title(panels),
        "Connections in service over one cell of each mode, the repeat with the middle average, by the "
        "server's own records: the area is the mean of each moment, the line its peak. The "
        f"measured window lies between the dashed lines, and the averages are over it.{beneath}",
    )


def threads_over_cell_section(material: Material) -> Section | None:
    """The same of threads alone: of servers that tell nothing of who is in service."""
    panels = overlap_panels(material.run, material.details)
    if any(panel.overlap is not None for panel in panels):
        return None
    return _section(
        material,
        panels,
        "threads-over-cell",
        "The servers' threads over a cell",
        "One cell of each, from its beginning on, as the kernel counts them.",
    )


def _section(material: Material, panels: Sequence[Panel], name: str, title: str, note: str) -> Section | None:
    return one_drawing(
        name,
        title,
        note,
        (Topic.SERVER,),
        overlap_chart(panels, material.colours),
        Table.told(BINS, [each for panel in panels for each in _bins(panel)]),
        looks(tuple(material.colours[panel.series] for panel in panels if panel.watched)),
    )


def _bins(panel: Panel) -> list[_Bin]:
    overlap = panel.overlap
    threads = [_Bin(panel.series, each.from_ms, threads=each) for each in panel.watched]
    if overlap is None:
        return threads
    bins = zip(overlap.in_service, overlap.most, overlap.waiting, strict=True)
    return [
        *(
            _Bin(panel.series, number * overlap.bin_ms, mean, peak, waiting)
            for number, (mean, peak, waiting) in enumerate(bins)
        ),
        *threads,
    ]


@dataclass(frozen=True, slots=True)
class _Scales:
    """What all panels share. peak: the most in service in any of them; threads: the most there were."""

    x: alt.Scale
    y: alt.Scale
    seconds: tuple[float, ...]
    peak: int
    threads: float

    def time(self, field: str, *, last: bool) -> alt.X:
        """The axis of time, with numbers beneath the last panel of all."""
        return alt.X(
            field,
            scale=self.x,
            title="seconds from the cell's beginning" if last else None,
            axis=alt.Axis(values=list(self.seconds), format=axes.TICK_FORMAT, labels=last),
        )


def overlap_chart(panels: Sequence[Panel], colours: Mapping[Series, str]) -> Chart | None:
    """The mean of each bin as an area, its peak as a line, the measured window between two rules.

    A mode without records is a panel that says so. Beneath it the threads, where somebody watched. None where
    there is nothing to draw.
    """
    span_s = max((panel.span_ms for panel in panels), default=0.0) / MS_PER_S
    if not span_s:
        return None
    overlaps = [panel.overlap for panel in panels if panel.overlap is not None]
    peak = max((max(overlap.most) for overlap in overlaps), default=0)
    scales = _Scales(
        alt.Scale(domain=[0, span_s], nice=False),
        alt.Scale(domain=[0, peak * 1.05], nice=False),
        axes.linear(span_s).ticks,
        peak,
        max((each.threads for panel in panels for each in panel.watched), default=0),
    )
    drawn = [_of_one(panel, colours[panel.series], scales, panel is panels[-1], overlaps) for panel in panels]
    return alt.vconcat(*(each for views in drawn for each in views), spacing=12)


def _of_one(
    panel: Panel, colour: str, scales: _Scales, last: bool, overlaps: Sequence[Overlap]
) -> list[Layers]:
    """Its connections, unless nobody's are known, and its threads, if they are."""
    views = [_panel(panel, colour, scales, last and not panel.watched)] if overlaps else []
    if not panel.watched:
        return views
    time = scales.time("from:Q", last=last)
    name = "" if overlaps else f"{panel.series}: "
    return [*views, strip(panel.watched, colour, time, (WIDTH, AXIS_SPACE), scales.threads, name)]


def _panel(panel: Panel, colour: str, scales: _Scales, last: bool) -> Layers:
    overlap = panel.overlap
    if overlap is None:
        layers = [_words(BY_MESSAGE if panel.by_message else NOT_RECORDED)]
        title = panel.series.name
    else:
        layers = _drawn(overlap, colour, scales, last)
        kept = overlap.kept
        title = f"{panel.series}: peak {whole(max(overlap.most))}"
        title += "" if kept is None else f", mean {mean_count(kept)}"
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=alt.TitleParams(title))


def _drawn(overlap: Overlap, colour: str, scales: _Scales, last: bool) -> list[alt.Chart]:
    bin_s = overlap.bin_ms / MS_PER_S
    bins: list[Row] = [
        {"s": number * bin_s, "mean": mean, "most": most}
        for number, (mean, most) in enumerate(zip(overlap.in_service, overlap.most, strict=True))
    ]
    # A step lasts until the next point: the last bin needs one more.
    bins.append({**bins[-1], "s": overlap.span_ms / MS_PER_S})
    x = scales.time("s:Q", last=last)
    y_axis = alt.Axis(values=[0, scales.peak], format="d", minExtent=AXIS_SPACE)
    mean = alt.Y("mean:Q", title=None, scale=scales.y, axis=y_axis, stack=None)
    drawn = chart_of(bins)
    window: list[Row] = [
        {"s": min(edge_ms, overlap.span_ms) / MS_PER_S}
        for edge_ms in (overlap.window_start_ms, overlap.window_end_ms)
    ]
    return [
        drawn.mark_area(interpolate="step-after", color=colour, opacity=MEAN_OPACITY).encode(x=x, y=mean),
        drawn.mark_line(interpolate="step-after", color=colour, strokeWidth=1.4).encode(
            x=x, y=alt.Y("most:Q", title=None, scale=scales.y)
        ),
        chart_of(window).mark_rule(color=INK, opacity=0.5, strokeDash=[3, 3]).encode(x=x),
    ]


def _words(words: str) -> alt.Chart:
    drawn: alt.Chart = (
        chart_of([{"words": words}])
        .mark_text(align="left", color=INK, opacity=0.75)
        .encode(x=alt.value(AXIS_SPACE), y=alt.value(HEIGHT / 2), text="words:N")
    )
    return drawn


def in_service_section(material: Material) -> Section | None:
    """The peak in service."""
    aggregates = material.aggregates
    return one_drawing(
        "in-service",
        in_service_title(aggregates),
        "The peak over all repeats, by the server's own count.",
        (Topic.SERVER,),
        in_service_chart(aggregates, material.colours),
        Table.of((NAMED, LOAD, RESULT_BY_NAME["in_service"]), aggregates),
    )


def in_service_title(aggregates: Sequence[Aggregate]) -> str:
    """How many were served at once, by the server's own count."""
    peaks = [
        (named(each), f"{each.max_in_service}")
        for each in contrasting(aggregates)
        if each.max_in_service is not None
    ]
    if not peaks:
        return "Peak in service"
    return f"{under_greatest(aggregates)}, peak in service is {contrasted(peaks)}"


def in_service_chart(aggregates: Sequence[Aggregate], colours: Mapping[Series, str]) -> Chart | None:
    """The peak in service over all repeats; None where nobody was or nothing is told."""
    blocks = []
    maximum = 0
    for where, group in by_load(aggregates):
        counts = [(each, each.max_in_service) for each in group if each.max_in_service is not None]
        maximum = max([maximum, *(count for _, count in counts)])
        marks: list[Row] = [
            {"series": named(each), "colour": colours[each.series], "opacity": 1, "start": 0, "end": count}
            for each, count in counts
        ]
        words: list[Row] = [{"series": named(each), "words": whole(count)} for each, count in counts]
        blocks.append(Block(where, [named(each) for each in group], marks, words))
    if maximum == 0:
        return None
    return bars(blocks, axes.counts(maximum), "connections in service")
