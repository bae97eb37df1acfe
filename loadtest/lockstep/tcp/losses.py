"""How a connection is lost or given up: the step that failed is told once, and so is all that waited."""

from __future__ import annotations

import time

from lockstep.errors import HarnessError
from lockstep.tcp.dialling import Route
from lockstep.tcp.in_flight import InFlight
from lockstep.tcp.link import Link
from lockstep.tcp.names import name_of
from lockstep.tcp.replies import ReplyBuffer
from lockstep.tcp.samples import (
    ABSENT,
    LOST_WITH_IT,
    STOPPED,
    TOO_LATE,
    Meter,
    Outcome,
    Phase,
    Sample,
    explain,
    interruption,
)
from lockstep.tcp.state import Event, Stateful, Timestamps

_now_ns = time.monotonic_ns


class Losing(Stateful):
    """What a connection has while it lasts, and how all of it is let go."""

    # Of these there are as many as connections: every kilobyte is ten megabytes.
    __slots__ = (
        "_in_flight",
        "_link",
        "_meter",
        "_replies",
        "_route",
        "_stopped",
        "_timeout_s",
        "_timestamps",
        "_user",
        "free_ns",
    )

    def __init__(self, meter: Meter, route: Route, timeout_s: float | None, user: str | None) -> None:
        """As Connection has them."""
        super().__init__()
        self._meter = meter
        self._route = route
        self._timeout_s = timeout_s
        self._user = user
        self._link: Link | None = None
        # When the last step was over, monotonic nanoseconds.
        self.free_ns = ABSENT
        self._in_flight = InFlight(meter)
        # Whether who aborted was not the user's own code.
        self._stopped = False
        # Made when a reply is not whole at the first receive: most connections never need one.
        self._replies: ReplyBuffer | None = None
        self._timestamps = Timestamps(_now_ns())

    def _explain(
        self, error: OSError, too_late: str = TOO_LATE, bound_s: float | None = None
    ) -> tuple[Outcome, str]:
        """Outcome and reason; HarnessError, and no connection left, where the fault is this machine's own.

        too_late: what to say of a missed deadline; bound_s: which, where it is not timeout_s.
        """
        if self._aborted:
            return Outcome.ABORTED, STOPPED
        try:
            return explain(error, too_late, self._timeout_s if bound_s is None else bound_s)
        except HarnessError:
            self._leave(Outcome.ABORTED)
            raise

    def _failure(
        self,
        phase: Phase,
        start_ns: int,
        outcome: Outcome,
        detail: str,
        *,
        sent: int = 0,
        received: int = 0,
        tag: int = 0,
    ) -> Sample:
        """A step that is no message in flight has failed just now. sent, received: bytes on the socket."""
        return Sample(
            phase,
            outcome,
            start_ns,
            _now_ns(),
            sent_bytes=sent,
            received_bytes=received,
            detail=detail,
            stopped=self._stopped,
            name=name_of(tag),
        )

    def _lose(
        self,
        phase: Phase,
        start_ns: int,
        outcome: Outcome,
        detail: str,
        *,
        sent: int = 0,
        received: int = 0,
        tag: int = 0,
    ) -> Outcome:
        """A step fails, and the connection is given up: what waited for a reply on it is lost with it."""
        sample = self._failure(phase, start_ns, outcome, detail, sent=sent, received=received, tag=tag)
        # First of all: whoever is told of a failure may raise.
        self._leave(outcome)
        try:
            self._meter.failure(sample)
        finally:
            others = Outcome.ABORTED if outcome is Outcome.TIMEOUT else outcome
            self._in_flight.all_failed(others, LOST_WITH_IT, sample.end_ns, self._stopped)
        return outcome

    def _lose_all(
        self, outcome: Outcome, detail: str, others: Outcome | None = None, payload: bytes | None = None
    ) -> Outcome:
        """Every message in flight fails, and the connection is given up. The rest as for InFlight.lost."""
        now_ns = _now_ns()
        self._leave(outcome)
        self._in_flight.lost(outcome, detail, now_ns, self._stopped, others, payload)
        return outcome

    def _break_off(self, error: BaseException, phase: Phase, start_ns: int) -> None:
        """Who used the connection is interrupted in the middle of a step that is no message in flight."""
        self._lose(phase, start_ns, Outcome.ABORTED, self._interruption(error))

    def _interruption(self, error: BaseException) -> str:
        """What interrupted a step, in words: whoever ends its user, or a bound of the user's own."""
        detail, self._stopped = interruption(error)
        return detail

    def _leave(self, outcome: Outcome) -> None:
        """Close the socket and record how the connection went."""
        link, self._link = self._link, None
        self._move(Event.LEFT)
        self._replies = None
        if link is None:
            return
        kept = self._meter.wants_connections and self._timestamps.connected_ns is not None
        address = link.address if kept else ""
        link.close()
        self.free_ns = _now_ns()
        timestamps = self._timestamps
        timestamps.ended = outcome
        if timestamps.connected_ns is not None:
            self._route.ended(outcome, timestamps.answered)
        if kept:
            self._meter.connection(address, self._timestamps.view(self.free_ns, outcome, self._user))
