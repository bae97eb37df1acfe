"""Who overlapped: the one picture of a run, and the lanes of the series that are not in it."""

from __future__ import annotations

from collections.abc import Sequence

from loadtest.analysis.finding import Topic
from loadtest.analysis.timeline import Lane, Timeline, make_timeline
from loadtest.report.loads import told
from loadtest.report.material import Material
from loadtest.report.numbers import counted, figures, plain
from loadtest.report.palette import NEUTRAL, WAITING_OPACITY
from loadtest.report.section import Drawing, Look, Section, Table
from loadtest.report.timeline_chart import timeline_chart
from loadtest.report.titles import contrasted, overlap_title

TOPICS = (Topic.SERVER,)


def timeline_sections(material: Material) -> tuple[Section | None, Section | None]:
    """The two series that contrast, and the others over the same span; None where nothing was recorded."""
    timeline = make_timeline(material.run, material.connections)
    if timeline is None:
        return None, None
    names = {each.series for each in told(material.aggregates)}
    chosen = [lane for lane in timeline.lanes if lane.series in names] or list(timeline.lanes[:2])
    others = [lane for lane in timeline.lanes if lane not in chosen]
    title = overlap_title(_in_service(material, timeline.level, chosen))
    first = _section(material, timeline, chosen, "timeline", title, _how_to_read(timeline, chosen))
    if not others:
        return first, None
    peaks = contrasted(
        [(series, f"{most}") for series, most in _in_service(material, timeline.level, others).items()]
    )
    rest = _section(
        material,
        timeline,
        others,
        "timeline-others",
        "The other modes over the same span",
        f"In service at once: {peaks}. " + _how_to_read(timeline, others),
    )
    return first, rest


def _section(
    material: Material, timeline: Timeline, lanes: Sequence[Lane], name: str, title: str, note: str
) -> Section:
    drawings = tuple(
        Drawing(
            timeline_chart(timeline, lane, material.colours[lane.series]),
            f"Timeline of {lane.series}: at most {lane.peak} connections in service at once",
            lane.series,
            f"{counted(lane.shown, 'connection')}, done after {figures(lane.done_ms)} ms",
        )
        for lane in lanes
    )
    legend = _legend(tuple(material.colours[lane.series] for lane in lanes), timeline.client_shown)
    return Section(name, title, note, TOPICS, drawings, _numbers(lanes), legend, wide=True)


def _in_service(material: Material, level: int, lanes: Sequence[Lane]) -> dict[str, int]:
    """Series -> the most in service at once: as the server counted, else as the recorded lane shows."""
    counted_by_server = {
        each.series: each.max_in_service
        for each in material.aggregates
        if each.level == level and each.max_in_service is not None
    }
    return {lane.series: counted_by_server.get(lane.series, lane.peak) for lane in lanes}


def _legend(colours: tuple[str, ...], client_shown: bool) -> tuple[Look, ...]:
    connecting = (Look("Grey", "connecting", (NEUTRAL,), 0.6),) if client_shown else ()
    return (
        *connecting,
        Look("Pale", "waiting for admission", colours, WAITING_OPACITY),
        Look("Full", "in service", colours),
    )


def _numbers(lanes: Sequence[Lane]) -> Table:
    """Every bar that is drawn."""
    rows = tuple(
        (lane.series, f"{bar.row}", bar.phase, plain(bar.start_ms), plain(bar.end_ms))
        for lane in lanes
        for bar in lane.bars
    )
    return Table(("mode", "connection", "phase", "from, ms", "to, ms"), rows, texts=3)


def _how_to_read(timeline: Timeline, lanes: Sequence[Lane]) -> str:
    said = (
        f"The first connections of one cell at {counted(timeline.level, 'user')}, one row each, in order of "
        "arrival. The dashed line is where the last row ended; the strip ends with the recorded connections."
    )
    if any(lane.mode.endswith("/message") for lane in lanes):
        said += (
            " A mode that ends in /message admits message by message: there a bar is the whole conversation, "
            "and conversations overlap although their messages do not."
        )
    return said
