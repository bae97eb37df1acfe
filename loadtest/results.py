"""The records of a run: all that a report is made of. run_folder.py saves and loads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SCHEMA = 1


class ResultsError(Exception):
    """A run folder that cannot be written or read; the message says what, where and the remedy."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution's summary, in microseconds (count has no unit). Percentiles never exceed max."""

    count: int
    min: float
    mean: float
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages sent in a cell's measured window and how each ended: sent is the sum of the others."""

    sent: int = 0
    answered: int = 0
    refused: int = 0
    reset: int = 0
    timeout: int = 0
    short: int = 0
    mismatch: int = 0
    aborted: int = 0


@dataclass(frozen=True, slots=True)
class ServerCell:
    """What the server itself counted during a cell (its warm-up and drain included)."""

    accepted: int
    received: int
    answered: int
    max_in_service: int
    max_waiting: int
    inversions: int | None = None
    hold_us: Distribution | None = None
    handoff_us: Distribution | None = None
    idle_start_us: Distribution | None = None
    dropped_records: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """Client's count against the server's, over the whole cell: warm-up, window and drain.

    difference is server_answered - client_answered, None where the server does not tell;
    explanation names it.
    """

    client_sent: int
    client_answered: int
    client_failed: int
    server_received: int | None = None
    server_answered: int | None = None
    difference: int | None = None
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of mode, level and repeat, measured. *_us are None where nothing was counted."""

    index: int
    mode: str
    level: int
    repeat: int
    client_mode: str
    messages_per_connection: int
    payload_bytes: int
    seconds: float
    sessions_per_s: float
    messages_per_s: float
    sessions: int
    messages: Messages
    ledger: Ledger
    arrival: str = "closed"
    rate_per_s: float | None = None
    cut_short: bool = False
    workers_expected: int = 1
    workers_reported: int = 1
    connect_us: Distribution | None = None
    first_reply_us: Distribution | None = None
    response_us: Distribution | None = None
    wait_us: Distribution | None = None
    service_us: Distribution | None = None
    network_us: Distribution | None = None
    close_us: Distribution | None = None
    session_us: Distribution | None = None
    server: ServerCell | None = None


@dataclass(frozen=True, slots=True)
class CellDetail:
    """The bulky part of a cell: cells/<n>.json.

    histograms: phase name -> HdrHistogram's own base64 encoding, values in nanoseconds.
    per_second: one row a second of the window: {"second": 0, "answered": 123, "failed": 0}.
    """

    index: int
    histograms: dict[str, str] = field(default_factory=dict)
    per_second: list[dict[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ClientView:
    """A sampled connection as its client saw it; monotonic nanoseconds of the client's host."""

    connect_start_ns: int
    connected_ns: int | None
    first_sent_ns: int | None
    first_reply_ns: int | None
    close_start_ns: int | None
    closed_ns: int | None
    outcome: str
    messages: int


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The same connection as the server saw it; monotonic nanoseconds of the server's host."""

    arrival_ns: int
    admission_ns: int | None
    release_ns: int | None
    close_ns: int | None
    cause: str | None
    messages: int


@dataclass(frozen=True, slots=True)
class Connection:
    """Both views of one connection, joined on the client's address (`ip:port`)."""

    cell: int
    mode: str
    address: str
    client: ClientView | None = None
    server: ServerRecord | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Everything in run.json.

    kind is `plan` or `hand`; server is what /listeners says of the server, {} if unknown.
    """

    run_id: str
    kind: str
    started: str
    finished: str | None
    interrupted: bool
    command: str
    plan: dict[str, Any]
    server: dict[str, Any]
    hosts: list[dict[str, Any]]
    cells: list[Cell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    schema: int = SCHEMA
