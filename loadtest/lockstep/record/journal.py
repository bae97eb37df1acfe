"""Rows of finished steps, kept as they come and handed on in bulk.

A row costs a tenth of a microsecond; counting it into histograms and tables one by one would cost ten. Rows
are kept as numbers, one after another: a tuple for each would be looked at by the garbage collector, and be
taken to pieces again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lockstep.runs.connections import ClientView
from lockstep.tcp.samples import UNCHECKED, MessageRow, Phase, Reply, Sample, name_of

# So few that handing them on holds nobody up for a millisecond.
ROWS = 2048

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StepColumns:
    """Steps of one phase that went well: when each began and ended, in monotonic nanoseconds.

    Arrays of shape (steps,).
    """

    start_ns: Integers
    end_ns: Integers

    def __len__(self) -> int:
        return len(self.end_ns)


@dataclass(frozen=True, slots=True)
class MessageColumns:
    """Answered messages: arrays of shape (messages,), in the order of a MessageRow's numbers.

    due_ns, sent_ns, end_ns: monotonic nanoseconds. wait_ns, service_ns: as the server told. sent_bytes,
    received_bytes: as they crossed the socket. due_ns, wait_ns and service_ns are ABSENT where nobody said.
    tag: what it is called, and whether its reply was checked: see tcp/names.py.
    """

    due_ns: Integers
    sent_ns: Integers
    end_ns: Integers
    wait_ns: Integers
    service_ns: Integers
    sent_bytes: Integers
    received_bytes: Integers
    tag: Integers

    def __len__(self) -> int:
        return len(self.end_ns)

    def response_start_ns(self, open_load: bool) -> Integers:
        """When each message's response time begins, in monotonic nanoseconds: shape (messages,).

        An open load is answerable from when a message was due; in a closed one nothing is due.
        """
        return np.where(self.due_ns >= 0, self.due_ns, self.sent_ns) if open_load else self.sent_ns

    def server_timed(self) -> npt.NDArray[np.bool_]:
        """Which of them came with the server's times: shape (messages,)."""
        return (self.wait_ns >= 0) & (self.service_ns >= 0)

    @property
    def unchecked(self) -> npt.NDArray[np.bool_]:
        """Of which of them nobody has looked at the reply: shape (messages,)."""
        return (self.tag & UNCHECKED).astype(np.bool_)

    def by_name(self) -> Iterator[tuple[str, npt.NDArray[np.bool_] | slice]]:
        """Each name that is among them, "" for none, and which of them have it: shape (messages,)."""
        numbers = self.tag | UNCHECKED
        if (numbers == numbers[0]).all():
            yield name_of(int(numbers[0])), slice(None)
            return
        for number in np.unique(numbers).tolist():
            yield name_of(number), numbers == number


_STEP_WIDTH, _MESSAGE_WIDTH = len(fields(StepColumns)), len(fields(MessageColumns))
_FULL_OF_STEPS, _FULL_OF_MESSAGES = ROWS * _STEP_WIDTH, ROWS * _MESSAGE_WIDTH


@dataclass(frozen=True, slots=True)
class Batch:
    """What was answered since the last batch; a phase without any is left out."""

    steps: dict[Phase, StepColumns]
    messages: MessageColumns


class Journal:
    """A Meter that keeps rows. readers: take each batch in turn. failures: take each failed sample at once.

    connections: takes connections, and says whether it wants another one.
    """

    def __init__(
        self,
        readers: Sequence[Callable[[Batch], None]],
        failures: Sequence[Callable[[Sample], None]],
        connections: Callable[[str, ClientView], None] | None = None,
        max_connections: int = 0,
    ) -> None:
        self._readers = readers
        self._failures = failures
        self._connections = connections
        self._connections_left = max_connections
        self._messages: list[int] = []
        self._steps: dict[Phase, list[int]] = {phase: [] for phase in Phase}

    @property
    def at_once(self) -> bool:
        """Whether it takes a message without waiting for anything: nobody else's code hears of it."""
        return True

    @property
    def wants_connections(self) -> bool:
        """See Meter.wants_connections."""
        return self._connections_left > 0

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        """See Meter.step."""
        rows = self._steps[phase]
        rows += (start_ns, end_ns)
        if len(rows) >= _FULL_OF_STEPS:
            self.flush()

    def message(self, row: MessageRow, reply: Reply | None = None) -> None:  # noqa: ARG002 (only numbers are kept)
        """See Meter.message."""
        rows = self._messages
        rows += row
        if len(rows) >= _FULL_OF_MESSAGES:
            self.flush()

    def failure(self, sample: Sample) -> None:
        """See Meter.failure."""
        for take in self._failures:
            take(sample)

    def connection(self, address: str, view: ClientView) -> None:
        """See Meter.connection."""
        if self._connections is not None and self._connections_left:
            self._connections_left -= 1
            self._connections(address, view)

    def flush(self) -> None:
        """Hand everything on now."""
        steps = {phase: rows for phase, rows in self._steps.items() if rows}
        if not steps and not self._messages:
            return
        batch = Batch(
            {phase: StepColumns(*_columns(rows, _STEP_WIDTH)) for phase, rows in steps.items()},
            MessageColumns(*_columns(self._messages, _MESSAGE_WIDTH)),
        )
        for rows in steps.values():
            rows.clear()
        self._messages.clear()
        for read in self._readers:
            read(batch)


class Feed(Protocol):
    """What makes journals, and hands them on; beside a run, Locust is told of what they hold."""

    def new_journal(
        self,
        name: str,
        readers: Sequence[Callable[[Batch], None]],
        failures: Sequence[Callable[[Sample], None]],
        keep_connection: Callable[[str, ClientView], None],
        max_connections: int,
    ) -> Journal:
        """A journal for these readers, which is handed on once it is registered; see Journal."""

    def register(self, name: str, journal: Journal) -> None:
        """Hand on this journal from now on, in the place of an earlier one of that name."""


def _columns(numbers: Sequence[int], width: int) -> Integers:
    """Rows of so many numbers each, one after another, turned round: shape (width, rows)."""
    # Numpy asks each number what it is; this knows.
    packed = struct.pack(f"{len(numbers)}q", *numbers)
    return np.frombuffer(packed, dtype=np.int64).reshape(-1, width).T
