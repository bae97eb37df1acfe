"""What holds a server up: its threads on a core, awaiting one, and asleep; its queue and connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import altair as alt

from lockstep.analysis.check import Topic
from lockstep.analysis.holders import Holder
from lockstep.analysis.numbers import ABSENT, duration, figures
from lockstep.report.charts.picture import INK, Layers, Row, chart_of
from lockstep.report.headline import as_sentence
from lockstep.report.holder_words import held_sentence, threads_of
from lockstep.report.material import Material
from lockstep.report.section import Column, Look, Section, Table, table_section
from lockstep.report.sections.figures import LEVEL, SERIES
from lockstep.report.words import whole
from lockstep.runs.watched import MOST_SEEN, Watched, averaged

MS_PER_S = 1_000
ASLEEP_OPACITY, AWAITING_OPACITY = 0.22, 0.7
STRIP = 44
# From so many connections on that nobody accepts, they are told of.
QUEUE_TOLD = 1


def _told(value: float | None, words: Callable[[float], str]) -> str:
    return ABSENT if value is None else words(value)


def _queue(watched: Watched) -> str:
    if watched.backlog is None or watched.backlog_bound is None:
        return ABSENT
    return f"{threads_of(watched.backlog)} of {watched.backlog_bound:,.0f}"


HELD: tuple[Column[Holder], ...] = (
    SERIES.over(lambda each: each.place.series.name),
    LEVEL.over(lambda each: whole(each.place.level)),
    Column("threads", "threads", lambda each: _threads(each.watched)),
    Column("on_cpu", "on a core", lambda each: threads_of(each.watched.on_cpu)),
    Column("awaiting_core", "waiting for a core", lambda each: _awaiting(each.watched)),
    Column("asleep", "asleep", lambda each: threads_of(each.watched.asleep)),
    Column(
        "awaiting_admission",
        "for admission",
        lambda each: _told(each.awaiting_admission, threads_of),
        server_told=True,
    ),
    Column("voluntary", "gives up, /s", lambda each: figures(each.watched.voluntary)),
    Column("involuntary", "loses, /s", lambda each: figures(each.watched.involuntary)),
    Column("backlog", "listen queue", lambda each: _queue(each.watched), server_told=True),
    Column("rtt", "round trip", lambda each: _told(each.watched.rtt_us, duration), server_told=True),
    Column("unacked", "unacked", lambda each: _told(each.watched.unacked, figures), server_told=True),
    Column("resent", "resent", lambda each: _told(each.watched.retransmits, figures), server_told=True),
)


def _threads(watched: Watched) -> str:
    """Of the only process, or of how many."""
    processes = round(watched.processes)
    return whole(round(watched.threads)) + (f" in {processes:,}" if processes > 1 else "")


def _awaiting(watched: Watched) -> str:
    about = "" if watched.seen >= MOST_SEEN else "about "
    return f"{about}{threads_of(watched.awaiting_core)}"


def threads_section(material: Material) -> Section | None:
    """Every series and level that was watched; None where none was."""
    sentence = held_sentence(material.holders, material.aggregates)
    return table_section(
        "threads",
        "What the server's threads wait for" if sentence is None else as_sentence(sentence).removesuffix("."),
        "The server's threads over the measured window, as the kernel counts them, child processes included: "
        "time averages, medians over the repeats. On a core: processor time used. Waiting for a core: time "
        "on a run queue; “about” where most threads ended before they could be asked, as with a thread for "
        "each short session, and looks at who could have run tell it. Asleep: waiting for a lock, a timer, "
        "or the next message; for admission: so many of the messages under way, by the server's own word. A "
        "thread gives up a core to sleep, and loses it to another. Listen queue: connections that nobody has "
        "accepted. The rest is of some of the connections to the server's port: the kernel's smoothed round "
        "trip, segments that are not acknowledged, and those sent again since they opened.",
        (Topic.SERVER,),
        Table.told(HELD, material.holders),
    )


def looks(colours: tuple[str, ...]) -> tuple[Look, ...]:
    """What the strips show, in the colours of their series; nothing where there are none."""
    if not colours:
        return ()
    return (
        Look("Full", "threads on a core", colours),
        Look("Dark", "waiting for a core", (INK,), AWAITING_OPACITY),
        Look("Pale", "asleep", colours, ASLEEP_OPACITY),
    )


def strip(
    stretches: Sequence[Watched], colour: str, x: alt.X, room: tuple[int, int], most: float, name: str
) -> Layers:
    """Threads on a core, above them those that await one, above these who sleeps; a step for each stretch.

    room: its width, and that of its axis. most: the greatest number of threads in any strip. name: of whom it
    is, where nothing above it says that.
    """
    width, space = room
    rows: list[Row] = []
    for each in stretches:
        top = 0.0
        for count, fill, opacity in (
            (each.on_cpu, colour, 1.0),
            (each.awaiting_core, INK, AWAITING_OPACITY),
            (each.asleep, colour, ASLEEP_OPACITY),
        ):
            rows.append(
                {
                    # Where connections that stay are opened first, the first look is of before the cell.
                    "from": max(each.from_ms, 0) / MS_PER_S,
                    "to": each.until_ms / MS_PER_S,
                    "bottom": top,
                    "top": top + count,
                    "colour": fill,
                    "opacity": opacity,
                }
            )
            top += count
    y_scale = alt.Scale(domain=[0, most * 1.05], nice=False)
    y_axis = alt.Axis(values=[0, most], format=",.0f", minExtent=space)
    drawn = (
        chart_of(rows)
        .mark_rect()
        .encode(
            x=x,
            x2=alt.X2("to:Q"),
            y=alt.Y("bottom:Q", title=None, scale=y_scale, axis=y_axis),
            y2=alt.Y2("top:Q"),
            color=alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )
    title = alt.TitleParams(f"{name}{_strip_title(stretches)}", fontWeight="normal")
    return alt.layer(drawn).properties(width=width, height=STRIP, title=title)


def _strip_title(stretches: Sequence[Watched]) -> str:
    mean = averaged(stretches)
    assert mean is not None, "only who was watched is drawn"
    queue = f"; listen queue {_queue(mean)}" if mean.backlog and mean.backlog >= QUEUE_TOLD else ""
    return (
        f"threads: {threads_of(mean.on_cpu)} on a core, {threads_of(mean.awaiting_core)} waiting for one, "
        f"{threads_of(mean.asleep)} asleep{queue}"
    )
