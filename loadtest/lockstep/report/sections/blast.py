"""Blast radius: what is left of everybody's throughput where idle or hostile users are beside them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from lockstep.analysis.blast import Radius
from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import ABSENT, duration, figures
from lockstep.beside import KINDS
from lockstep.report.charts import axes
from lockstep.report.charts.palette import NEUTRAL, WAITING_OPACITY
from lockstep.report.charts.picture import Row
from lockstep.report.charts.rows import Block, bars
from lockstep.report.material import Material
from lockstep.report.section import Column, Drawing, Look, Section, Table
from lockstep.report.sections.figures import LEVEL, SERIES
from lockstep.report.words import (
    NAMES,
    blast_sentence,
    company_words,
    kept_words,
    percent,
    rate,
    where,
    whole,
)


def blast_section(material: Material) -> Section | None:
    """What each kind of company does to the users of each mode, at each level."""
    found = material.radii
    if not found:
        return None
    return Section(
        "blast-radius",
        blast_sentence(found),
        "What is left of the others' throughput when these users are beside them, against the same cell "
        "without, repeat by repeat. Right of each bar: what is left, and how many times as long p99 is; "
        "stuck: so many messages were never answered that p99 is one of theirs; not significant: the "
        "interval holds 100%. Nothing that the company itself does is in any figure.",
        (Topic.THROUGHPUT, Topic.TIMES),
        tuple(_drawing(kind, list(group), material) for kind, group in groupby(found, key=_kind)),
        Table.of(RADII, found),
        (
            Look("Full", "what is left", tuple(dict.fromkeys(material.colours.values()))),
            Look("Pale", "what is lost", (NEUTRAL,), WAITING_OPACITY),
        ),
        wide=True,
    )


def _kind(radius: Radius) -> str:
    return radius.company.kind


def _drawing(kind: str, found: Sequence[Radius], material: Material) -> Drawing:
    name = f"{NAMES[kind].capitalize()}s"
    ordered = sorted(found, key=lambda each: (each.place.level, each.company.users))
    blocks = [_block(where, list(group), material) for where, group in groupby(ordered, key=where)]
    chart = bars(blocks, axes.linear(100.0), "percent of the throughput without them")
    return Drawing(chart, f"{name}: what is left of the throughput", name, KINDS[kind])


def change_words(radius: Radius) -> str:
    """What is left, and what becomes of p99: `12% · p99 40 times`, `0% · 32 stuck`."""
    left = kept_words(radius)
    if radius.stuck:
        return f"{left} · {radius.stuck:,} stuck"
    if radius.slower is None:
        return left
    return f"{left} · p99 × {figures(radius.slower)}"


def _block(where: str, group: Sequence[Radius], material: Material) -> Block:
    marks: list[Row] = []
    words: list[Row] = []
    for radius in group:
        name, left = radius.place.series.name, min(100 * radius.kept, 100.0)
        colour = material.colours.get(radius.place.series, NEUTRAL)
        marks.append({"series": name, "colour": colour, "opacity": 1.0, "start": 0.0, "end": left})
        marks.append(
            {"series": name, "colour": NEUTRAL, "opacity": WAITING_OPACITY, "start": left, "end": 100.0}
        )
        words.append({"series": name, "words": change_words(radius)})
    return Block(where, [radius.place.series.name for radius in group], marks, words)


def _interval(radius: Radius) -> str:
    found = radius.interval
    if found is None or found.low is None or found.high is None:
        return ABSENT
    return f"{percent(found.low)} to {percent(found.high)}"


RADII: tuple[Column[Radius], ...] = (
    SERIES.over(lambda radius: radius.place.series.name),
    Column("company", "beside them", company_words, text=True),
    LEVEL.over(lambda radius: whole(radius.place.level)),
    Column("alone_per_s", "messages/s without", lambda radius: rate(radius.alone_per_s)),
    Column("beside_per_s", "with", lambda radius: rate(radius.beside_per_s)),
    Column("kept", "left", lambda radius: percent(radius.kept)),
    Column("kept_interval", "95% CI", _interval),
    Column("alone_p99", "p99 without", lambda radius: duration(radius.alone_p99_us)),
    Column("beside_p99", "with", lambda radius: duration(radius.beside_p99_us)),
    Column(
        "stuck",
        "stuck, for at most",
        lambda radius: f"{radius.stuck:,}, {duration(radius.stuck_us)}" if radius.stuck else ABSENT,
    ),
    Column("failed", "failed with", lambda radius: percent(radius.failed_share)),
    Column("opened", "company's connections", lambda radius: whole(radius.company.opened)),
    Column("cut", "ended by the server", lambda radius: whole(radius.company.cut)),
    Column("refused", "not taken", lambda radius: whole(radius.company.refused)),
)
