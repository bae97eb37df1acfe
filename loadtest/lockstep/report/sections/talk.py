"""What scenarios show that do more than ask and wait: pipelines, senders that are blocked, what is pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import ABSENT, figures
from lockstep.analysis.series import whole_groups
from lockstep.report.charts import axes
from lockstep.report.charts.picture import Chart, Row
from lockstep.report.charts.rows import Block, bars
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, one_drawing, table_section
from lockstep.report.sections.figures import LOAD, NAMED, RESULT_BY_NAME, typical
from lockstep.report.sections.times import time_title, times_section
from lockstep.report.words import (
    by_load,
    contrasted,
    contrasting,
    mean_count,
    named,
    percent,
    rate,
    senders_words,
    under_greatest,
    whole,
)
from lockstep.runs.records import Cell, Mode
from lockstep.scenario import answered

PIPELINED = "pipelined"
TOPICS = (Topic.THROUGHPUT, Topic.TIMES)


@dataclass(frozen=True, slots=True)
class Talk:
    """One series at one level, of a scenario in which users do not merely ask and wait.

    depth: messages in flight on a connection.
    """

    each: Aggregate
    depth: int


def talks(cells: Sequence[Cell], modes: Mapping[str, Mode], scenario: str) -> list[Talk]:
    """Those of one scenario, as the aggregates are ordered."""
    chosen = [cell for cell in cells if cell.scenario == scenario]
    groups = whole_groups(chosen, modes)
    return [
        Talk(each, group[0].depth)
        for each in aggregate(chosen, modes)
        for group in [groups.get((each.series, each.level), [])]  # type: ignore[call-overload]
        if group
    ]


PIPELINES: tuple[Column[Talk], ...] = (
    NAMED.over(lambda talk: named(talk.each)),
    LOAD.over(lambda talk: LOAD.value(talk.each)),
    Column("depth", "in flight on each", lambda talk: whole(talk.depth)),
    Column(
        "under_way",
        "in flight, mean",
        lambda talk: ABSENT if talk.each.under_way is None else mean_count(talk.each.under_way),
    ),
    RESULT_BY_NAME["messages_per_s"].over(lambda talk: rate(_throughput(talk.each))),
    Column("each_per_s", "messages/s, each connection", lambda talk: rate(_of_one(talk))),
    RESULT_BY_NAME["response_p50"].over(lambda talk: typical(talk.each, "response", "p50")),
    RESULT_BY_NAME["response_p99"].over(lambda talk: typical(talk.each, "response", "p99")),
)


def pipeline_section(material: Material) -> Section | None:
    """What many messages in flight on a connection come to."""
    found = talks(material.cells, material.modes, PIPELINED)
    shown = [talk for talk in found if talk.each in contrasting([each.each for each in found])]
    if not shown:
        return None
    where = under_greatest([talk.each for talk in found])
    depth = " or ".join(dict.fromkeys(whole(talk.depth) for talk in found))
    pairs = [(named(talk.each), f"{figures(_of_one(talk) or 0)} a second") for talk in shown]
    return table_section(
        "pipelines",
        f"{where} with {depth} messages in flight on each, a connection carries {contrasted(pairs)}",
        "A connection writes as many messages as replies have come, without waiting for the rest. A "
        "message's time runs from its write to its reply, and so holds its wait behind those before it: it "
        "grows with the depth where the throughput no longer does.",
        TOPICS,
        Table.of(PIPELINES, found),
    )


def _throughput(each: Aggregate) -> float | None:
    return None if each.messages_per_s is None else each.messages_per_s.median


def _of_one(talk: Talk) -> float | None:
    total = _throughput(talk.each)
    return None if total is None else total / talk.each.level


def _share(part: float | None) -> str:
    return ABSENT if part is None else percent(part)


def _to_send(part: str) -> Column[Talk]:
    return Column(f"send_{part}", f"to send, {part}", lambda talk: typical(talk.each, "response", part))


SENDERS: tuple[Column[Talk], ...] = (
    NAMED.over(lambda talk: named(talk.each)),
    LOAD.over(lambda talk: LOAD.value(talk.each)),
    Column("blocked", "time in sending", lambda talk: _share(talk.each.sending)),
    RESULT_BY_NAME["messages_per_s"].over(lambda talk: rate(_throughput(talk.each))),
    *(_to_send(part) for part in ("p50", "p99", "p999", "max")),
)


def senders_section(material: Material) -> Section | None:
    """How long a peer that is slow to read makes its senders wait."""
    found = [
        talk
        for scenario in dict.fromkeys(cell.scenario for cell in material.cells)
        if not answered(scenario)
        for talk in talks(material.cells, material.modes, scenario)
    ]
    return one_drawing(
        "back-pressure",
        senders_words([talk.each for talk in found]) or "How long senders were held up",
        "The part of its time that a user spends in handing a message to the system. Little, where the peer "
        "reads as fast as is sent; where it does not, buffers fill on both sides, and the sender waits until "
        "there is room again: few messages wait, and those long.",
        TOPICS,
        senders_chart(found, material),
        Table.of(SENDERS, found),
    )


def senders_chart(found: Sequence[Talk], material: Material) -> Chart | None:
    """A bar for each series' blocked time; None where none was counted."""
    blocks = []
    for where, group in by_load([talk.each for talk in found]):
        known = [(each, part) for each in group if (part := each.sending) is not None]
        marks: list[Row] = [
            {
                "series": named(each),
                "colour": material.colours[each.series],
                "opacity": 1.0,
                "start": 0.0,
                "end": 100 * part,
            }
            for each, part in known
        ]
        words: list[Row] = [{"series": named(each), "words": percent(part)} for each, part in known]
        blocks.append(Block(where, [named(each) for each in group], marks, words))
    if not any(block.marks for block in blocks):
        return None
    return bars(blocks, axes.linear(100.0), "percent of the senders’ time")


def fan_out_section(material: Material) -> Section | None:
    """How long what is pushed is on its way to everybody, where it says when it was due."""
    if not any("fan_out" in cell.times for cell in material.cells):
        return None
    return times_section(
        material,
        "fan_out",
        time_title(material.aggregates, "p99 fan-out latency", lambda each: each.time("fan_out", "p99")),
        "From the moment at which the server was to push, the same for all its connections, to its arrival "
        "at each of them: the last ones wait while the server goes round the others. By one clock, on one "
        "machine.",
        (Topic.TIMES,),
    )
