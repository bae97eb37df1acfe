"""What master and workers say to each other, over Locust's own transport, which carries plain dicts.

master -> workers   BEGIN  CellOrder: what every user does from now on
                    END    EndOrder: stop, drain, send the rest
                    GO     Go: everybody who waits at a rendezvous begins now
worker -> master    REPORT Report: what was recorded since the last one; `final` after END
                    PULSE  Pulse: a few counts of the last second, for the live page; no figure of a result
                    OPENED Opened: all connections of a cell that opens them first are there
                    MET    Met: users wait at a rendezvous
                    FAULT  Fault: this worker cannot go on, and why
                    LIMITS WorkerLimits, once, when it is ready for orders
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, Self, get_type_hints

from lockstep.documents import check_plain, read_record
from lockstep.errors import HarnessError
from lockstep.traffic import Traffic

BEGIN = "lockstep_begin"
END = "lockstep_end"
GO = "lockstep_go"
MET = "lockstep_met"
REPORT = "lockstep_report"
PULSE = "lockstep_pulse"
OPENED = "lockstep_opened"
FAULT = "lockstep_fault"
LIMITS = "lockstep_limits"

# How long after END what is in flight may still finish, before it is stopped and counted as aborted.
DRAIN_S = 3.0
# The same where a person has pressed Stop, and waits for the page's answer: two seconds in all.
HURRIED_DRAIN_S = 0.4


class FalseMessageError(HarnessError):
    """It has the fields of this version, and in them what no worker measures."""


class Message:
    """What is sent, as a record: base of frozen dataclasses."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def to_message(self) -> dict[str, Any]:
        """As a dict that msgpack can carry."""
        return self._plain()

    @classmethod
    def from_message(cls, message: Any) -> Self:
        """Back from to_message's dict. HarnessError where it is none, or of another version; of these
        FalseMessageError where it is of this one, and what it says cannot be."""
        if not isinstance(message, Mapping):
            raise HarnessError(f"cannot read a {cls.__name__}: it has no fields")
        if differs := _difference(message, cls):
            raise HarnessError(
                f"cannot read a {cls.__name__} ({differs}): start master and workers from the same version"
            )
        try:
            check_plain(message)
            return read_record(message, cls)
        except ValueError as error:
            raise FalseMessageError(f"cannot read a {cls.__name__} ({error})") from error

    def _plain(self) -> dict[str, Any]:
        # dataclasses.asdict would copy lists number by number, which takes as long as all the rest.
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def _difference(message: Mapping[str, Any], kind: type[Message]) -> str:
    """Which field one version has and the other has not; "" where none is."""
    known = {each.name: each for each in fields(kind)}
    if strange := sorted(str(name) for name in message.keys() - known):
        return f"{strange[0]} is unknown"
    for name, each in known.items():
        if name not in message and each.default is MISSING and each.default_factory is MISSING:
            return f"{name} is missing"
    parts = ((message.get(name), part) for name, part in _parts(kind).items())
    return next(
        filter(None, (_difference(said, part) for said, part in parts if isinstance(said, Mapping))), ""
    )


def _parts(kind: type[Message]) -> dict[str, type[Message]]:
    """Its fields that are messages themselves."""
    hints = get_type_hints(kind)
    return {
        name: each for name, each in hints.items() if isinstance(each, type) and issubclass(each, Message)
    }


@dataclass(frozen=True, slots=True)
class CellOrder(Message):
    """One cell as a worker needs it. seconds is None for a manual run.

    url: whom to connect to, as an Endpoint is written.
    run_id and cell name the cell in reports, so that a report of another run is never added to this one.
    reply: `echo`, or the exact text that the server answers everything with; None leaves replies unchecked.
    share, shares: of an open load's arrivals this worker has the share-th of so many parts, from 0.
    seed: of what is drawn at random. beside, beside_users: what kind of users there are beside those that
    work, and how many over all workers.
    """

    run_id: str
    cell: int
    mode: str
    url: str
    framing: str
    timing: bool
    reply: str | None
    traffic: Traffic
    warmup_s: float
    seconds: float | None
    seed: int = 1
    timeout_s: float = 10.0
    share: int = 0
    shares: int = 1
    beside: str = ""
    beside_users: int = 0

    @property
    def opens_first(self) -> bool:
        """Whether connections are opened before the cell's time: where any stay, and it is bounded."""
        return self.seconds is not None and (self.users_stay or self.beside_users > 0)

    @property
    def users_stay(self) -> bool:
        """Whether those of its users stay; where their number changes they come and go."""
        return self.traffic.keeps_connection and (self.traffic.arrival.open or not self.traffic.stages)

    @property
    def company(self) -> int:
        """How many of those beside its users are this worker's."""
        return (self.beside_users + self.shares - 1 - self.share) // self.shares

    def for_share(self, share: int, shares: int) -> CellOrder:
        """The order for one of several workers."""
        return replace(self, share=share, shares=shares)

    def _plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class EndOrder(Message):
    """Stop, drain for drain_s seconds, send the rest; unless at_once, when the whole window is over."""

    at_once: bool
    drain_s: float


