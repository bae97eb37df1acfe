"""The records of a run: all that a report is made of. folder.py saves and loads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lockstep.documents import read_record
from lockstep.runs.connections import Connection
from lockstep.runs.kept import KeptPlan
from lockstep.runs.measures import (
    Company,
    Distribution,
    Edges,
    Fairness,
    Ledger,
    Occupancy,
    Overlap,
    Rendezvous,
    WaitPrediction,
    WorkerHealth,
)
from lockstep.runs.watched import Watched
from lockstep.scenario import keeps_connection

SCHEMA = 4
# What stands in the place of a mode where the load goes to one service that is not a Lockstep server.
PLAIN_TARGET = "target"
# The times that clients and the server measure, by the names of their histograms: here a new one is entered.
CLIENT_TIMES = (
    "connect",
    "handshake",
    "first_reply",
    "response",
    "round_trip",
    "send_lag",
    "wait",
    "service",
    "network",
    "close",
    "session",
    "send",
    "receive",
    "fan_out",
)
# Steps that are no messages, and may fail as these do: each has a row of its own among those of names.
STEP_ROWS = ("send", "receive")
SERVER_TIMES = ("hold", "handoff", "idle_start")
# Where so many of a cell's messages fail, or more, what is left of them is no measure of the server.
FAILED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Mode:
    """What a mode does, as its server told; of a server that tells nothing, nothing is known.

    permits: how many may be in service at once, None for no limit. scope: what a permit is held for,
    `connection` or `message`; None where nothing is known. thread_each: whether every connection has a thread
    of its own, None where that is not known.
    """

    permits: int | None = None
    scope: str | None = None
    thread_each: bool | None = None

    @property
    def limited(self) -> bool:
        """Whether it is known to limit how many are in service."""
        return self.permits is not None

    @property
    def unlimited(self) -> bool:
        """Whether it is known to limit nothing. A gate for messages limits something, permits or none: of a
        read-write lock, readers share and a writer is alone."""
        return self.scope == "connection" and self.permits is None

    @property
    def by_message(self) -> bool:
        """Whether messages are admitted, not connections."""
        return self.scope == "message"

    @property
    def one_at_a_time(self) -> bool:
        """Whether it serves one connection at a time."""
        return self.permits == 1 and not self.by_message


UNKNOWN_MODE = Mode()
"""A mode of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of a cell's measured window and how each ended: sent is the sum of the others."""

    sent: int = 0
    answered: int = 0
    refused: int = 0
    reset: int = 0
    timeout: int = 0
    short: int = 0
    mismatch: int = 0
    aborted: int = 0
    error: int = 0

    @property
    def failed(self) -> int:
        """Those that were not answered."""
        return self.sent - self.answered

    @property
    def failures(self) -> dict[str, int]:
        """How many failed in each way."""
        return {
            "refused": self.refused,
            "reset": self.reset,
            "timeout": self.timeout,
            "short": self.short,
            "mismatch": self.mismatch,
            "error": self.error,
            "aborted": self.aborted,
        }


@dataclass(frozen=True, slots=True)
class Requests:
    """A cell's messages of one name, as `messages` and `times["response"]` of the cell have all of them.

    Or its steps of one of STEP_ROWS, which are in no figure of all messages.
    """

    messages: Messages = field(default_factory=Messages)
    response: Distribution | None = None


