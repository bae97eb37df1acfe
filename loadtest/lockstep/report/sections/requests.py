"""What each kind of message came to, where messages have names: a row a mode, level and name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from lockstep.analysis.check import Topic
from lockstep.analysis.metrics import REQUEST_METRICS
from lockstep.analysis.numbers import duration
from lockstep.analysis.series import Place, SeriesIndex
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import RESULT_BY_NAME
from lockstep.report.words import contrasted, counted, rate, whole
from lockstep.runs.records import Cell
from lockstep.scenario import HEARTBEAT


@dataclass(frozen=True, slots=True)
class Kind:
    """Messages of one name at one place. cells: its repeats in which some were sent."""

    place: Place
    name: str
    cells: tuple[Cell, ...]

    def typical(self, metric: str) -> float | None:
        """The median over the repeats of one of REQUEST_METRICS."""
        own = REQUEST_METRICS[metric]
        values = [value for cell in self.cells if (value := own(cell.requests[self.name], cell)) is not None]
        return median(values) if values else None

    @property
    def failed(self) -> int:
        """Over all repeats."""
        return sum(cell.requests[self.name].messages.failed for cell in self.cells)


REQUESTS: tuple[Column[Kind], ...] = (
    RESULT_BY_NAME["series"].over(lambda each: each.place.series.name),
    RESULT_BY_NAME["level"].over(lambda each: whole(each.place.level)),
    Column("request", "request", lambda each: each.name, text=True),
    RESULT_BY_NAME["messages_per_s"].over(lambda each: rate(each.typical("messages_per_s"))),
    RESULT_BY_NAME["response_p50"].over(lambda each: duration(each.typical("response_p50"))),
    RESULT_BY_NAME["response_p99"].over(lambda each: duration(each.typical("response_p99"))),
    Column("response_max", "response max", lambda each: duration(each.typical("response_max"))),
    RESULT_BY_NAME["failed"].over(lambda each: whole(each.failed)),
)
# Where there is little room: so many rows, of these columns.
MAX_IN_SHORT = 12
_IN_SHORT = ("series", "level", "request", "messages_per_s", "response_p50", "response_p99", "failed")
_PLACE = ("series", "level")
MORE_REQUESTS = "and {left} more, in requests.csv."


def requests_section(material: Material) -> Section | None:
    """None where no message has a name."""
    kinds = kinds_of(material)
    return table_section(
        "requests",
        heartbeat_sentence(kinds) or "Requests by name",
        "Medians over the repeats. Messages that were given no name are in the results, and in no row here.",
        (Topic.THROUGHPUT, Topic.TIMES),
        Table.of(REQUESTS, kinds),
    )


def requests_in_short(kinds: Sequence[Kind]) -> tuple[tuple[Column[Kind], ...], list[Kind]]:
    """The columns and rows for a terminal or a comment: those under the greatest loads, in their order.

    Where all are of one place, the columns do not repeat which.
    """
    by_load = sorted(kinds, key=lambda kind: kind.place.load, reverse=True)[:MAX_IN_SHORT]
    chosen = [kind for kind in kinds if kind in by_load]
    left_out = _PLACE if len({kind.place for kind in chosen}) == 1 else ()
    by_name = {column.name: column for column in REQUESTS}
    return tuple(by_name[name] for name in _IN_SHORT if name not in left_out), chosen


def heartbeat_sentence(kinds: Iterable[Kind]) -> str | None:
    """How long heartbeats take beside the work, at the greatest level; None where there are none."""
    beats = [kind for kind in kinds if kind.name == HEARTBEAT]
    level = max((kind.place.level for kind in beats), default=0)
    slow = [
        (kind.place.series.name, duration(p99_us))
        for kind in beats
        if kind.place.level == level and (p99_us := kind.typical("response_p99")) is not None
    ]
    where = f"At {counted(level, 'connection')}"
    return f"{where}, the p99 of a heartbeat beside the work is {contrasted(slow)}" if slow else None


def kinds_of(material: Material) -> list[Kind]:
    """All of a run, in the order of its results."""
    groups = SeriesIndex(material.cells, material.modes).groups(material.cells)
    return [kind for place, cells in groups.items() for kind in _kinds(place, cells)]


def _kinds(place: Place, cells: Iterable[Cell]) -> Iterator[Kind]:
    whole_ones = [cell for cell in cells if cell.whole]
    for name in _names(whole_ones):
        yield Kind(place, name, tuple(cell for cell in whole_ones if name in cell.requests))


def _names(cells: Iterable[Cell]) -> list[str]:
    return sorted({name for cell in cells for name in cell.requests})