@dataclass(frozen=True, slots=True)
class Go(Message):
    """Users that wait at this round's rendezvous begin: at at_ns, where the worker reads the same clock, else
    at once. clock: which, as lockstep_wire.push names it.
    """

    run_id: str
    cell: int
    round: int
    at_ns: int
    clock: str


@dataclass(frozen=True, slots=True)
class Met(Message):
    """So many of a worker's users wait for a round's rendezvous: the first of them, or all.

    within_s: how long they wait for the rest, counted from the first of all.
    """

    run_id: str
    cell: int
    worker: str
    round: int
    waiting: int
    users: int
    within_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts(Message):
    """What one worker recorded of a cell since its last report: counts of all reports add up to the cell.

    As CellSums has them, but plain. spans: unit of exchange -> SpanSums as a dict. per_second: rows of second
    of the window, answered, failed. histograms: name -> HdrHistogram's own base64 encoding, in nanoseconds.
    connections: those kept whole, `address` and what a ClientView holds. requests: name of messages ->
    `measured`, those of the window by outcome, and `response`, a histogram. unchecked: as CellSums has it.
    """

    measured: dict[str, int]
    ledger: dict[str, int]
    carried: int
    wrong: int
    bytes_sent: int
    bytes_received: int
    sessions: int
    examples: dict[str, str]
    spans: dict[str, dict[str, int]]
    per_second: list[list[int]]
    histograms: dict[str, str]
    connections: list[dict[str, Any]]
    requests: dict[str, dict[str, Any]]
    unchecked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Message):
    """How a worker has fared since the cell began, as WorkerHealth says; loop_lag is plain instead.

    That is a histogram in HdrHistogram's own base64 encoding, in nanoseconds.
    """

    cpu_share: float
    loop_lag: str
    throttled_s: float | None = None
    open_files: int | None = None
    open_files_limit: int | None = None
    resident_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Message):
    """One worker's cell as far as it has come: of several the last one holds, and the others are history.

    window_s: how much of the window is over. delayed: arrivals for which no user was free when they were due.
    dropped: arrivals that no user ever took. backed_off: how often a user waited before another try.
    port_waits: connections that had to wait for a local port. handshakes: of TLS; resumed: those of them that
    went on with an earlier session. addresses: where connections were opened to, `ip:port`. users: how many
    are there. beside: what came of those beside them, by name. rendezvous: its rounds, and who missed one.
    troubles: what users' own code did wrong that is no message's failure, in words, and how often.
    """

    window_s: float
    delayed: int
    dropped: int
    backed_off: int
    port_waits: int
    handshakes: int
    resumed: int
    addresses: list[str]
    users: int
    health: Health
    beside: dict[str, int] = field(default_factory=dict)
    rendezvous: dict[str, int] = field(default_factory=dict)
    troubles: dict[str, int] = field(default_factory=dict)

    def _plain(self) -> dict[str, Any]:
        return {**Message._plain(self), "health": self.health.to_message()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Message):
    """What a worker tells of a cell, every few seconds and, `final`, once at its end.

    run_id, cell: as the order had them. host: what is known of the worker's machine.
    """

    run_id: str
    cell: int
    worker: str
    final: bool
    host: dict[str, Any]
    counts: Counts
    standing: Standing

    def _plain(self) -> dict[str, Any]:
        parts = {"counts": self.counts.to_message(), "standing": self.standing.to_message()}
        return {**Message._plain(self), **parts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse(Message):
    """What one worker saw of one cell since its last pulse, which was span_ns ago.

    mode: the cell's, by which series it is one of.
    responses: answers by bucket of their response time. timed: how many answers came with the server's times;
    network_ns, wait_ns, service_ns: the sums of theirs. connections: open, or being opened, right now.
    failures: messages without a right reply, by outcome, but for those that were stopped from here.
    """

    run_id: str
    cell: int
    mode: str
    worker: str
    span_ns: int
    answered: int
    failures: dict[str, int]
    responses: list[int]
    timed: int
    network_ns: int
    wait_ns: int
    service_ns: int
    connections: int

    @property
    def failed(self) -> int:
        """All of them."""
        return sum(self.failures.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Message):
    """A worker's connections are all open, opened_s seconds after it began to open them."""

    run_id: str
    cell: int
    worker: str
    opened_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Message):
    """A worker cannot go on. run_id: None where the order did not even name its run."""

    run_id: str | None
    worker: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerLimits(Message):
    """What one worker may use.

    open_files: the soft limit, None without one. ports: how many local ports the kernel chooses from.
    network: equal for workers whose connections share these ports. reuse: the system's `tcp_tw_reuse`. None
    where the system does not tell. process: its id, on its own machine.
    """

    worker: str
    open_files: int | None
    ports: int | None
    network: str | None
    reuse: int | None = None
    process: int | None = None
