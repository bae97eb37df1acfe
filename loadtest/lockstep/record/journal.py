"""Rows of finished steps, kept as they come and handed on in bulk.

A row costs a tenth of a microsecond; counting it into histograms and tables one by one would cost ten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from lockstep.runs.connections import ClientView
from lockstep.tcp.samples import MessageRow, Phase, Sample

# So few that handing them on holds nobody up for a millisecond.
ROWS = 2048
_STEP_COLUMNS = 2
_MESSAGE_COLUMNS = 7

Table = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """What was answered since the last batch, in monotonic nanoseconds.

    steps: phase -> rows of (start, end). messages: rows of (due, sent, end, wait, service, bytes sent, bytes
    received), with ABSENT where there is none.
    """

    steps: dict[Phase, Table]
    messages: Table


def response_starts_ns(messages: Table, open_load: bool) -> Table:
    """When the response time of each of a batch's messages begins, in monotonic nanoseconds.

    An open load is answerable from when a message was due; in a closed one nothing is due.
    """
    due_ns, sent_ns = messages.T[:2]
    starts_ns: Table = np.where(due_ns >= 0, due_ns, sent_ns) if open_load else sent_ns
    return starts_ns


class Journal:
    """A Meter that keeps rows. readers: take each batch in turn. failures: take each failed sample at once.

    connections: takes connections, and says whether it wants another one.
    """

    def __init__(
        self,
        readers: Sequence[Callable[[Batch], None]],
        failures: Sequence[Callable[[Sample], None]],
        connections: Callable[[str, ClientView], None] | None = None,
        most_connections: int = 0,
    ) -> None:
        self._readers = readers
        self._failures = failures
        self._connections = connections
        self._connections_left = most_connections
        self._messages: list[MessageRow] = []
        self._steps: dict[Phase, list[tuple[int, int]]] = {phase: [] for phase in Phase}

    @property
    def wants_connections(self) -> bool:
        """See Meter.wants_connections."""
        return self._connections_left > 0

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        """See Meter.step."""
        rows = self._steps[phase]
        rows.append((start_ns, end_ns))
        if len(rows) >= ROWS:
            self.flush()

    def message(self, row: MessageRow) -> None:
        """See Meter.message."""
        rows = self._messages
        rows.append(row)
        if len(rows) >= ROWS:
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
            {phase: _table(rows, _STEP_COLUMNS) for phase, rows in steps.items()},
            _table(self._messages, _MESSAGE_COLUMNS),
        )
        for rows in steps.values():
            rows.clear()
        self._messages.clear()
        for read in self._readers:
            read(batch)


def _table(rows: Sequence[tuple[int, ...]], columns: int) -> Table:
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=len(rows) * columns)
    return flat.reshape(-1, columns)
