"""What each kind of message came to, where messages have names: a row a mode, level and name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

from lockstep.analysis.check import Topic
from lockstep.analysis.metrics import REQUEST_METRICS
from lockstep.analysis.series import Place, SeriesIndex
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import RESULT_BY_NAME
from lockstep.report.words import contrasted, counted, duration, rate, whole
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


def requests_section(material: Material) -> Section | None:
    """None where no message has a name."""
    kinds = list(_kinds(material))
    return table_section(
        "requests",
        heartbeat_sentence(kinds) or "Requests by name",
        "Medians over the repeats. Messages that were given no name are in the results, and in no row here.",
        (Topic.THROUGHPUT, Topic.TIMES),
        Table.of(REQUESTS, kinds),
    )


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


def _kinds(material: Material) -> Iterator[Kind]:
    groups = SeriesIndex(material.cells, material.modes).groups(material.cells)
    for place, cells in groups.items():
        whole_ones = [cell for cell in cells if cell.whole]
        for name in _names(whole_ones):
            yield Kind(place, name, tuple(cell for cell in whole_ones if name in cell.requests))


def _names(cells: Iterable[Cell]) -> list[str]:
    return sorted({name for cell in cells for name in cell.requests})
