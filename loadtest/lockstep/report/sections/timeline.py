"""Who overlapped: the one picture of a run, and the lanes of the series that are not in it."""

from __future__ import annotations

from dataclasses import replace

import altair as alt

from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import figures
from lockstep.analysis.timeline import Bar, Lane, Timeline, make_timeline
from lockstep.report.charts import axes
from lockstep.report.charts.palette import NEUTRAL, WAITING_OPACITY
from lockstep.report.charts.picture import INK, Chart, Layers, Row, chart_of
from lockstep.report.material import Material
from lockstep.report.section import Column, Drawing, Look, Section, Table
from lockstep.report.sections.figures import SERIES
from lockstep.report.words import contrasted, contrasting, counted, plain

TOPICS = (Topic.SERVER,)
WIDTH = 388
STRIP, ROWS = 46, 196
AXIS_SPACE = 34

BARS: tuple[Column[tuple[Lane, Bar]], ...] = (
    SERIES.over(lambda drawn: drawn[0].series.name),
    Column("connection", "connection", lambda drawn: str(drawn[1].row), text=True),
    Column("phase", "phase", lambda drawn: drawn[1].phase, text=True),
    Column("from", "from, ms", lambda drawn: plain(drawn[1].start_ms)),
    Column("to", "to, ms", lambda drawn: plain(drawn[1].end_ms)),
)


def timeline_sections(material: Material) -> tuple[Section | None, Section | None]:
    """The two series that contrast, and the others over the same span; None where nothing was recorded."""
    timeline = make_timeline(material.run, material.connections)
    if timeline is None:
        return None, None
    names = {each.series for each in contrasting(material.aggregates)}
    chosen = [lane for lane in timeline.lanes if lane.series in names] or list(timeline.lanes[:2])
    others = [lane for lane in timeline.lanes if lane not in chosen]
    first = _section(material, replace(timeline, lanes=tuple(chosen)), "timeline")
    if not others:
        return first, None
    return first, _section(material, replace(timeline, lanes=tuple(others)), "timeline-others")


def _section(material: Material, timeline: Timeline, name: str) -> Section:
    drawings = tuple(
        Drawing(
            timeline_chart(timeline, lane, material.colours[lane.series]),
            f"Timeline of {lane.series}: peak in service {lane.peak}",
            lane.series.name,
            f"{counted(lane.shown, 'connection')}, done after {figures(lane.done_ms)} ms",
        )
        for lane in timeline.lanes
    )
    return Section(
        name,
        timeline_title(timeline),
        _how_to_read(timeline),
        TOPICS,
        drawings,
        Table.of(BARS, [(lane, bar) for lane in timeline.lanes for bar in lane.bars]),
        _legend(material, timeline),
        wide=True,
    )


def timeline_title(timeline: Timeline) -> str:
    """What the timeline's strips show: of the connections that were kept, the peak in service.

    A mode that admits by message shows conversations, of which any number is no finding.
    """
    peaks = [(lane.series.name, str(lane.peak)) for lane in timeline.lanes if not lane.by_message]
    if not peaks:
        return "Who overlapped whom among a cell's first connections"
    return f"Peak in service among a cell's first connections: {contrasted(peaks)}"


def _legend(material: Material, timeline: Timeline) -> tuple[Look, ...]:
    """What is drawn, in the order in which it happens."""
    colours = tuple(material.colours[lane.series] for lane in timeline.lanes)
    drawn = {bar.phase for lane in timeline.lanes for bar in lane.bars}
    looks = {
        "connecting": Look("Grey", "connecting", (NEUTRAL,), 0.6),
        "waiting": Look("Pale", "waiting for admission", colours, WAITING_OPACITY),
        "in service": Look("Full", "in service", colours),
        "closing": Look("Thin", "closing", (NEUTRAL,)),
    }
    return tuple(look for phase, look in looks.items() if phase in drawn)


