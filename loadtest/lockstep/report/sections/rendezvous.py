"""All users begin at once: how much at once, and what that costs the last of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import duration
from lockstep.analysis.series import Place, whole_groups
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import LOAD, NAMED, RESULT_BY_NAME, typical
from lockstep.report.words import contrasted, contrasting, named, under_greatest, whole
from lockstep.runs.records import Cell, Mode


@dataclass(frozen=True, slots=True)
class Rounds:
    """One series at one level. rounds, missed: over its repeats. limit_s: how long users waited at most."""

    each: Aggregate
    rounds: int
    missed: int
    limit_s: float


def rounds_of(cells: Sequence[Cell], modes: Mapping[str, Mode]) -> list[Rounds]:
    """Those whose users wait for each other, as the aggregates are ordered."""
    chosen = [cell for cell in cells if cell.rendezvous is not None]
    groups = whole_groups(chosen, modes)
    found = []
    for each in aggregate(chosen, modes):
        met = [cell.rendezvous for cell in groups.get(Place(each.series, each.level), [])]
        known = [one for one in met if one is not None]
        # Where their own file lets users meet, no iteration begins with that.
        if known and (limit_s := known[0].limit_s) is not None:
            rounds, missed = sum(one.rounds for one in known), sum(one.missed for one in known)
            found.append(Rounds(each, rounds, missed, limit_s))
    return found


def rendezvous_section(material: Material) -> Section | None:
    """How often all began at once, and how their answers came."""
    found = rounds_of(material.cells, material.modes)
    aggregates = [each.each for each in found]
    slowest = [
        (named(each), duration(longest.median))
        for each in contrasting(aggregates)
        if (longest := each.time("response", "max")) is not None
    ]
    missed = sum(each.missed for each in found)
    late = "" if not missed else f"; {missed:,} times a user came too late for a round"
    where = under_greatest(aggregates)
    title = f"{where} that begin at once, the slowest answer takes {contrasted(slowest)}{late}"
    return table_section(
        "rendezvous",
        title if slowest else "All users begin at once",
        "Before each iteration all users of all workers wait for each other, and then begin at one moment. "
        "Who has not come within the time limit misses the round. Spread: from that moment to when a user "
        "really began: those of one worker share a core, and take turns at it.",
        (Topic.TIMES, Topic.GENERATOR),
        Table.of(ROUNDS, found),
    )


ROUNDS: tuple[Column[Rounds], ...] = (
    NAMED.over(lambda row: named(row.each)),
    LOAD.over(lambda row: LOAD.value(row.each)),
    Column("rounds", "rounds", lambda row: whole(row.rounds)),
    Column("missed", "missed", lambda row: whole(row.missed)),
    Column("limit", "time limit", lambda row: duration(row.limit_s * 1_000_000)),
    Column("spread_p50", "spread p50", lambda row: typical(row.each, "send_lag", "p50")),
    Column("spread_p99", "spread p99", lambda row: typical(row.each, "send_lag", "p99")),
    RESULT_BY_NAME["response_p50"].over(lambda row: typical(row.each, "response", "p50")),
    RESULT_BY_NAME["response_p99"].over(lambda row: typical(row.each, "response", "p99")),
    Column("response_max", "response max", lambda row: typical(row.each, "response", "max")),
)
