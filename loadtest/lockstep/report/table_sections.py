"""Sections that are tables: the figures, queueing theory, the load generator, and every cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from lockstep.analysis.check import Topic
from lockstep.report.fairness_rows import fairness_rows
from lockstep.report.gate_rows import FAILED, NOT_JUDGED, gate_rows
from lockstep.report.generator_rows import load_rows, worker_rows
from lockstep.report.headline import CELL
from lockstep.report.material import Material
from lockstep.report.numbers import ABSENT, counted, duration, rate, whole
from lockstep.report.rows import table_rows
from lockstep.report.scalability_rows import scalability_rows
from lockstep.report.section import Section, Table
from lockstep.report.theory_rows import law_rows, wait_rows
from lockstep.report.why_words import fairness_sentence, scalability_sentence
from lockstep.runs.records import Cell


def figures_section(material: Material) -> Section | None:
    """The table that the terminal prints too."""
    heads = (
        *("mode", "at once", "messages/s", "least to greatest", "response p50", "response p99"),
        *("first reply p50", "wait, mean", "hand-off, mean", "peak in service", "failed"),
    )
    return _section(
        "figures",
        "The figures",
        f"Medians over the repeats. {CELL} Response and first reply are seen from the client; wait, "
        "hand-off and in service are the server's own. Hand-off: from the release of a permit (the right to "
        "be served) to the admission of one who waited for it. A mode that admits connections makes the "
        "first message of each wait, and no other: there p50 can be low and p99 high.",
        (Topic.THROUGHPUT, Topic.TIMES, Topic.SERVER),
        _table(heads, table_rows(material.aggregates)),
    )


def gates_section(material: Material) -> Section | None:
    """What the plan demanded, and whether it was met."""
    judged = gate_rows(material.run)
    rows = [(each.gate, each.level, each.value, each.spread, each.verdict) for each in judged]
    return _section(
        "gates",
        _gates_title([each.verdict for each in judged]),
        "Times and rates are judged by the median of the repeats, counts and shares by the worst repeat, "
        "ratios over all of them. Spread: the least and the greatest repeat, or a ratio's interval.",
        (Topic.CERTAINTY,),
        Table(("gate", "at once", "value", "spread", "verdict"), tuple(rows), warning=(FAILED,)),
    )


def fairness_section(material: Material) -> Section | None:
    """In which order connections were admitted, and how evenly they fared."""
    heads = (
        *("mode", "at once", "connections", "overtaken", "inversions", "Jain's index", "longest wait"),
        *("time to reacquire, p50", "p99", "most", "of"),
    )
    rows = [
        (row.series, row.level, row.connections, *(row.told or [ABSENT] * (len(heads) - 3)))
        for row in fairness_rows(material.cells, material.modes)
    ]
    return _section(
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


def scalability_section(material: Material) -> Section | None:
    """The law of each mode."""
    heads = (
        *("mode", "alone, messages/s", "95%", "contention", "95%", "coherency", "95%", "peak at", "95%"),
        "fits the medians",
    )
    rows = [
        (row.series, *(word for pair in row.parameters or ((ABSENT, ABSENT),) * 4 for word in pair), row.fit)
        for row in scalability_rows(material.scalings)
    ]
    return _section(
        "scalability",
        scalability_sentence(material.scalings) or "The scalability law",
        "Gunther's universal scalability law, fitted to all repeats: throughput = alone × N / (1 + "
        "contention (N − 1) + coherency N (N − 1)). Contention is the part of the work that only one can "
        "do at a time: at 100% throughput stays what one connection gets, above it falls below. Coherency "
        "is what every pair of connections costs. Intervals hold the truth 95 times of 100, each repeat "
        "being one sample; one that begins at 0 shows no coherency, and then no peak. The law does not "
        "fit where it misses a level's median by more than 10% and by more than the repeats' own spread "
        "explains.",
        (Topic.THROUGHPUT,),
        Table(heads, tuple(rows)),
    )


def waits_section(material: Material) -> Section | None:
    """The wait that had to be, beside the one that was."""
    heads = (
        *("mode", "at once", "connections", "utilisation", "wait, measured", "predicted"),
        *("difference", "without hand-off", "Pollaczek–Khinchine", "95 of 100 runs"),
    )
    return _section(
        "queueing",
        "The wait, checked against queueing theory",
        "The mean wait for admission, as measured and as it follows from the recorded arrivals, holds and "
        "mean hand-off: Lindley's recursion for one permit, Kiefer and Wolfowitz's for several. Without "
        "hand-off: the same, had handing over taken no time. Where arrivals are Poisson and there is one "
        "permit, Pollaczek and Khinchine's mean, and where 95 of 100 runs of this length fall. Of the "
        "repeats the one with the middle wait.",
        (Topic.QUEUEING,),
        _table(heads, wait_rows(material.cells, material.modes)),
    )


def laws_section(material: Material) -> Section | None:
    """Little's law at both ends."""
    ends = ("counted", "computed", "difference", "allowed")
    heads = (
        "mode",
        "at once",
        *(f"{end}, {each}" for end in ("clients", "server") for each in ends),
    )
    return _section(
        "littles-law",
        "Little's law",
        "How many are there at once: counted, and computed as throughput times mean time. At the clients "
        "users or exchanges, over the window; at the server those in service, over the whole cell, warm-up "
        "and drain included. Medians of the repeats. Exchanges are those that ended in the "
        "window; where what its ends cut through weighs too much, the cell is too short and is left out.",
        (Topic.LITTLES_LAW,),
        _table(heads, law_rows(material.cells, material.modes)),
    )