def _how_to_read(timeline: Timeline) -> str:
    load = counted(timeline.level, "connection")
    note = (
        f"The first connections of one cell at {load}, one row each, in order of arrival. The dashed line is "
        "where the last row ended; the strip ends with the recorded connections."
    )
    if any(lane.by_message for lane in timeline.lanes):
        note += (
            " A mode that ends in /message admits message by message: there a bar is the whole conversation, "
            "and conversations overlap although their messages do not."
        )
    return note


def timeline_chart(timeline: Timeline, lane: Lane, colour: str) -> Chart:
    """The lane drawn over the timeline's span, so that all lanes compare."""
    scale = alt.Scale(domain=[0, timeline.span_ms], nice=False)
    return alt.vconcat(_strip(timeline, lane, colour, scale), _rows(timeline, lane, colour, scale), spacing=8)


def _strip(timeline: Timeline, lane: Lane, colour: str, scale: alt.Scale) -> Layers:
    peak = max(1, *(each.peak for each in timeline.lanes))
    steps = [{"ms": at_ms, "in_service": in_service} for at_ms, in_service in lane.steps]
    ticks = [0, peak]
    area = (
        chart_of(steps)
        .mark_area(interpolate="step-after", color=colour, opacity=0.85)
        .encode(
            x=alt.X("ms:Q", scale=scale, axis=None),
            y=alt.Y(
                "in_service:Q",
                title=None,
                # The last step may end as it begins: two points at one moment must not be added up.
                stack=None,
                scale=alt.Scale(domain=[0, peak * 1.02], nice=False),
                axis=alt.Axis(values=ticks, format="d", minExtent=AXIS_SPACE),
            ),
        )
    )
    # A mode that admits by message has no admission of connections to count.
    counted = "in conversation" if lane.by_message else "in service"
    title = alt.TitleParams(counted, fontWeight="normal")
    return alt.layer(area).properties(width=WIDTH, height=STRIP, title=title)


def _rows(timeline: Timeline, lane: Lane, colour: str, scale: alt.Scale) -> Layers:
    most = max(each.shown for each in timeline.lanes)
    y_scale = alt.Scale(domain=[most, 0], nice=False)
    ticks = axes.linear(timeline.span_ms).ticks
    y_axis = alt.Axis(
        values=[0.5, most - 0.5], labelExpr="round(datum.value + 0.5)", grid=False, minExtent=AXIS_SPACE
    )
    drawn = (
        chart_of(_bars(lane, colour))
        .mark_rect()
        .encode(
            x=alt.X(
                "start:Q",
                scale=scale,
                title="milliseconds",
                axis=alt.Axis(values=list(ticks), format=axes.TICK_FORMAT),
            ),
            x2=alt.X2("end:Q"),
            y=alt.Y("top:Q", scale=y_scale, title=None, axis=y_axis),
            y2=alt.Y2("bottom:Q"),
            color=alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )
    title = alt.TitleParams("connections, in order of arrival", fontWeight="normal")
    return alt.layer(drawn, _done(lane, scale)).properties(width=WIDTH, height=ROWS, title=title)


def _bars(lane: Lane, colour: str) -> list[Row]:
    # Fill, opacity, and the gap above and below: grey is no mode's time, and a thin bar is the end.
    looks = {
        "connecting": (NEUTRAL, 0.6, 0.08),
        "waiting": (colour, WAITING_OPACITY, 0.08),
        "in service": (colour, 1.0, 0.08),
        "closing": (NEUTRAL, 1.0, 0.35),
    }
    return [
        {
            "top": bar.row - 1 + gap,
            "bottom": bar.row - gap,
            "start": bar.start_ms,
            "end": bar.end_ms,
            "colour": fill,
            "opacity": opacity,
        }
        for bar in lane.bars
        for fill, opacity, gap in [looks[bar.phase]]
    ]


def _done(lane: Lane, scale: alt.Scale) -> alt.Chart:
    """A line where the last of the rows was over."""
    rule: alt.Chart = (
        chart_of([{"ms": lane.done_ms}])
        .mark_rule(color=INK, opacity=0.5, strokeDash=[3, 3])
        .encode(x=alt.X("ms:Q", scale=scale))
    )
    return rule
