"""The table of order and fairness: who was overtaken, how evenly all fared, how soon users were back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loadtest.analysis.series import groups_in_plan_order
from loadtest.report.numbers import ABSENT, duration, share, whole
from loadtest.results import Cell, Fairness, ServerCell

NOT_RECORDED = "not recorded"


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


def fairness_rows(cells: Sequence[Cell], modes: Sequence[str]) -> list[FairnessRow]:
    """A row for each series and level of which the server told; none where no order was recorded at all."""
    rows = [
        _row(series, level, servers)
        for series, level, group in groups_in_plan_order(cells, modes)
        if (servers := [cell.server for cell in group if cell.server is not None])
    ]
    return rows if any(row.told for row in rows) else []


def overtaken_share(cells: Sequence[Cell]) -> float | None:
    """The part of connections that was overtaken, the median over these repeats; None where not recorded."""
    return _middle([each.overtaken_share for each in _recorded([cell.server for cell in cells])])


def _row(series: str, level: int, servers: Sequence[ServerCell]) -> FairnessRow:
    found = _recorded(servers)
    if not found:
        return FairnessRow(series, whole(level), NOT_RECORDED, ())
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