@dataclass(frozen=True, slots=True)
class ServerCell:
    """What the server itself counted during a cell (its warm-up and drain included).

    listen_overflows: connections that the kernel of the server's network turned away from a full backlog.
    holders: how many held a permit, messages where they are admitted, else connections. inversions: pairs of
    connections admitted against the order of their arrival. times: by SERVER_TIMES, without those of which
    nothing was counted. Where messages are admitted there are no times, no inversions and no fairness: their
    order is not recorded.
    """

    accepted: int
    received: int
    answered: int
    max_in_service: int
    max_waiting: int
    bytes_received: int = 0
    bytes_sent: int = 0
    inversions: int | None = None
    holders: int = 0
    times: dict[str, Distribution] = field(default_factory=dict)
    dropped_records: int = 0
    listen_overflows: int | None = None
    littles_law: Occupancy | None = None
    wait_prediction: WaitPrediction | None = None
    fairness: Fairness | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of mode, level and repeat, measured.

    depth: messages in flight on each connection. stages: how the load changes in it; rate_per_s is the mean.
    opening_s: how long all connections took to open, where that comes before the cell's time.
    rate_per_s: the offered load, None where it is closed. late: arrivals for which no user was free when they
    were due. dropped: arrivals that no user ever took. times: by CLIENT_TIMES, without those of which nothing
    was counted; response runs from the intended time, round_trip from the send; send_lag lies between them
    (closed: from the end of the user's last iteration).
    reports_refused: workers' reports that belonged to another run. reports_late: those of this run that
    belonged to an earlier cell, or came from a worker that this one was not given to.
    users: how many there really were, told by the workers; None where they come and go. backed_off: how often
    one waited before it tried again a server that had not taken its connection. port_waits: connections that
    had to wait for a local port. addresses: those to which connections were opened, `ip:port`. handshakes: of
    TLS, in the whole cell; resumed: those of them that went on with the session of an earlier connection.
    troubles: what users' own code did wrong that is no message's failure, in words, and how often.
    messages: those that ended in the window, and failed ones that were under way at its end. edges: None
    where it was not measured. A cell that is too short has no client's times. examples: outcome -> what was
    said of the first message that failed so. requests: those of the messages that have a name, by it.
    unchecked: of the answered ones those whose reply nobody looked at; None where that was not counted.
    beside: who else was there, in no other figure of the cell. rendezvous: None where nobody waits.
    ended_early: which gate ended it, in words; "" where none did. lost: what became of workers that did not
    report, in words; "" where that is not known. watched: the server over the window, as the kernel told;
    None where nobody watched.
    """

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
    scenario: str = "session"
    depth: int = 1
    stages: str = ""
    arrival: str = "closed"
    rate_per_s: float | None = None
    late: int = 0
    dropped: int = 0
    backed_off: int = 0
    port_waits: int = 0
    handshakes: int = 0
    resumed: int = 0
    addresses: list[str] = field(default_factory=list)
    opening_s: float | None = None
    cut_short: bool = False
    workers_expected: int = 1
    workers_reported: int = 1
    reports_refused: int = 0
    reports_late: int = 0
    users: int | None = None
    times: dict[str, Distribution] = field(default_factory=dict)
    littles_law: Occupancy | None = None
    health: list[WorkerHealth] = field(default_factory=list)
    server: ServerCell | None = None
    edges: Edges | None = None
    examples: dict[str, str] = field(default_factory=dict)
    troubles: dict[str, int] = field(default_factory=dict)
    requests: dict[str, Requests] = field(default_factory=dict)
    unchecked: int | None = None
    beside: Company | None = None
    rendezvous: Rendezvous | None = None
    ended_early: str = ""
    lost: str = ""
    watched: Watched | None = None

    @property
    def keeps_connection(self) -> bool:
        """Whether its connections stay open, so that its exchanges are messages, not sessions."""
        return keeps_connection(self.scenario)

    @property
    def all_times(self) -> dict[str, Distribution]:
        """The clients' times, and the server's."""
        return self.times if self.server is None else self.times | self.server.times

    @property
    def too_short(self) -> bool:
        """Whether the window was too short for its exchanges: its times are those of a lucky few."""
        return self.edges is not None and self.edges.needs_s is not None

    @property
    def stalled(self) -> bool:
        """Whether that was no fault of the window: by its own exchanges it was long enough."""
        edges = self.edges
        if edges is None or edges.needs_s is None or edges.at_least:
            return False
        return edges.needs_s <= self.seconds

    @property
    def disturbed(self) -> bool:
        """Whether a few exchanges met a pause at an end of its window: their mean is off, little else."""
        return self.edges is not None and self.edges.disturbed

    @property
    def half_failed(self) -> bool:
        """Whether half of its messages failed, or more: its throughput is that of those that did not."""
        messages = self.messages
        return messages.failed > 0 and messages.failed >= FAILED_SHARE * messages.sent

    @property
    def only_steps(self) -> bool:
        """Whether nothing was asked, and yet something was pushed to its users, or taken from them."""
        steps = (self.requests[name].messages for name in STEP_ROWS if name in self.requests)
        return not self.messages.sent and any(each.answered for each in steps)

    @property
    def whole(self) -> bool:
        """Whether its figures may stand beside others: it ran to its end, and that was late enough."""
        return not self.cut_short and not self.too_short


@dataclass(frozen=True, slots=True)
class CellDetail:
    """The bulky part of a cell: cells/<n>.json.

    histograms: phase name -> HdrHistogram's own base64 encoding, values in nanoseconds.
    per_second: one row a second of the window: {"second": 0, "answered": 123, "failed": 0}.
    overlap: None where the server told no whole account of the connections that it admitted.
    requests: name of messages -> histogram of their response times, in the same form.
    watched: the server stretch by stretch, as the kernel told.
    """

    index: int
    histograms: dict[str, str] = field(default_factory=dict)
    per_second: list[dict[str, int]] = field(default_factory=list)
    overlap: Overlap | None = None
    requests: dict[str, str] = field(default_factory=dict)
    watched: list[Watched] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """A cell that is over, and all that is saved with it.

    connections: the first, kept whole. hosts: of the workers that carried it. notes: what went wrong.
    """

    cell: Cell
    detail: CellDetail
    connections: list[Connection]
    hosts: list[dict[str, Any]]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """One of the services that a run's load went to.

    url: as it was given. framing: where a message ends. reply: `echo` or an exact text, None where replies
    were not checked. Both are None where it says so itself, or a user's own file does. command: what started
    it for the run, None where it ran already. server: what it said of itself, where it is a Lockstep server.
    """

    url: str
    framing: str | None = None
    reply: str | None = None
    command: str | None = None
    server: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """Everything in run.json.

    kind is `plan` or `hand`; server is what /listeners says of the server, {} if unknown, and modes what it
    says of its modes. targets: by the name that each has in the place of a mode, where the load did not go to
    one Lockstep server. beside: cells that had others beside their users, each to be set against one of cells
    without. profiled: modes that had one more cell, in which a profiler looked into their server.
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
    targets: dict[str, TargetRecord] = field(default_factory=dict)
    modes: dict[str, Mode] = field(default_factory=dict)
    beside: list[Cell] = field(default_factory=list)
    profiled: list[str] = field(default_factory=list)
    schema: int = SCHEMA

    @property
    def measured(self) -> list[Cell]:
        """All its cells, in the order in which they ran."""
        return sorted([*self.cells, *self.beside], key=lambda cell: cell.index)

    @property
    def manual(self) -> bool:
        """Whether it is one cell that somebody ends by hand, and no plan."""
        return self.kind == "hand"

    @property
    def planned(self) -> KeptPlan:
        """What was planned; nothing where it was a manual run. ValueError says what is damaged."""
        return read_record(self.plan, KeptPlan)

    @property
    def planned_levels(self) -> list[int]:
        """The plan's levels, ascending."""
        return sorted(self.planned.levels)

    @property
    def planned_repeats(self) -> int:
        """How often each cell was to be measured; 0 where nothing was planned.

        Where repeats were added until all was sure, it is how many that took.
        """
        planned = self.planned
        if planned.until is None or not self.cells:
            return planned.repeats
        return max(cell.repeat for cell in self.cells)

    def mode(self, name: str) -> Mode:
        """What is known of a mode."""
        return self.modes.get(name, UNKNOWN_MODE)
