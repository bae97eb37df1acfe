"""The figures: one row a mode and level, the same on the page and in the terminal, and every cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.analysis.check import Topic
from lockstep.report.headline import CELL, peak_notes
from lockstep.report.material import Material
from lockstep.report.numbers import duration, rate, whole
from lockstep.report.section import Section, Table, table_of, table_section
from lockstep.runs.records import Cell


def figures_section(material: Material) -> Section | None:
    """The table that the terminal prints too."""
    heads = (
        *("mode", "at once", "messages/s", "least to greatest", "response p50", "response p99"),
        *("first reply p50", "wait, mean", "hand-off, mean", "peak in service", "failed"),
    )
    return table_section(
        "figures",
        "Results",
        f"Medians over the repeats. {CELL} Response and first reply are seen from the client; wait, "
        "hand-off and in service are the server's own. Hand-off: from the release of a permit (the right to "
        "be served) to the admission of one who waited for it. A mode that admits connections makes the "
        "first message of each wait, and no other: there p50 can be low and p99 high."
        + "".join(f" {note}" for note in peak_notes(material.aggregates)),
        (Topic.THROUGHPUT, Topic.TIMES, Topic.SERVER),
        table_of(heads, table_rows(material.aggregates)),
    )


def cells_table(material: Material) -> Table:
    """Every cell, in the order in which they ran."""
    heads = (
        *("mode", "cell", "at once", "repeat", "messages/s", "sessions/s", "first reply p50", "response p50"),
        *("p99", "max", "wait, mean", "hand-off p50", "in service", "sent", "failed", "server − client"),
    )
    return Table(heads, tuple(_cell_row(cell) for cell in material.cells))


def _cell_row(cell: Cell) -> tuple[str, ...]:
    server = cell.server
    first, response, wait = (cell.times.get(name) for name in ("first_reply", "response", "wait"))
    handoff = None if server is None else server.times.get("handoff")
    return (
        cell.mode + (" (cut short)" if cell.cut_short else " (too short)" if cell.too_short else ""),
        str(cell.index),
        str(cell.level),
        str(cell.repeat),
        rate(cell.messages_per_s),
        rate(cell.sessions_per_s),
        duration(None if first is None else first.p50),
        duration(None if response is None else response.p50),
        duration(None if response is None else response.p99),
        duration(None if response is None else response.max),
        duration(None if wait is None else wait.mean),
        duration(None if handoff is None else handoff.p50),
        whole(None if server is None else server.max_in_service),
        whole(cell.messages.sent),
        whole(cell.messages.sent - cell.messages.answered),
        whole(cell.ledger.difference),
    )


@dataclass(frozen=True, slots=True)
class TableRow:
    """One series at one level: medians over the repeats, ready to be printed."""

    series: str
    level: str
    messages_per_s: str
    spread: str
    response_p50: str
    response_p99: str
    first_reply_p50: str
    wait: str
    handoff: str
    in_service: str
    failed: str


def table_rows(aggregates: Sequence[Aggregate]) -> list[TableRow]:
    """The rows in the order of the plan."""
    return [
        TableRow(
            series=each.series,
            level=whole(each.level),
            messages_per_s=rate(median_of(each.messages_per_s)),
            spread=_spread(each.messages_per_s),
            response_p50=duration(median_of(each.time("response", "p50"))),
            response_p99=duration(median_of(each.time("response", "p99"))),
            first_reply_p50=duration(median_of(each.time("first_reply", "p50"))),
            wait=duration(median_of(each.time("wait", "mean"))),
            handoff=duration(median_of(each.time("handoff", "mean"))),
            in_service=whole(each.max_in_service),
            failed=whole(each.failures),
        )
        for each in aggregates
    ]


def median_of(spread: Spread | None) -> float | None:
    """The median of a spread, where there is one."""
    return None if spread is None else spread.median


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return rate(None)
    return f"{rate(spread.min)} to {rate(spread.max)}"
