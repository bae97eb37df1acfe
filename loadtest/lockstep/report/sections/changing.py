"""A load that changes by plan: what was offered, second by second, and what was achieved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import altair as alt

from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import figures
from lockstep.analysis.series import Series, whole_groups
from lockstep.report.charts import axes
from lockstep.report.charts.palette import NEUTRAL
from lockstep.report.charts.picture import Chart, Row, chart_of
from lockstep.report.material import Material
from lockstep.report.section import Column, Drawing, Look, Section, Table
from lockstep.report.sections.figures import SERIES
from lockstep.report.words import contrasted, counted, percent, plain
from lockstep.runs.records import Cell, CellDetail
from lockstep.scenario import SCENARIOS
from lockstep.stages import Stages

WIDTH, HEIGHT = 388, 150
# A second in which next to nothing was due says nothing of who keeps up.
_LITTLE = 0.05
OF_DUE = " of what was due"


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a cell's window, the mean over the repeats.

    offered: messages due in it where arrivals are open, else users that take part, on average. answered,
    failed: messages.
    """

    number: int
    offered: float
    answered: float
    failed: float


@dataclass(frozen=True, slots=True)
class Course:
    """How one series fared at one level while the load changed. of_rate: whether that was a rate."""

    series: Series
    level: int
    of_rate: bool
    seconds: tuple[Second, ...]

    @property
    def kept_up(self) -> float | None:
        """The least part of what was due that was answered in a second; None where nothing was due."""
        if not self.of_rate:
            return None
        most = max(each.offered for each in self.seconds)
        parts = [each.answered / each.offered for each in self.seconds if each.offered > _LITTLE * most]
        return min(parts, default=None)

    @property
    def best(self) -> Second:
        """The second in which most was answered."""
        return max(self.seconds, key=lambda each: each.answered)


def courses(material: Material) -> list[Course]:
    """Those of the greatest level, in the order of the plan."""
    changing = [cell for cell in material.cells if cell.stages]
    found = [
        Course(place.series, place.level, group[0].rate_per_s is not None, seconds)
        for place, group in whole_groups(changing, material.modes).items()
        if (seconds := _seconds_of(group, material.details))
    ]
    level = max((course.level for course in found), default=0)
    return [course for course in found if course.level == level]


def _seconds_of(cells: Sequence[Cell], details: Mapping[int, CellDetail]) -> tuple[Second, ...]:
    rows = [
        {row["second"]: row for row in details[cell.index].per_second}
        for cell in cells
        if cell.index in details
    ]
    if not rows:
        return ()
    cell, nothing = cells[0], {"answered": 0, "failed": 0}
    stages, open_load = Stages.parse(cell.stages), cell.rate_per_s is not None
    fixed = SCENARIOS[cell.scenario].messages if cell.scenario in SCENARIOS else 1
    each = (cell.messages_per_connection if fixed is None else fixed) if open_load else 1
    # A last part of a second would look as if the load fell.
    return tuple(
        Second(
            number,
            each * (stages.by(number + 1) - stages.by(number)),
            fmean(row.get(number, nothing)["answered"] for row in rows),
            fmean(row.get(number, nothing)["failed"] for row in rows),
        )
        for number in range(int(stages.seconds + 1e-9))
    )


def changing_section(material: Material) -> Section | None:
    """Offered against achieved, a drawing for each series."""
    found = courses(material)
    if not found:
        return None
    of_rate = found[0].of_rate
    grey = "messages that were due" if of_rate else "users that take part (scale on the right)"
    return Section(
        "changing-load",
        changing_sentence(found),
        f"Second by second: how many messages were answered, and in grey {grey}. Means of the repeats.",
        (Topic.THROUGHPUT,),
        tuple(
            Drawing(
                _chart(course, material.colours[course.series], found),
                f"{course.series}: offered and achieved, second by second",
                course.series.name,
            )
            for course in found
        ),
        Table.of(SECONDS, [(course, each) for course in found for each in course.seconds]),
        (
            Look("Line", "answered", tuple(material.colours[course.series] for course in found)),
            Look("Grey", "offered" if of_rate else "users", (NEUTRAL,)),
        ),
        wide=True,
    )


def changing_sentence(found: Sequence[Course]) -> str:
    """Who keeps up with a rate, or what users come to."""
    if found[0].of_rate:
        most = max(each.offered for each in found[0].seconds)
        known = [(str(each.series), each.kept_up) for each in found]
        kept = [(series, percent(min(part, 1.0))) for series, part in known if part is not None]
        if not kept:
            return "Nothing was due"
        offered = f"At up to {figures(most)} messages a second"
        return f"{offered}, the worst second answers {contrasted(kept, OF_DUE)}"
    users = round(max(each.offered for each in found[0].seconds))
    best = [(str(each.series), f"{figures(each.best.answered)} messages/s") for each in found]
    return f"With up to {counted(users, 'user')} that come and go, the best second has {contrasted(best)}"


def _chart(course: Course, colour: str, all_of_them: Sequence[Course]) -> Chart:
    """On the same scales as the others."""
    answered = max(each.answered for other in all_of_them for each in other.seconds)
    offered = max(each.offered for other in all_of_them for each in other.seconds)
    rows: list[Row] = [
        {"second": each.number + 0.5, "from": each.number, "offered": each.offered, "answered": each.answered}
        for each in course.seconds
    ]
    rows.append({**rows[-1], "from": len(course.seconds)})
    one = axes.linear(max(answered, offered) if course.of_rate else answered)
    other = one if course.of_rate else axes.linear(offered)
    chart = chart_of(rows)
    x = alt.X("from:Q", title="seconds", scale=alt.Scale(nice=False), axis=alt.Axis(grid=False, format="d"))
    messages = _scale(one, alt.Axis(values=list(one.ticks), format=axes.TICK_FORMAT, title="messages/s"))
    users = _scale(other, alt.Axis(orient="right", grid=False, values=list(other.ticks), title="users"))
    grey = chart.mark_area(interpolate="step-after", color=NEUTRAL, opacity=0.45).encode(
        x=x, y=alt.Y("offered:Q", **(messages if course.of_rate else users))
    )
    marked = chart_of(rows[:-1]).mark_line(color=colour, strokeWidth=2.2, point={"size": 18, "color": colour})
    line = marked.encode(x=alt.X("second:Q"), y=alt.Y("answered:Q", **messages))
    layers = alt.layer(grey, line).properties(width=WIDTH, height=HEIGHT)
    return layers if course.of_rate else layers.resolve_scale(y="independent")


def _scale(axis: axes.Axis, drawn: alt.Axis) -> dict[str, Any]:
    return {"axis": drawn, "scale": alt.Scale(domain=[axis.low, axis.high], nice=False), "title": None}


SECONDS: tuple[Column[tuple[Course, Second]], ...] = (
    SERIES.over(lambda row: row[0].series.name),
    Column("second", "second", lambda row: str(row[1].number)),
    Column("offered", "offered: messages due, or users", lambda row: plain(row[1].offered)),
    Column("answered", "answered", lambda row: plain(row[1].answered)),
    Column("failed", "failed", lambda row: plain(row[1].failed)),
)
