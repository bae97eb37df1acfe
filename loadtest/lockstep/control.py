"""What master and workers say to each other, over Locust's own transport: plain dicts of numbers and strings.

master -> workers   BEGIN  a CellOrder: what every user does from now on
                    END    stop, drain for `drain_s`, send the rest; unless `at_once`, after the whole window
worker -> master    REPORT what was recorded since the last one; `final` after END
                    PULSE  a few counts of the last second, for the live page; no figure of a result
                    OPENED all connections of a cell that opens them first are there
                    FAULT  this worker cannot go on, and why
                    LIMITS WorkerLimits, once, when it is ready for orders
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from lockstep.plan import Traffic

BEGIN = "lockstep_begin"
END = "lockstep_end"
REPORT = "lockstep_report"
PULSE = "lockstep_pulse"
OPENED = "lockstep_opened"
FAULT = "lockstep_fault"
LIMITS = "lockstep_limits"

# How long after END what is in flight may still finish, before it is stopped and counted as aborted.
DRAIN_S = 3.0
# The same where a person has pressed Stop, and waits for the page's answer: two seconds in all.
HURRIED_DRAIN_S = 0.4


@dataclass(frozen=True, slots=True)
class CellOrder:
    """One cell as a worker needs it. seconds is None for a run that somebody ends by hand.

    run_id and cell name the cell in reports, so that a report of another run is never added to this one.
    reply: `echo`, or the exact text that the server answers everything with; None leaves replies unchecked.
    share, shares: of an open load's arrivals this worker has the share-th of so many parts, from 0.
    seed: of what is drawn at random.
    """

    run_id: str
    cell: int
    mode: str
    host: str
    port: int
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

    @property
    def opens_first(self) -> bool:
        """Whether connections are opened before the cell's time: where they stay, and it is bounded."""
        return self.traffic.keeps_connection and self.seconds is not None

    def for_share(self, share: int, shares: int) -> CellOrder:
        """The order for one of several workers."""
        return replace(self, share=share, shares=shares)

    def to_message(self) -> dict[str, Any]:
        """As a dict that msgpack can carry."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> CellOrder:
        """Back from to_message's dict."""
        return cls(**{**message, "traffic": Traffic.from_json(message["traffic"])})


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What one worker may use.

    open_files: the soft limit, None without one. ports: how many local ports the kernel chooses from.
    network: equal for workers whose connections share these ports. reuse: the system's `tcp_tw_reuse`. None
    where the system does not tell.
    """

    worker: str
    open_files: int | None
    ports: int | None
    network: str | None
    reuse: int | None = None
