"""Who holds it: where a server's threads were, function by function, while a profiler looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import altair as alt

from lockstep.analysis.check import Topic
from lockstep.analysis.flames import Box, Doing, boxes, held_at, shares
from lockstep.analysis.numbers import ABSENT
from lockstep.report.charts.palette import NEUTRAL, PAPER
from lockstep.report.charts.picture import INK, Layers, Row, chart_of
from lockstep.report.material import Material
from lockstep.report.section import Column, Drawing, Look, Section, Table
from lockstep.report.sections.figures import LEVEL, SERIES, THROUGHPUT
from lockstep.report.words import rate, whole
from lockstep.runs.profiles import Profile

WIDTH, ROW = 880, 19
FONT_SIZE, LETTER = 11, 6.2
FUNCTION_OPACITY = 0.16
# A line of source in a title; and what is less than this is nobody's trouble.
LINE, WORTH_TELLING = 60, 0.05
# White is legible on each.
COLOURS = {
    Doing.WAITS_FOR_A_THREAD: "#c2410c",
    Doing.WAITS_FOR_A_PEER: "#6b7682",
    Doing.WORKS: "#0f766e",
}
LOOKS = {Doing.WAITS_FOR_A_THREAD: "Red", Doing.WAITS_FOR_A_PEER: "Grey", Doing.WORKS: "Green"}


@dataclass(frozen=True, slots=True)
class Flame:
    """A profile, and what the series answered in its measured cells under the same load, if that is known."""

    profile: Profile
    usual_per_s: float | None

    def share(self, doing: Doing) -> str:
        """The part of the threads' time, in words."""
        return f"{shares(self.profile.stacks).get(doing, 0.0):.0%}"

    @property
    def cost(self) -> str:
        """How much less it answered beside the profiler than in its measured cells, in words."""
        beside = self.profile.messages_per_s
        if beside is None or not self.usual_per_s:
            return ABSENT
        return f"{beside / self.usual_per_s - 1:+.0%}"


def _share_of(doing: Doing) -> Column[Flame]:
    return Column(doing.name.lower(), doing.value, lambda each: each.share(doing))


FLAMES: tuple[Column[Flame], ...] = (
    SERIES.over(lambda each: each.profile.mode),
    LEVEL.over(lambda each: whole(each.profile.level)),
    *(_share_of(doing) for doing in Doing),
    Column("samples", "samples", lambda each: whole(sum(stack.samples for stack in each.profile.stacks))),
    THROUGHPUT.over(lambda each: rate(each.profile.messages_per_s)),
    Column("cost", "against its other cells", lambda each: each.cost),
    Column("tool", "profiler", lambda each: each.profile.tool, text=True),
)


def flames_section(material: Material) -> Section | None:
    """The flame graph of each series that has one."""
    flames = [Flame(each, _usual(material, each)) for each in material.profiles if each.stacks]
    if not flames:
        return None
    return Section(
        "flames",
        _title(flames),
        "All threads of the server's process, those that wait too, in one more cell of each series under its "
        "greatest load, which counts for nothing else: the profiler stops the process for a moment in each "
        "sample, and the numbers say what that cost. Functions stand above those that called them, as wide "
        "as the share of all threads' time that was spent in them; on top is the line that threads were at, "
        "coloured by what it does. Time in which a thread waited for the interpreter's own lock is at work.",
        (Topic.SERVER,),
        tuple(
            Drawing(
                _chart(boxes(each.profile.stacks)),
                f"Flame graph of {each.profile.mode} at {each.profile.level} connections",
                each.profile.mode,
                ", ".join(f"{each.share(doing)} {doing.value}" for doing in Doing),
                file=f"flames-{number}.svg",
            )
            for number, each in enumerate(flames, start=1)
        ),
        Table.of(FLAMES, flames),
        tuple(Look(LOOKS[doing], doing.value, (COLOURS[doing],)) for doing in Doing),
        wide=True,
    )


def _title(flames: Sequence[Flame]) -> str:
    """Who waits most for other threads, and where."""
    held = [(told, each) for each in flames if (told := held_at(each.profile.stacks)) is not None]
    (line, share), most = max(held, key=lambda pair: pair[0][1], default=(("", 0.0), None))
    if most is None or share < WORTH_TELLING:
        return "Who holds it: where the server's threads were"
    return (
        f"Who holds it: {most.profile.mode}'s threads spend {share:.0%} of their time at {_cut(line, LINE)}"
    )


def _usual(material: Material, profile: Profile) -> float | None:
    found = [
        cell.messages_per_s
        for cell in material.cells
        if (cell.mode, cell.level) == (profile.mode, profile.level) and cell.messages_per_s is not None
    ]
    return median(found) if found else None


def _chart(drawn: Sequence[Box]) -> Layers:
    height = 1 + max(box.depth for box in drawn)
    rows: list[Row] = [
        {
            "from": box.start,
            "to": box.end,
            "middle": (box.start + box.end) / 2,
            "bottom": box.depth,
            "top": box.depth + 0.94,
            "row": box.depth + 0.5,
            "words": _fitting(box),
            "colour": NEUTRAL if box.doing is None else COLOURS[box.doing],
            "opacity": FUNCTION_OPACITY if box.doing is None else 1.0,
            "ink": INK if box.doing is None else PAPER,
        }
        for box in drawn
    ]
    x = alt.Scale(domain=[0, 1], nice=False)
    y = alt.Scale(domain=[0, height], nice=False)
    rects = (
        chart_of(rows)
        .mark_rect(stroke=PAPER, strokeWidth=0.5, strokeOpacity=0.6)
        .encode(
            x=alt.X("from:Q", scale=x, axis=None),
            x2=alt.X2("to:Q"),
            y=alt.Y("bottom:Q", scale=y, axis=None),
            y2=alt.Y2("top:Q"),
            color=alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )
    texts = (
        chart_of([row for row in rows if row["words"]])
        .mark_text(fontSize=FONT_SIZE, baseline="middle")
        .encode(
            x=alt.X("middle:Q", scale=x, axis=None),
            y=alt.Y("row:Q", scale=y, axis=None),
            text=alt.Text("words:N"),
            color=alt.Color("ink:N", scale=None),
        )
    )
    return alt.layer(rects, texts).properties(width=WIDTH, height=ROW * height)


def _fitting(box: Box) -> str:
    """As much of its words as it has room for; nothing where that would tell nothing."""
    room = int((box.end - box.start) * WIDTH / LETTER) - 1
    return _cut(box.words, room) if room >= min(len(box.words), 5) else ""


def _cut(words: str, room: int) -> str:
    return words if len(words) <= room else f"{words[: room - 1]}…"
