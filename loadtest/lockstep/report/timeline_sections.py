"""Who overlapped: the one picture of a run, and the lanes of the series that are not in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lockstep.analysis.check import Topic
from lockstep.analysis.timeline import Lane, Timeline, make_timeline
from lockstep.report.loads import told
from lockstep.report.material import Material
from lockstep.report.numbers import counted, figures, plain
from lockstep.report.palette import NEUTRAL, WAITING_OPACITY
from lockstep.report.section import Drawing, Look, Section, Table
from lockstep.report.timeline_chart import timeline_chart
from lockstep.report.why_words import timeline_title

TOPICS = (Topic.SERVER,)


def timeline_sections(material: Material) -> tuple[Section | None, Section | None]:
    """The two series that contrast, and the others over the same span; None where nothing was recorded."""
    timeline = make_timeline(material.run, material.connections)
    if timeline is None:
        return None, None
    names = {each.series for each in told(material.aggregates)}
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
            f"Timeline of {lane.series}: at most {counted(lane.peak, 'connection')} in service at once",
            lane.series,
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
        _numbers(timeline.lanes),
        _legend(material, timeline),
        wide=True,
    )


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


def _numbers(lanes: Sequence[Lane]) -> Table:
    """Every bar that is drawn."""
    rows = tuple(
        (lane.series, f"{bar.row}", bar.phase, plain(bar.start_ms), plain(bar.end_ms))
        for lane in lanes
        for bar in lane.bars
    )
    return Table(("mode", "connection", "phase", "from, ms", "to, ms"), rows, texts=3)


def _how_to_read(timeline: Timeline) -> str:
    said = (
        f"The first connections of one cell at {counted(timeline.level, 'user')}, one row each, in order of "
        "arrival. The dashed line is where the last row ended; the strip ends with the recorded connections."
    )
    if any(lane.by_message for lane in timeline.lanes):
        said += (
            " A mode that ends in /message admits message by message: there a bar is the whole conversation, "
            "and conversations overlap although their messages do not."
        )
    return said
