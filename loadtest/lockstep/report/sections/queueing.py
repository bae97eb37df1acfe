"""Queueing theory: waits and numbers at once as they were measured and as they follow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median

from lockstep.analysis.check import Topic
from lockstep.analysis.series import Place, whole_groups
from lockstep.measure import littles_law
from lockstep.report.material import Material
from lockstep.report.numbers import ABSENT, difference, duration, figures, whole
from lockstep.report.section import Section, table_of, table_section
from lockstep.runs.measures import Occupancy, WaitPrediction
from lockstep.runs.records import Cell


def waits_section(material: Material) -> Section | None:
    """The wait that had to be, beside the one that was."""
    heads = (
        *("mode", "connections", "recorded", "utilisation", "wait, measured", "predicted"),
        *("difference", "without hand-off", "Pollaczek–Khinchine", "95 of 100 runs"),
    )
    return table_section(
        "queueing",
        "The wait, checked against queueing theory",
        "The mean wait for admission, as measured and as it follows from the recorded arrivals, holds and "
        "mean hand-off: Lindley's recursion for one permit, Kiefer and Wolfowitz's for several. Without "
        "hand-off: the same, had handing over taken no time. Where arrivals are Poisson and there is one "
        "permit, Pollaczek and Khinchine's mean, and where 95 of 100 runs of this length fall. Of the "
        "repeats the one with the middle wait.",
        (Topic.QUEUEING,),
        table_of(heads, wait_rows(material.cells, material.modes)),
    )


def laws_section(material: Material) -> Section | None:
    """Little's law at both ends."""
    ends = ("counted", "computed", "difference", "allowed")
    heads = (
        "mode",
        "connections",
        *(f"{end}, {each}" for end in ("clients", "server") for each in ends),
    )
    return table_section(
        "littles-law",
        "Little's law",
        "How many are there at once: counted, and computed as throughput times mean time. At the clients "
        "users or exchanges, over the window; at the server those in service, over the whole cell, warm-up "
        "and drain included. Medians of the repeats. Exchanges are those that ended in the "
        "window; where what its ends cut through weighs too much, the cell is too short and is left out.",
        (Topic.LITTLES_LAW,),
        table_of(heads, law_rows(material.cells, material.modes)),
    )


@dataclass(frozen=True, slots=True)
class WaitRow:
    """One series at one level, ready to be printed: its mean wait and what theory says of it."""

    series: str
    level: str
    connections: str
    utilisation: str
    measured: str
    predicted: str
    difference: str
    hold_only: str
    khinchine: str
    interval: str


@dataclass(frozen=True, slots=True)
class LawRow:
    """One series at one level, ready to be printed: how many at once, at either end.

    Counted, computed, their difference, and how great it may be.
    """

    series: str
    level: str
    client: tuple[str, str, str, str]
    server: tuple[str, str, str, str]


def wait_rows(cells: Sequence[Cell], modes: Collection[str]) -> list[WaitRow]:
    """A row for each series and level, of the repeat whose wait is the middle one, in the plan's order."""
    rows = []
    for place, group in whole_groups(cells, modes).items():
        found = [
            cell.server.wait_prediction
            for cell in group
            if cell.server is not None and cell.server.wait_prediction is not None
        ]
        if found:
            middle = sorted(found, key=lambda each: each.measured_us)[(len(found) - 1) // 2]
            rows.append(_wait_row(place, middle))
    return rows


def law_rows(cells: Sequence[Cell], modes: Collection[str]) -> list[LawRow]:
    """A row for each series and level that was counted: medians of the repeats, in the plan's order."""
    rows = []
    for place, group in whole_groups(cells, modes).items():
        clients = [(cell.littles_law, littles_law.exchanges(cell)) for cell in group]
        servers = [
            (None if cell.server is None else cell.server.littles_law, littles_law.served(cell) or 0)
            for cell in group
        ]
        if any(law for law, _ in (*clients, *servers)):
            rows.append(LawRow(place.series.name, whole(place.level), _law(clients), _law(servers)))
    return rows


def _law(found: Sequence[tuple[Occupancy | None, float]]) -> tuple[str, str, str, str]:
    """Counted, computed, their difference and the allowed one. found: laws, and exchanges completed."""
    laws = [(law, completed) for law, completed in found if law is not None]
    if not laws:
        return ABSENT, ABSENT, ABSENT, ABSENT
    counted = median(law.counted for law, _ in laws)
    computed = median(law.computed for law, _ in laws)
    allowed = [littles_law.allowed_share(law, completed) for law, completed in laws if completed > 0]
    within = f"{median(allowed):.1%}" if allowed else ABSENT
    return figures(counted), figures(computed), difference(computed, counted), within


def _wait_row(place: Place, found: WaitPrediction) -> WaitRow:
    low_us, high_us = found.khinchine_low_us, found.khinchine_high_us
    bounded = low_us is not None and high_us is not None
    return WaitRow(
        series=place.series.name,
        level=whole(place.level),
        connections=whole(found.connections),
        utilisation=f"{found.utilisation:.0%}",
        measured=duration(found.measured_us),
        predicted=duration(found.predicted_us),
        difference=difference(found.predicted_us, found.measured_us),
        hold_only=duration(found.hold_only_us),
        khinchine=duration(found.khinchine_us),
        interval=f"{duration(low_us)} to {duration(high_us)}" if bounded else ABSENT,
    )
