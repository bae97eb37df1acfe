"""One mode's timeline: how many are in service above, a row for every connection below."""

from __future__ import annotations

import altair as alt

from lockstep.analysis.timeline import Lane, Timeline
from lockstep.report import axes
from lockstep.report.palette import NEUTRAL, WAITING_OPACITY
from lockstep.report.svg import INK, Chart, Layers, Row, chart_of

WIDTH = 388
STRIP, ROWS = 46, 196
AXIS_SPACE = 34


def timeline_chart(timeline: Timeline, lane: Lane, colour: str) -> Chart:
    """The lane drawn over the timeline's span, so that all lanes compare."""
    scale = alt.Scale(domain=[0, timeline.span_ms], nice=False)
    return alt.vconcat(_strip(timeline, lane, colour, scale), _rows(timeline, lane, colour, scale), spacing=8)


def _strip(timeline: Timeline, lane: Lane, colour: str, scale: alt.Scale) -> Layers:
    greatest = max(1, *(each.peak for each in timeline.lanes))
    steps = [{"ms": at_ms, "in_service": in_service} for at_ms, in_service in lane.steps]
    ticks = [0, greatest]
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
                scale=alt.Scale(domain=[0, greatest * 1.02], nice=False),
                axis=alt.Axis(values=ticks, format="d", minExtent=AXIS_SPACE),
            ),
        )
    )
    # A mode that admits by message has no admission of connections to count.
    counted = "in conversation" if lane.by_message else "in service"
    title = alt.TitleParams(f"{counted} at once", fontWeight="normal")
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
