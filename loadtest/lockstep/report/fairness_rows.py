"""The table of order and fairness: who was overtaken, how evenly all fared, how soon users were back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from statistics import median

from lockstep.analysis.series import groups_in_plan_order
from lockstep.report.numbers import ABSENT, duration, share, whole
from lockstep.runs.measures import Fairness
from lockstep.runs.records import Cell, ServerCell

NONE, SELDOM = "none", "none in most repeats"


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
    for series, levels in groupby(groups_in_plan_order(cells, modes), key=itemgetter(0)):
        by_level = [(level, [cell.server for cell in group if cell.server]) for _, level, group in levels]
        told = [_row(series, level, servers) for level, servers in by_level if _recorded(servers)]
        if told or any(servers for _, servers in by_level):
            rows += told or [FairnessRow(series, ABSENT, ABSENT, ())]
    return rows if any(row.told for row in rows) else []


def overtaken_words(cells: Sequence[Cell]) -> str | None:
    """What part of connections was overtaken, the median over these repeats; None where not recorded.

    A median of 0 is NONE only where nobody was overtaken in any repeat.
    """
    shares = [each.overtaken_share for each in _recorded([cell.server for cell in cells])]
    if not shares:
        return None
    middle = median(shares)
    if middle:
        return share(middle, 1)
    return SELDOM if any(shares) else NONE


def _row(series: str, level: int, servers: Sequence[ServerCell]) -> FairnessRow:
    found = _recorded(servers)
    back = [each.reacquire_us for each in found if each.reacquire_us is not None]
    return FairnessRow(
        series,
        whole(level),
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
