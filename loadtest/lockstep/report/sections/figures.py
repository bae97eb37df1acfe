"""The results: one row a mode and level, the same in every format; and every cell."""

from __future__ import annotations

from typing import Literal

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.analysis.check import Topic
from lockstep.analysis.metrics import Metric
from lockstep.analysis.numbers import duration
from lockstep.report.headline import a_cell, peak_notes
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.words import load, named, rate, whole
from lockstep.runs.measures import Distribution
from lockstep.runs.records import Cell

RESULTS: tuple[Column[Aggregate], ...] = (
    Column("series", "mode", lambda each: each.series.name, text=True),
    Column("level", "connections", lambda each: whole(each.level), short="conns"),
    Column("messages_per_s", "messages/s", lambda each: rate(median_of(each.messages_per_s)), short="msgs/s"),
    Column("spread", "min to max", lambda each: _spread(each.messages_per_s)),
    Column("response_p50", "response p50", lambda each: typical(each, "response", "p50"), short="p50"),
    Column("response_p99", "response p99", lambda each: typical(each, "response", "p99"), short="p99"),
    Column(
        "first_reply_p50",
        "first reply p50",
        lambda each: typical(each, "first_reply", "p50"),
        short="1st reply",
    ),
    Column("wait", "wait, mean", lambda each: typical(each, "wait", "mean"), short="wait", server_told=True),
    Column("handoff", "hand-off, mean", lambda each: typical(each, "handoff", "mean"), server_told=True),
    Column(
        "in_service",
        "peak in service",
        lambda each: whole(each.max_in_service),
        short="peak",
        server_told=True,
    ),
    Column("failed", "failed", lambda each: whole(each.failures)),
)
RESULT_BY_NAME = {column.name: column for column in RESULTS}
# What other tables have in common with the results.
SERIES, LEVEL, THROUGHPUT = (RESULT_BY_NAME[name] for name in ("series", "level", "messages_per_s"))
LOAD: Column[Aggregate] = Column("load", "load", load, text=True)
NAMED: Column[Aggregate] = SERIES.over(named)

CELLS: tuple[Column[Cell], ...] = (
    SERIES.over(lambda cell: cell.mode + _unwhole(cell)),
    Column("index", "cell", lambda cell: str(cell.index)),
    LEVEL.over(lambda cell: str(cell.level)),
    Column("repeat", "repeat", lambda cell: str(cell.repeat)),
    THROUGHPUT.over(lambda cell: rate(cell.messages_per_s)),
    Column("sessions_per_s", "sessions/s", lambda cell: rate(cell.sessions_per_s)),
    RESULT_BY_NAME["first_reply_p50"].over(lambda cell: _part(cell.times.get("first_reply"), "p50")),
    RESULT_BY_NAME["response_p50"].over(lambda cell: _part(cell.times.get("response"), "p50")),
    RESULT_BY_NAME["response_p99"].over(lambda cell: _part(cell.times.get("response"), "p99")),
    Column("response_max", "response max", lambda cell: _part(cell.times.get("response"), "max")),
    RESULT_BY_NAME["wait"].over(lambda cell: _part(cell.times.get("wait"), "mean")),
    Column("handoff_p50", "hand-off p50", lambda cell: _part(_handoff(cell), "p50"), server_told=True),
    RESULT_BY_NAME["in_service"].over(lambda cell: whole(_in_service(cell))),
    Column("sent", "sent", lambda cell: whole(cell.messages.sent)),
    RESULT_BY_NAME["failed"].over(lambda cell: whole(cell.messages.sent - cell.messages.answered)),
    Column("difference", "server − client", lambda cell: whole(cell.ledger.difference), server_told=True),
)


def figures_section(material: Material) -> Section | None:
    """The table that the terminal prints too."""
    return table_section(
        "figures",
        "Results",
        " ".join([f"Medians over the repeats. {a_cell(material.noun)}", *_reading(material)]),
        (Topic.THROUGHPUT, Topic.TIMES, Topic.SERVER),
        Table.told(RESULTS, material.aggregates),
    )


def _reading(material: Material) -> list[str]:
    """How to read the figures; of those that only a server tells, where one did."""
    if not any(cell.server for cell in material.cells):
        return ["Response and first reply are seen from the client."]
    return [
        "Response and first reply are seen from the client; wait, hand-off and in service are the server's "
        "own. Hand-off: from the release of a permit (the right to be served) to the admission of one who "
        "waited for it. A mode that admits connections makes the first message of each wait, and no other: "
        "there p50 can be low and p99 high.",
        *peak_notes(material.aggregates),
    ]


def cells_table(material: Material) -> Table:
    """Every cell, in the order in which they ran."""
    return Table.told(CELLS, material.cells)


def figure_head(metric: Metric, *, short: bool = False) -> str:
    """What a metric is called in a table: as the column of the results that shows it, where there is one."""
    column = RESULT_BY_NAME.get(metric.name)
    if column is None:
        return metric.name
    return column.short_head if short else column.head


def typical(each: Aggregate, name: str, statistic: str) -> str:
    """The median over the repeats of a statistic of one of the times, ready to be printed."""
    return duration(median_of(each.time(name, statistic)))


def median_of(spread: Spread | None) -> float | None:
    """The median of a spread, where there is one."""
    return None if spread is None else spread.median


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return rate(None)
    return f"{rate(spread.min)} to {rate(spread.max)}"


def _part(times: Distribution | None, part: Literal["p50", "p99", "max", "mean"]) -> str:
    return duration(None if times is None else times.statistic(part))


def _handoff(cell: Cell) -> Distribution | None:
    return None if cell.server is None else cell.server.times.get("handoff")


def _in_service(cell: Cell) -> int | None:
    return None if cell.server is None else cell.server.max_in_service


def _unwhole(cell: Cell) -> str:
    return " (cut short)" if cell.cut_short else " (too short)" if cell.too_short else ""
