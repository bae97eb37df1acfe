"""What a client tells of its work, and to whom: the seam between the connection and everything that counts.

Answered steps are told in plain numbers, because there are a hundred thousand a second of them; what failed
is rare, and told as a whole Sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from loadtest.results import ClientView
from loadtest.samples import Outcome, Phase, Sample

# Stands for None among plain numbers: no time and no duration is negative.
ABSENT = -1


class Meter(Protocol):
    """Takes what a client did. All times are monotonic nanoseconds of this machine."""

    @property
    def wants_connections(self) -> bool:
        """Whether `connection` should be told of another one."""

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        """A step other than a message went well."""

    def message(
        self,
        due_ns: int,
        sent_ns: int,
        end_ns: int,
        wait_ns: int,
        service_ns: int,
        sent_bytes: int,
        received_bytes: int,
    ) -> None:
        """A message was answered, and rightly.

        due_ns: when it should have been sent, ABSENT where nobody said. wait_ns, service_ns: as the server
        told, or ABSENT. Bytes as they crossed the socket.
        """

    def failure(self, sample: Sample) -> None:
        """A step or message that did not go well."""

    def connection(self, address: str, view: ClientView) -> None:
        """A connection is over; address: `ip:port` of this end."""


class SampleMeter:
    """Makes a Sample of everything, for those who look at each: tests, and Locust users with listeners.

    record: takes each Sample. record_connection: takes each connection, if anybody does.
    """

    def __init__(
        self,
        record: Callable[[Sample], None],
        record_connection: Callable[[str, ClientView], None] | None = None,
    ) -> None:
        self.failure = record
        self._record = record
        self._record_connection = record_connection

    @property
    def wants_connections(self) -> bool:
        """See Meter.wants_connections."""
        return self._record_connection is not None

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        """See Meter.step."""
        self._record(Sample(phase, Outcome.ANSWERED, start_ns, end_ns))

    def message(
        self,
        due_ns: int,  # noqa: ARG002 (a sample runs from the send)
        sent_ns: int,
        end_ns: int,
        wait_ns: int,
        service_ns: int,
        sent_bytes: int,
        received_bytes: int,
    ) -> None:
        """See Meter.message."""
        self._record(
            Sample(
                Phase.MESSAGE,
                Outcome.ANSWERED,
                sent_ns,
                end_ns,
                None if wait_ns == ABSENT else wait_ns,
                None if service_ns == ABSENT else service_ns,
                sent_bytes,
                received_bytes,
            )
        )

    def connection(self, address: str, view: ClientView) -> None:
        """See Meter.connection."""
        if self._record_connection is not None:
            self._record_connection(address, view)
