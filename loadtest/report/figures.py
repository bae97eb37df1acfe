"""The report's figures: which charts there are, and what each is called and says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.analysis.aggregate import Aggregate
from loadtest.analysis.overlap_panels import overlap_panels
from loadtest.analysis.scalability import Scaling
from loadtest.analysis.timeline import Timeline, make_timeline
from loadtest.report import story, why_words
from loadtest.report.numbers import counted, figures
from loadtest.report.overlap_chart import overlap_chart
from loadtest.report.palette import colours
from loadtest.report.row_charts import in_service_chart, time_spent_chart, times_chart
from loadtest.report.svg import Chart, to_svg
from loadtest.report.throughput_chart import throughput_chart
from loadtest.report.timeline_chart import timeline_chart
from loadtest.run_folder import Loaded


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart on the page. title: what is seen; note: how to read it; svg: the drawing itself."""

    title: str
    note: str
    svg: str


@dataclass(frozen=True, slots=True)
class TimelineFigure:
    """The picture of who overlapped: one drawing a series, all over the same span."""

    title: str
    note: str
    lanes: tuple[Figure, ...]
    client_shown: bool


def draw_timeline(loaded: Loaded, aggregates: Sequence[Aggregate]) -> TimelineFigure | None:
    """The timeline of the greatest level; None where no connection was recorded."""
    timeline = make_timeline(loaded.run, loaded.connections)
    if timeline is None:
        return None
    chosen = colours(aggregates)
    lanes = tuple(
        Figure(
            title=lane.series,
            note=f"{counted(lane.shown, 'connection')}, done after {figures(lane.done_ms)} ms",
            svg=to_svg(
                timeline_chart(timeline, lane, chosen[lane.series]),
                f"timeline-{number}",
                f"Timeline of {lane.series}: at most {lane.peak} connections in service at once",
            ),
        )
        for number, lane in enumerate(timeline.lanes)
    )
    return TimelineFigure(
        why_words.timeline_title(timeline), _how_to_read(timeline), lanes, timeline.client_shown
    )


def draw_charts(loaded: Loaded, aggregates: Sequence[Aggregate], scalings: Sequence[Scaling]) -> list[Figure]:
    """Every other chart for which there is data."""
    chosen = colours(aggregates)
    panels = overlap_panels(loaded.run, loaded.details)
    candidates: list[tuple[str, str, str, Chart | None]] = [
        (
            "throughput",
            story.throughput_title(aggregates),
            "Messages answered per second. A dot is one repeat. The line is the scalability law where it "
            "fits, dashed beyond what was measured, its peak a diamond. Else it runs through the medians, "
            "dotted where the law does not fit.",
            throughput_chart(loaded.run.cells, aggregates, chosen, scalings),
        ),
        (
            "overlap",
            why_words.overlap_title(panels),
            "One whole cell of each mode, by the server's records. Area: the mean of each bin, line: the "
            "most in it. The measured window lies between the dashed lines.",
            overlap_chart(panels, chosen),
        ),
        (
            "in-service",
            story.in_service_title(aggregates),
            "The greatest number over all repeats, by the server's own count.",
            in_service_chart(aggregates, chosen),
        ),
        (
            "connect",
            story.connect_title(aggregates),
            "The kernel completes a connect, admitted or not: waiting does not show here, but in the first "
            "reply. Dot p50, bar to p99, medians of the repeats.",
            times_chart(
                aggregates, chosen, lambda each: each.connect_p50_us, lambda each: each.connect_p99_us
            ),
        ),
        (
            "first-reply",
            story.first_reply_title(aggregates),
            "From a connection's first message to its reply: dot p50, bar to p99, medians of the repeats.",
            times_chart(
                aggregates, chosen, lambda each: each.first_reply_p50_us, lambda each: each.first_reply_p99_us
            ),
        ),
        (
            "response",
            story.response_title(aggregates),
            "From a message to its reply: dot p50, bar to p99, medians of the repeats.",
            times_chart(
                aggregates, chosen, lambda each: each.response_p50_us, lambda each: each.response_p99_us
            ),
        ),
        (
            "time-spent",
            story.time_spent_title(aggregates),
            "Grey: network and kernel backlog. Pale: waiting for admission. Full: service.",
            time_spent_chart(aggregates, chosen),
        ),
    ]
    return [
        Figure(title, note, to_svg(chart, name, title))
        for name, title, note, chart in candidates
        if chart is not None
    ]


def _how_to_read(timeline: Timeline) -> str:
    said = (
        f"The first connections of one cell at {counted(timeline.level, 'user')}, one row each. All modes "
        "over the same span; the dashed line is where the last row ended, and the strip ends with the cell's "
        "recorded connections."
    )
    if any(lane.mode.endswith("/message") for lane in timeline.lanes):
        said += (
            " A mode that ends in /message admits message by message: there a bar is the whole conversation, "
            "and conversations overlap although their messages do not."
        )
    return said
