"""Flat tables for spreadsheets and data frames, every column named with its unit.

summary.csv has a row a cell, requests.csv a row a cell and name of its messages.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields

from lockstep.errors import printable
from lockstep.runs.measures import Count, Distribution, Edges, Fairness, Ledger, Occupancy, WaitPrediction
from lockstep.runs.records import CLIENT_TIMES, SERVER_TIMES, Cell, Messages, Run

# What OWASP names under CSV injection; tabs and line ends are escaped anyway.
_FORMULAS = ("=", "+", "-", "@")
Value = str | int | float | None

_CELL = ("index", "mode", "level", "repeat")
_PLAIN = (
    *_CELL,
    "client_mode",
    "scenario",
    "arrival",
    "rate_per_s",
    "late",
    "dropped",
    "handshakes",
    "resumed",
    "messages_per_connection",
    "payload_bytes",
    "seconds",
    "cut_short",
    "workers_expected",
    "workers_reported",
    "sessions",
    "sessions_per_s",
    "messages_per_s",
)
_SERVER_COUNTS = (
    "accepted",
    "received",
    "answered",
    "max_in_service",
    "max_waiting",
    "inversions",
    "dropped_records",
    "listen_overflows",
)
_FAIRNESS = ("connections", "overtaken", "longest_wait_us", "jain")
_LEDGER_LINES = ("sent", "answered", "bytes_sent", "bytes_received")
_PREDICTION = tuple(field.name for field in fields(WaitPrediction))
_EDGES = tuple(field.name for field in fields(Edges))
_LAW = tuple(field.name for field in fields(Occupancy))
_STATISTICS = tuple(field.name for field in fields(Distribution))
_MESSAGES = tuple(f"messages_{field.name}" for field in fields(Messages))
_COMPANY = ("beside_kind", "beside_users")


def summary_csv(run: Run) -> str:
    """The run's cells as CSV; what was not measured is an empty field.

    Where `beside_kind` is not empty, others were beside the cell's users: its figures are theirs to spoil.
    """
    return _csv(_columns(), map(_row, run.measured))


def requests_csv(run: Run) -> str | None:
    """The same of messages by their names; None where none has a name."""
    rows = [
        {
            **{column: getattr(cell, column) for column in _CELL},
            **_company(cell),
            "name": name,
            **_messages(requests.messages),
            **_times("response", requests.response),
        }
        for cell in run.measured
        for name, requests in cell.requests.items()
    ]
    columns = (*_CELL, *_COMPANY, "name", *_MESSAGES, *_time_columns("response"))
    return _csv(columns, rows) if rows else None


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Value]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _inert(value: Value) -> Value:
    """A text that a spreadsheet takes for one: what begins like a formula has an apostrophe before it."""
    if not isinstance(value, str):
        return value
    plain = printable(value)
    return f"'{plain}" if plain.startswith(_FORMULAS) else plain


def _columns() -> list[str]:
    return [
        *_PLAIN,
        *_MESSAGES,
        *(column for name in CLIENT_TIMES for column in _time_columns(name)),
        *(f"server_{name}" for name in _SERVER_COUNTS),
        *(column for name in SERVER_TIMES for column in _time_columns(f"server_{name}")),
        *(f"fairness_{name}" for name in _FAIRNESS),
        *_time_columns("fairness_reacquire"),
        *(f"wait_prediction_{name}" for name in _PREDICTION),
        *(f"littles_law_{end}_{name}" for end in ("client", "server") for name in _LAW),
        *(f"edges_{name}" for name in _EDGES),
        *(f"ledger_{line}_{end}" for line in _LEDGER_LINES for end in ("client", "server")),
        "ledger_failed",
        "ledger_difference",
        "ledger_exact",
        *_COMPANY,
    ]


def _time_columns(name: str) -> list[str]:
    return [f"{name}_{statistic}" + ("" if statistic == "count" else "_us") for statistic in _STATISTICS]


def _row(cell: Cell) -> dict[str, Value]:
    row: dict[str, Value] = {name: getattr(cell, name) for name in _PLAIN}
    row |= _company(cell) | _messages(cell.messages)
    for name in CLIENT_TIMES:
        row |= _times(name, cell.times.get(name))
    row |= _record("littles_law_client", cell.littles_law)
    row |= _record("edges", cell.edges)
    if cell.server is not None:
        row |= {f"server_{name}": getattr(cell.server, name) for name in _SERVER_COUNTS}
        for name in SERVER_TIMES:
            row |= _times(f"server_{name}", cell.server.times.get(name))
        row |= _fairness(cell.server.fairness)
        row |= _record("wait_prediction", cell.server.wait_prediction)
        row |= _record("littles_law_server", cell.server.littles_law)
    return row | _ledger(cell.ledger)


def _company(cell: Cell) -> dict[str, Value]:
    return (
        {} if cell.beside is None else dict(zip(_COMPANY, (cell.beside.kind, cell.beside.users), strict=True))
    )


def _messages(messages: Messages) -> dict[str, Value]:
    return dict(zip(_MESSAGES, asdict(messages).values(), strict=True))


def _ledger(ledger: Ledger) -> dict[str, Value]:
    row: dict[str, Value] = {}
    for line in _LEDGER_LINES:
        count: Count = getattr(ledger, line)
        row[f"ledger_{line}_client"] = count.client
        row[f"ledger_{line}_server"] = count.server
    told = {"failed": ledger.failed, "difference": ledger.difference, "exact": ledger.exact}
    return row | {f"ledger_{name}": value for name, value in told.items()}


def _fairness(fairness: Fairness | None) -> dict[str, Value]:
    if fairness is None:
        return {}
    row: dict[str, Value] = {f"fairness_{name}": getattr(fairness, name) for name in _FAIRNESS}
    return row | _times("fairness_reacquire", fairness.reacquire_us)


def _record(prefix: str, record: WaitPrediction | Occupancy | Edges | None) -> dict[str, Value]:
    """A record's fields as columns; none where there is no record."""
    if record is None:
        return {}
    return {f"{prefix}_{name}": value for name, value in asdict(record).items()}


def _times(name: str, distribution: Distribution | None) -> dict[str, Value]:
    if distribution is None:
        return {}
    return dict(zip(_time_columns(name), asdict(distribution).values(), strict=True))
