"""Sections that are tables: the figures, queueing theory, the load generator, and every cell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from lockstep.analysis.check import Topic
from lockstep.analysis.series import Place, whole_groups
from lockstep.report.material import Material
from lockstep.report.numbers import ABSENT, duration, share, whole
from lockstep.report.section import Section, Table, table_section
from lockstep.report.why_words import fairness_sentence
from lockstep.runs.measures import Fairness
from lockstep.runs.records import Cell, ServerCell


def fairness_section(material: Material) -> Section | None:
    """In which order connections were admitted, and how evenly they fared."""
    heads = (
        *("mode", "connections", "recorded", "overtaken", "inversions", "Jain's index", "longest wait"),
        *("time to reacquire, p50", "p99", "most", "of"),
    )
    rows = [
        (row.series, row.level, row.connections, *(row.told or [ABSENT] * (len(heads) - 3)))
        for row in fairness_rows(material.cells, material.modes)
    ]
    return table_section(
        "fairness",
        fairness_sentence(material.cells, material.modes) or "Order and fairness",
        "By the server's own records of the whole cell; medians over the repeats. Overtaken: "
        "connections that were admitted after one which arrived later. Inversions: pairs admitted "
        "against the order of their arrival. Jain's index of the connections' messages per second, from "
        "arrival to release: 1 where all fare alike, 1/n where one of n has all. Connections of the "
        "warm-up are left out of it: the first meet an empty server. Time to reacquire: from the "
        "release of a user's permit to its next admission, of the connections whose user is known: the "
        "first of the cell that were over, up to 200 in each worker. With free nobody waits for a "
        "permit: threads merely start in another order. With iterative the rest wait in the kernel's "
        "backlog, before they are recorded. Dashes: the mode admits messages, whose order is not "
        "recorded.",
        (Topic.SERVER,),
        Table(heads, tuple(rows)),
    )


@dataclass(frozen=True, slots=True)
class FairnessRow:
    """One series at one level, ready to be printed: medians over the repeats.

    told: overtaken, inversions, Jain's index, longest wait, and time to reacquire (p50, p99, greatest, how
    many); none where messages are admitted, not connections.
    """

    series: str
    level: str
    connections: str
    told: tuple[str, ...]


def fairness_rows(cells: Sequence[Cell], modes: Collection[str]) -> list[FairnessRow]:
    """A row for each series and level, but one for a series whose order was not recorded.

    No rows where no order was recorded at all, nor for a series of which the server told nothing.
    """
    rows: list[FairnessRow] = []
    for series, places in groupby(whole_groups(cells, modes).items(), key=lambda item: item[0].series):
        by_place = [(place, [cell.server for cell in group if cell.server]) for place, group in places]
        told = [_row(place, servers) for place, servers in by_place if _recorded(servers)]
        if told or any(servers for _, servers in by_place):
            rows += told or [FairnessRow(series.name, ABSENT, ABSENT, ())]
    return rows if any(row.told for row in rows) else []


def _row(place: Place, servers: Sequence[ServerCell]) -> FairnessRow:
    found = _recorded(servers)
    back = [each.reacquire_us for each in found if each.reacquire_us is not None]
    return FairnessRow(
        place.series.name,
        whole(place.level),
        _count([each.connections for each in found]),
        (
            share(median(each.overtaken_share for each in found), 1),
            _count([server.inversions for server in servers if server.inversions is not None]),
            _index([each.jain for each in found if each.jain is not None]),
            duration(_middle([each.longest_wait_us for each in found])),
            duration(_middle([each.p50 for each in back])),
            duration(_middle([each.p99 for each in back])),
            duration(_middle([each.max for each in back])),
            _count([each.count for each in back]),
        ),
    )


def _recorded(servers: Sequence[ServerCell | None]) -> list[Fairness]:
    return [server.fairness for server in servers if server is not None and server.fairness is not None]


def _middle(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _count(values: Sequence[int]) -> str:
    return whole(round(median(values))) if values else ABSENT


def _index(values: Sequence[float]) -> str:
    return f"{median(values):.2f}" if values else ABSENT
