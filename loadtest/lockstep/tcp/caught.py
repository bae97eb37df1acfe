"""A reply whose user judges it: `with client.request(..., catch=True) as reply`, Locust's catch_response.

Until then the message is kept, and is booked once: as it went, or as its user says.
"""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lockstep.errors import HarnessError, printable
from lockstep.tcp.samples import (
    ABSENT,
    UNCHECKED,
    MessageRow,
    Meter,
    Outcome,
    Phase,
    Reply,
    Sample,
    message_sample,
    tag_of,
)

if TYPE_CHECKING:
    from lockstep.runs.connections import ClientView

NO_REPLY = "success() of a message without a reply ({outcome}): leave it, or say failure(...)"


class KeptBooking:
    """A Meter that keeps the last message of those it is told, and passes on all else."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.row: MessageRow | None = None
        self.sample: Sample | None = None
        self._reply: Reply | None = None

    @property
    def wants_connections(self) -> bool:
        """See Meter.wants_connections."""
        return self._meter.wants_connections

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        """See Meter.step."""
        self._meter.step(phase, start_ns, end_ns)

    def message(self, row: MessageRow, reply: Reply | None = None) -> None:
        """See Meter.message."""
        self.pass_on()
        self.row, self._reply = row, reply

    def failure(self, sample: Sample) -> None:
        """See Meter.failure."""
        if sample.phase is not Phase.MESSAGE:
            self._meter.failure(sample)
            return
        self.pass_on()
        self.sample = sample

    def connection(self, address: str, view: ClientView) -> None:
        """See Meter.connection."""
        self._meter.connection(address, view)

    def mark_checked(self) -> None:
        """Whoever catches the reply of what is kept looks at it: to say nothing of it is to find it right."""
        if self.row is not None:
            self.row = (*self.row[:-1], self.row[-1] & ~UNCHECKED)

    def fail(self, detail: str) -> None:
        """What is kept has failed, for this reason."""
        if self.row is not None:
            self.sample = message_sample(self.row, self._reply)
            self.row = None
        if self.sample is not None:
            answered = self.sample.outcome is Outcome.ANSWERED
            outcome = Outcome.ERROR if answered else self.sample.outcome
            self.sample = replace(self.sample, outcome=outcome, detail=detail)

    def succeed(self) -> None:
        """What is kept was answered, whatever was expected. HarnessError where no reply came."""
        sample = self.sample
        if sample is None:
            return
        if sample.reply is None or sample.reply.payload is None:
            raise HarnessError(NO_REPLY.format(outcome=sample.outcome))
        times_ns = (ABSENT, sample.start_ns, sample.end_ns, ABSENT, ABSENT)
        tag = tag_of(sample.name or None, checked=True)
        self.row = (*times_ns, sample.sent_bytes, sample.received_bytes, tag)
        self.sample, self._reply = None, sample.reply._replace(outcome=Outcome.ANSWERED)

    def pass_on(self) -> None:
        """Book what is kept, if anything is."""
        (row, self.row), (sample, self.sample) = (self.row, None), (self.sample, None)
        if row is not None:
            self._meter.message(row, self._reply)
        if sample is not None:
            self._meter.failure(sample)


class CaughtReply:
    """A reply, and what its user says of it; without a word of his it is booked as it went.

    outcome, payload, wait_ns, service_ns, payloads: as Reply has them.
    """

    def __init__(self, reply: Reply, booking: KeptBooking) -> None:
        self.outcome, self.payload, self.wait_ns, self.service_ns, self.payloads = reply
        booking.mark_checked()
        self._booking = booking

    def __bool__(self) -> bool:
        return self.outcome is Outcome.ANSWERED

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle()

    def failure(self, why: str | BaseException) -> None:
        """Let the message fail, for this reason; an ERROR, where a reply came that was not wrong before."""
        self._booking.fail(printable(str(why)))
        self.outcome = Outcome.ERROR if self.outcome is Outcome.ANSWERED else self.outcome

    def success(self) -> None:
        """Let the message be answered, whatever its reply. HarnessError where none came."""
        self._booking.succeed()
        self.outcome = Outcome.ANSWERED

    def settle(self) -> None:
        """Book the message now, if it is not; what is said of it later changes nothing."""
        self._booking.pass_on()