def load_section(material: Material) -> Section | None:
    """What an open load became of."""
    heads = (
        *("mode", "at once", "offered/s", "completed/s", "response p50", "p99"),
        *("round trip p50", "p99", "send lag p99", "late", "dropped"),
    )
    return _section(
        "load",
        "The open load",
        "Messages are due whether or not earlier ones were answered. Response counts from when they were "
        "due, round trip from when they were sent, and send lag lies between. Late: no user was free when "
        "due; dropped: none ever was. Medians of the repeats, counts over all.",
        (Topic.TIMES, Topic.GENERATOR),
        _table(heads, load_rows(material.aggregates)),
    )


def workers_section(material: Material) -> Section | None:
    """How the load generator fared."""
    heads = (
        *("worker", "cells", "processor", "loop lag p50", "p99", "max"),
        *("open files", "memory", "throttled, in all"),
    )
    return _section(
        "workers",
        "The load generator",
        "Each worker at its worst over all cells; loop lag p50 is the median. Loop lag: how late a worker's "
        "event loop woke a timer.",
        (Topic.GENERATOR,),
        _table(heads, worker_rows(material.cells)),
    )


def cells_table(material: Material) -> Table:
    """Every cell, in the order in which they ran."""
    heads = (
        *("mode", "cell", "at once", "repeat", "messages/s", "sessions/s", "first reply p50", "response p50"),
        *("p99", "max", "wait, mean", "hand-off p50", "in service", "sent", "failed", "server − client"),
    )
    return Table(heads, tuple(_cell_row(cell) for cell in material.cells))


def _gates_title(verdicts: Sequence[str]) -> str:
    failed = verdicts.count(FAILED)
    if NOT_JUDGED in verdicts:
        return "Gates are not judged in a degraded run"
    return f"{failed} of {counted(len(verdicts), 'gate')} failed" if failed else "All gates are met"


def _section(name: str, title: str, note: str, topics: Sequence[Topic], table: Table) -> Section | None:
    return Section(name, title, note, tuple(topics), numbers=table, wide=True) if table.rows else None


def _table(heads: Sequence[str], rows: Sequence[Any]) -> Table:
    """A table of rows that are records of words, or of several words at a time."""
    return Table(tuple(heads), tuple(tuple(_words(row)) for row in rows))


def _words(row: Any) -> list[str]:
    words: list[str] = []
    for field in fields(row):
        value = getattr(row, field.name)
        words += [value] if isinstance(value, str) else value
    return words


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
