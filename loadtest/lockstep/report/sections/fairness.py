"""In which order connections were admitted, and how evenly they fared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import ABSENT, duration
from lockstep.analysis.series import Series, whole_groups
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import LEVEL, SERIES
from lockstep.report.words import counted, group_equal, join_words, share, whole
from lockstep.runs.measures import Distribution, Fairness
from lockstep.runs.records import UNKNOWN_MODE, Cell, Mode, ServerCell

NONE, SELDOM = "none", "none in most repeats"


def fairness_section(material: Material) -> Section | None:
    """In which order connections were admitted, and how evenly they fared."""
    return table_section(
        "fairness",
        fairness_sentence(material.cells, material.modes) or "Order and fairness",
        "By the server's own records of the whole cell; medians over the repeats. Overtaken: "
        "connections that were admitted after one which arrived later. Inversions: pairs admitted "
        "against the order of their arrival. Jain's index of the connections' messages per second, from "
        "arrival to release: 1 where all fare alike, 1/n where one of n has all. Connections of the "
        "warm-up are left out of it: the first meet an empty server. Reacquire: the time from the "
        "release of a user's permit to its next admission, of the connections whose user is known: the "
        "first of the cell that were over, up to 200 in each worker. With free nobody waits for a "
        "permit: threads merely start in another order. With iterative and process=N the rest wait in the "
        "kernel's backlog, before they are recorded. Dashes: the mode admits messages, whose order is not "
        "recorded.",
        (Topic.SERVER,),
        Table.of(ORDERS, orders(material.cells, material.modes)),
    )


def fairness_sentence(cells: Sequence[Cell], modes: Mapping[str, Mode]) -> str | None:
    """Whom later ones overtook at the greatest level; None where no order was recorded or nobody waits."""
    shares = [
        (place.series.name, place.level, part)
        for place, group in whole_groups(cells, modes).items()
        # Where nothing is limited nobody waits to be admitted: threads merely start in another order.
        if not modes.get(place.series.mode, UNKNOWN_MODE).unlimited
        and (part := overtaken_words(group)) is not None
    ]
    level = max((level for _, level, _ in shares), default=1)
    if level == 1:
        return None
    alike = group_equal((series, part) for series, at, part in shares if at == level)
    where = f"At {counted(level, 'connection')}"
    overtaken = [(word, join_words(names)) for names, word in alike if word not in (NONE, SELDOM)]
    if not overtaken:
        often = " in most repeats" if any(word == SELDOM for _, word in alike) else ""
        return f"{where}, no connection was overtaken by a later one{often}."
    (most, first), *others = overtaken
    parts = [f"{most} of connections with {first}", *(f"{word} with {names}" for word, names in others)]
    parts += [f"{word} with {join_words(names)}" for names, word in alike if word in (NONE, SELDOM)]
    return f"{where}, later arrivals overtook {', '.join(parts)}."


def overtaken_words(cells: Sequence[Cell]) -> str | None:
    """What part of connections was overtaken, the median over these repeats; None where not recorded.

    A median of 0 is NONE only where nobody was overtaken in any repeat.
    """
    servers = [cell.server for cell in cells if cell.server is not None]
    shares = [each.fairness.overtaken_share for each in servers if each.fairness is not None]
    if not shares:
        return None
    middle = median(shares)
    if middle:
        return share(middle, 1)
    return SELDOM if any(shares) else NONE


@dataclass(frozen=True, slots=True)
class Order:
    """One series at one level: in which order its connections were admitted, and how they fared.

    level: None where no order was recorded at any; records are then empty. servers: of its repeats.
    """

    series: Series
    level: int | None
    servers: tuple[ServerCell, ...]

    @property
    def records(self) -> list[Fairness]:
        """Of the repeats whose order was recorded."""
        return [server.fairness for server in self.servers if server.fairness is not None]

    @property
    def reacquired(self) -> list[Distribution]:
        """Times from the release of a user's permit to its next admission."""
        return [each.reacquire_us for each in self.records if each.reacquire_us is not None]


ORDERS: tuple[Column[Order], ...] = (
    SERIES.over(lambda order: order.series.name),
    LEVEL.over(lambda order: whole(order.level)),
    Column("connections", "recorded", lambda order: _count(each.connections for each in order.records)),
    Column("overtaken", "overtaken", lambda order: _share(each.overtaken_share for each in order.records)),
    Column("inversions", "inversions", lambda order: _count(_inversions(order))),
    Column("jain", "Jain's index", lambda order: _index(each.jain for each in order.records)),
    Column("longest", "longest wait", lambda order: _time(each.longest_wait_us for each in order.records)),
    Column("back_p50", "reacquire p50", lambda order: _time(each.p50 for each in order.reacquired)),
    Column("back_p99", "reacquire p99", lambda order: _time(each.p99 for each in order.reacquired)),
    Column("back_max", "reacquire max", lambda order: _time(each.max for each in order.reacquired)),
    Column("back_count", "reacquire samples", lambda order: _count(each.count for each in order.reacquired)),
)


def orders(cells: Sequence[Cell], modes: Collection[str]) -> list[Order]:
    """One for each series and level, but one for a series whose order was not recorded.

    None where no order was recorded at all, nor for a series of which the server told nothing.
    """
    found: list[Order] = []
    for series, places in groupby(whole_groups(cells, modes).items(), key=lambda item: item[0].series):
        by_level = [
            Order(series, place.level, tuple(cell.server for cell in group if cell.server is not None))
            for place, group in places
        ]
        recorded = [order for order in by_level if order.records]
        if recorded or any(order.servers for order in by_level):
            found += recorded or [Order(series, None, ())]
    return found if any(order.records for order in found) else []


def _inversions(order: Order) -> list[int]:
    return [server.inversions for server in order.servers if server.inversions is not None]


def _middle(values: Iterable[float | None]) -> float | None:
    """The median of what is known."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _count(values: Iterable[int]) -> str:
    middle = _middle(values)
    return ABSENT if middle is None else whole(round(middle))


def _share(values: Iterable[float]) -> str:
    middle = _middle(values)
    return ABSENT if middle is None else share(middle, 1)


def _index(values: Iterable[float | None]) -> str:
    middle = _middle(values)
    return ABSENT if middle is None else f"{middle:.2f}"


def _time(values_us: Iterable[float]) -> str:
    return duration(_middle(values_us))
