"""Queueing theory: waits and numbers under way, as they were measured and as they follow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from statistics import median

from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import ABSENT, duration, figures
from lockstep.analysis.series import Place, whole_groups
from lockstep.measure import littles_law
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import LEVEL, SERIES
from lockstep.report.words import difference, whole
from lockstep.runs.measures import Occupancy, WaitPrediction
from lockstep.runs.records import Cell


def waits_section(material: Material) -> Section | None:
    """The wait that had to be, beside the one that was."""
    return table_section(
        "queueing",
        "The wait, checked against queueing theory",
        "The mean wait for admission, as measured and as it follows from the recorded arrivals, holds and "
        "mean hand-off: Lindley's recursion for one permit, Kiefer and Wolfowitz's for several. Without "
        "hand-off: the same, had handing over taken no time. Where arrivals are Poisson and there is one "
        "permit, Pollaczek and Khinchine's mean, and where 95 of 100 runs of this length fall. Of the "
        "repeats the one with the middle wait.",
        (Topic.QUEUEING,),
        Table.of(WAITS, waits(material.cells, material.modes)),
    )


def laws_section(material: Material) -> Section | None:
    """Little's law at both ends."""
    return table_section(
        "littles-law",
        "Little's law",
        "How many are under way: counted, and computed as throughput times mean time. At the clients users "
        "or exchanges, over the window; at the server those in service, over the whole cell, warm-up and "
        "drain included. Medians of the repeats. Exchanges are those that ended in the "
        "window; where what its ends cut through weighs too much, the cell is too short and is left out.",
        (Topic.LITTLES_LAW,),
        Table.told(LITTLES_LAW, littles_laws(material.cells, material.modes)),
    )


@dataclass(frozen=True, slots=True)
class Wait:
    """What theory says of the mean wait of one series at one level, of the repeat with the middle wait."""

    place: Place
    found: WaitPrediction


WAITS: tuple[Column[Wait], ...] = (
    SERIES.over(lambda wait: wait.place.series.name),
    LEVEL.over(lambda wait: whole(wait.place.level)),
    Column("connections", "recorded", lambda wait: whole(wait.found.connections)),
    Column("utilisation", "utilisation", lambda wait: f"{wait.found.utilisation:.0%}"),
    Column("measured", "wait, measured", lambda wait: duration(wait.found.measured_us)),
    Column("predicted", "predicted", lambda wait: duration(wait.found.predicted_us)),
    Column(
        "difference",
        "difference",
        lambda wait: difference(wait.found.predicted_us, wait.found.measured_us),
    ),
    Column("hold_only", "without hand-off", lambda wait: duration(wait.found.hold_only_us)),
    Column("khinchine", "Pollaczek–Khinchine", lambda wait: duration(wait.found.khinchine_us)),
    Column("interval", "95 of 100 runs", lambda wait: _interval(wait.found)),
)


@dataclass(frozen=True, slots=True)
class Little:
    """Little's law of one series at one level at one end: medians of the repeats.

    allowed: how great a share of `counted` the difference may be; None where no exchange was over.
    """

    counted: float
    computed: float
    allowed: float | None


@dataclass(frozen=True, slots=True)
class BothEnds:
    """Little's law of one series at one level; None where nothing was counted at that end."""

    place: Place
    clients: Little | None
    server: Little | None


_CLIENTS, _SERVER = "clients", "server"


def _little_columns(end: str, of: Callable[[BothEnds], Little | None]) -> tuple[Column[BothEnds], ...]:
    def column(name: str, words: Callable[[Little], str]) -> Column[BothEnds]:
        def value(each: BothEnds) -> str:
            law = of(each)
            return ABSENT if law is None else words(law)

        return Column(f"{end}_{name}", f"{end}, {name}", value, server_told=end == _SERVER)

    return (
        column("counted", lambda law: figures(law.counted)),
        column("computed", lambda law: figures(law.computed)),
        column("difference", lambda law: difference(law.computed, law.counted)),
        column("allowed", lambda law: ABSENT if law.allowed is None else f"{law.allowed:.1%}"),
    )


LITTLES_LAW: tuple[Column[BothEnds], ...] = (
    SERIES.over(lambda each: each.place.series.name),
    LEVEL.over(lambda each: whole(each.place.level)),
    *_little_columns(_CLIENTS, lambda each: each.clients),
    *_little_columns(_SERVER, lambda each: each.server),
)


def waits(cells: Sequence[Cell], modes: Collection[str]) -> list[Wait]:
    """One for each series and level of which a wait was predicted, in the plan's order."""
    waits = []
    for place, group in whole_groups(cells, modes).items():
        found = [
            cell.server.wait_prediction
            for cell in group
            if cell.server is not None and cell.server.wait_prediction is not None
        ]
        if found:
            middle = sorted(found, key=lambda each: each.measured_us)[(len(found) - 1) // 2]
            waits.append(Wait(place, middle))
    return waits


def littles_laws(cells: Sequence[Cell], modes: Collection[str]) -> list[BothEnds]:
    """One for each series and level that was counted at either end, in the plan's order."""
    both = []
    for place, group in whole_groups(cells, modes).items():
        clients = _little([(cell.littles_law, littles_law.exchanges(cell)) for cell in group])
        served = [(cell.server.littles_law, littles_law.served(cell) or 0) for cell in group if cell.server]
        server = _little(served)
        if clients is not None or server is not None:
            both.append(BothEnds(place, clients, server))
    return both


def _little(found: Sequence[tuple[Occupancy | None, float]]) -> Little | None:
    """found: of each repeat what was counted, and exchanges completed."""
    laws = [(law, completed) for law, completed in found if law is not None]
    if not laws:
        return None
    allowed = [littles_law.allowed_share(law, completed) for law, completed in laws if completed > 0]
    return Little(
        counted=median(law.counted for law, _ in laws),
        computed=median(law.computed for law, _ in laws),
        allowed=median(allowed) if allowed else None,
    )


def _interval(found: WaitPrediction) -> str:
    low_us, high_us = found.khinchine_low_us, found.khinchine_high_us
    if low_us is None or high_us is None:
        return ABSENT
    return f"{duration(low_us)} to {duration(high_us)}"
