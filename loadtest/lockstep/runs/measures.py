"""What is measured of a cell: times, order, overlap, what theory asks of them, the ledger, who measured."""

from __future__ import annotations

from dataclasses import dataclass, fields


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

    def statistic(self, name: str) -> float:
        """One of STATISTICS by its name."""
        return float(getattr(self, name))


STATISTICS = tuple(field.name for field in fields(Distribution) if field.name != "count")
"""What a distribution is summed up in: times, all of them."""


@dataclass(frozen=True, slots=True)
class Fairness:
    """In what order, and how evenly, one cell's admitted connections were served. Times in microseconds.

    overtaken: connections before which somebody was admitted who had arrived later. jain: Jain's index of the
    messages per second, from arrival to release, of the connections that came after the warm-up; 1 where all
    fare alike, 1/n where one has all. longest_wait_us: arrival to admission. reacquire_us: a user's release
    to its own next admission, 0 where it was back before its last permit was; only of connections whose user
    is known, which are the first of the cell that were over. None where nothing was counted.
    """

    connections: int
    overtaken: int
    longest_wait_us: float
    jain: float | None = None
    reacquire_us: Distribution | None = None

    @property
    def overtaken_share(self) -> float:
        """The part of the connections that was overtaken, 0 to 1."""
        return self.overtaken / self.connections


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many connections were in service, and how many waited, over a whole cell in bins of equal length.

    By the server's records and clock, from the cell's beginning on, warm-up and drain included. in_service
    and waiting: the time average in each bin. most: the greatest number in service at one moment of it. The
    measured window is counted from the first arrival, with which the workers begin.
    """

    bin_ms: float
    window_start_ms: float
    window_end_ms: float
    in_service: list[float]
    most: list[int]
    waiting: list[float]

    @property
    def span_ms(self) -> float:
        """How long the cell was."""
        return self.bin_ms * len(self.in_service)

    @property
    def kept(self) -> float | None:
        """The time average in service over the measured window, of whole bins; None where it has none."""
        inside = [
            mean
            for number, mean in enumerate(self.in_service)
            if self.window_start_ms <= number * self.bin_ms
            and (number + 1) * self.bin_ms <= self.window_end_ms
        ]
        return sum(inside) / len(inside) if inside else None


@dataclass(frozen=True, slots=True)
class Occupancy:
    """L = X T, one cell's: a number at once that was counted, and the same out of throughput and time.

    counted: users, or connections in service (time average). computed: throughput times mean time.
    """

    counted: float
    computed: float


@dataclass(frozen=True, slots=True)
class Edges:
    """What the two ends of a cell's window cut through, of sessions or messages: those it weighs on most.

    share: the part of the completed that lies before the window, less the part within it of those still under
    way at its end, as a part of all time under way in it: so far Little's law is off for their sake alone.
    under_way: how many were under way at the end, of which only that they take longer is known; longest_us:
    what one of them had taken by then, at most. needs_s: seconds that the window should last, None where it
    is long enough; at_least: whether that is a lower bound, because next to nothing ended. disturbed: whether
    it is long enough, and much lies beyond one end all the same, of so few exchanges that figures stand.
    """

    share: float
    under_way: int
    longest_us: float
    needs_s: float | None = None
    at_least: bool = False
    disturbed: bool = False


@dataclass(frozen=True, slots=True)
class WaitPrediction:
    """One cell's mean wait for admission, and what queueing theory says it had to be. Times in microseconds.

    utilisation: the part of the time in which a permit was held or being handed on. predicted_us: by the
    recursion of Lindley, or of Kiefer and Wolfowitz, over the recorded arrivals. hold_only_us: the same
    without hand-off and idle start.
    khinchine_us: the Pollaczek-Khinchine mean, and the interval in which a run of this length falls 95 times
    of 100; None where there is more than one permit, or no Poisson arrivals.
    """

    connections: int
    permits: int
    utilisation: float
    measured_us: float
    predicted_us: float
    hold_only_us: float
    khinchine_us: float | None = None
    khinchine_low_us: float | None = None
    khinchine_high_us: float | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """One line of the ledger: the clients' figure and the server's, None where the server does not tell."""

    client: int
    server: int | None = None

    @property
    def difference(self) -> int | None:
        """Server minus client."""
        return None if self.server is None else self.server - self.client


@dataclass(frozen=True, slots=True)
class Ledger:
    """Client's count against the server's, over the whole cell: warm-up, window and drain.

    sent: messages that a connection carried; the server's is how many it received. answered: replies, wrong
    ones included.
    failed: messages without a right reply, those for which there was no connection included.
    explanation: what a difference comes from, in words.
    """

    sent: Count
    answered: Count
    bytes_sent: Count
    bytes_received: Count
    failed: int = 0
    explanation: str = ""

    @property
    def difference(self) -> int | None:
        """Server answered minus client answered; None where the server does not tell."""
        return self.answered.difference

    @property
    def exact(self) -> bool:
        """Whether no line differs."""
        return not any(
            each.difference for each in (self.sent, self.answered, self.bytes_sent, self.bytes_received)
        )


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """How one worker fared during a cell: whether the figures are the server's or its own.

    cpu_share: processor time over the wall time of the one core, or less under a quota, that it can use.
    loop_lag_us: how late its event loop woke a timer. throttled_s: time its cgroup was kept from running.
    open_files: at their most. None where the system does not tell.
    """

    worker: str
    cpu_share: float
    loop_lag_us: Distribution | None = None
    throttled_s: float | None = None
    open_files: int | None = None
    open_files_limit: int | None = None
    resident_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """Moments at which all users began at once. limit_s: how long they waited for each other at most.

    It is None where their own file lets them meet, in a task. rounds: how often they began. missed: users
    that came too late for a round, added up.
    """

    limit_s: float | None
    rounds: int
    missed: int


@dataclass(frozen=True, slots=True)
class Company:
    """Users that were beside those of a cell, idle or hostile, and what came of them.

    kind: of beside.KINDS. users: how many. opened: connections that they opened. refused: tries that failed.
    cut: connections that the server ended before they did.
    """

    kind: str
    users: int
    opened: int = 0
    refused: int = 0
    cut: int = 0
