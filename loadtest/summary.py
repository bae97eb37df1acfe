"""summary.csv: one flat row a cell, every column named with its unit, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields

from loadtest.results import Cell, Distribution, Messages, Run

Value = str | int | float | None

_PLAIN = (
    "index",
    "mode",
    "level",
    "repeat",
    "client_mode",
    "arrival",
    "rate_per_s",
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
_TIMES = ("connect", "first_reply", "response", "wait", "service", "network", "close", "session")
_SERVER_COUNTS = (
    "accepted",
    "received",
    "answered",
    "max_in_service",
    "max_waiting",
    "inversions",
    "dropped_records",
)
_SERVER_TIMES = ("hold", "handoff", "idle_start")
_STATISTICS = tuple(field.name for field in fields(Distribution))
_OUTCOMES = tuple(field.name for field in fields(Messages))


def summary_csv(run: Run) -> str:
    """The run's cells as CSV; what was not measured is an empty field."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(cell) for cell in run.cells)
    return text.getvalue()


def _columns() -> list[str]:
    return [
        *_PLAIN,
        *(f"messages_{outcome}" for outcome in _OUTCOMES),
        *(column for name in _TIMES for column in _time_columns(name)),
        *(f"server_{name}" for name in _SERVER_COUNTS),
        *(column for name in _SERVER_TIMES for column in _time_columns(f"server_{name}")),
        "ledger_difference",
    ]


def _time_columns(name: str) -> list[str]:
    return [f"{name}_{statistic}" + ("" if statistic == "count" else "_us") for statistic in _STATISTICS]


def _row(cell: Cell) -> dict[str, Value]:
    row: dict[str, Value] = {name: getattr(cell, name) for name in _PLAIN}
    row |= {f"messages_{outcome}": count for outcome, count in asdict(cell.messages).items()}
    for name in _TIMES:
        row |= _times(name, getattr(cell, f"{name}_us"))
    if cell.server is not None:
        row |= {f"server_{name}": getattr(cell.server, name) for name in _SERVER_COUNTS}
        for name in _SERVER_TIMES:
            row |= _times(f"server_{name}", getattr(cell.server, f"{name}_us"))
    row["ledger_difference"] = cell.ledger.difference
    return row


def _times(name: str, distribution: Distribution | None) -> dict[str, Value]:
    if distribution is None:
        return {}
    return dict(zip(_time_columns(name), asdict(distribution).values(), strict=True))
