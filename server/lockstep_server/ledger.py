"""A listener's books: totals over all its connections, and their records.

Messages are counted on the record of the connection they came by, without a lock; the books add those up
when somebody asks, and once when a connection closes.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Protocol

from lockstep_server.records import Cause, ConnectionRecord, History

_arrival_ns = attrgetter("arrival_ns")
_order = attrgetter("arrival_ns", "id")


class Accounts(Protocol):
    """Where a connection is booked."""

    def arrive(self, peer: str, arrival_ns: int) -> ConnectionRecord:
        """Open a record for a connection from `peer` (ip:port)."""

    def close(self, record: ConnectionRecord, cause: Cause, close_ns: int) -> None:
        """The connection's socket is closed."""


@dataclass(frozen=True, slots=True)
class Totals:
    """A snapshot of a Ledger; messages and bytes of open connections included."""

    accepted: int
    open: int
    closed: int
    received: int
    answered: int
    bytes_received: int
    bytes_sent: int
    causes: dict[str, int]


@dataclass(slots=True)
class _Sums:
    received: int = 0
    answered: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0

    def add(self, record: ConnectionRecord) -> None:
        self.received += record.received
        self.answered += record.answered
        self.bytes_received += record.bytes_received
        self.bytes_sent += record.bytes_sent


class Ledger:
    """Exact under threads; one short lock on arrival and one on close."""

    def __init__(self, bound: int) -> None:
        """bound: how many records to keep."""
        self._lock = threading.Lock()
        self._accepted = 0
        self._open: dict[int, ConnectionRecord] = {}
        self._history = History(bound)
        self._closed = _Sums()
        self._causes: dict[Cause, int] = dict.fromkeys(Cause, 0)

    def arrive(self, peer: str, arrival_ns: int) -> ConnectionRecord:
        """See Accounts.arrive."""
        with self._lock:
            self._accepted += 1
            record = ConnectionRecord(self._accepted, peer, arrival_ns)
            self._open[record.id] = record
            self._history.add(record)
        return record

    def close(self, record: ConnectionRecord, cause: Cause, close_ns: int) -> None:
        """See Accounts.close."""
        record.cause, record.close_ns = cause, close_ns
        with self._lock:
            del self._open[record.id]
            self._causes[cause] += 1
            self._closed.add(record)

    def is_quiet(self) -> bool:
        """Whether no connection is open."""
        return not self._open

    def totals(self) -> Totals:
        """All totals of one moment. The lock is held for a copy only: what is added up afterwards belongs to
        connections that were open then, and grows on their own records, closed in the meantime or not."""
        with self._lock:
            sums = replace(self._closed)
            open_then = list(self._open.values())
            causes = {str(cause): count for cause, count in self._causes.items()}
            accepted = self._accepted
        for record in open_then:
            sums.add(record)
        return Totals(
            accepted=accepted,
            open=len(open_then),
            closed=accepted - len(open_then),
            received=sums.received,
            answered=sums.answered,
            bytes_received=sums.bytes_received,
            bytes_sent=sums.bytes_sent,
            causes=causes,
        )

    def connections(self, since_ns: int, limit: int) -> tuple[list[ConnectionRecord], int]:
        """The newest `limit` records of arrivals at or after since_ns, newest first, and about how many more
        there were. Open connections are always among the candidates, however old."""
        with self._lock:
            latest = self._history.latest()
            lost = self._history.lost_since(since_ns)
            open_now = list(self._open.values())
        kept = latest[bisect_left(latest, since_ns, key=_arrival_ns) :]
        oldest = _order(latest[0]) if latest else (0, 0)
        old = [record for record in open_now if _order(record) < oldest and record.arrival_ns >= since_ns]
        newest = (old + kept)[::-1]  # both are in the order of arrival, and what is old came before
        missing = max(0, lost - len(old)) + max(0, len(newest) - limit)
        return newest[:limit], missing
