"""A listener's books: totals over all its connections, and their records.

Messages are counted on the record of the connection they came by, without a lock; the books add those up
when somebody asks, and once when a connection closes.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from server.records import Cause, ConnectionRecord, History


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


class Ledger:
    """Exact under threads; one short lock on arrival and one on close."""

    def __init__(self, bound: int) -> None:
        """bound: how many records to keep."""
        self._lock = threading.Lock()
        self._quiet = threading.Condition(self._lock)
        self._accepted = 0
        self._open: dict[int, ConnectionRecord] = {}
        self._history = History(bound)
        self._closed: Counter[str] = Counter()
        self._causes: dict[Cause, int] = dict.fromkeys(Cause, 0)

    def arrive(self, peer: str, arrival_ns: int) -> ConnectionRecord:
        """Open a record for a connection from `peer` (ip:port)."""
        with self._lock:
            self._accepted += 1
            record = ConnectionRecord(self._accepted, peer, arrival_ns)
            self._open[record.id] = record
            self._history.add(record)
        return record

    def close(self, record: ConnectionRecord, cause: Cause, close_ns: int) -> None:
        """The connection's socket is closed."""
        record.cause, record.close_ns = cause, close_ns
        with self._lock:
            del self._open[record.id]
            self._causes[cause] += 1
            self._closed.update(_counts(record))
            if not self._open:
                self._quiet.notify_all()

    def wait_until_quiet(self, timeout_s: float) -> bool:
        """Whether no connection was open within that time."""
        with self._quiet:
            return self._quiet.wait_for(lambda: not self._open, timeout_s)

    def totals(self) -> Totals:
        """All totals of one moment."""
        with self._lock:
            sums = self._closed.copy()
            for record in self._open.values():
                sums.update(_counts(record))
            open_now, causes = len(self._open), {str(cause): n for cause, n in self._causes.items()}
            accepted = self._accepted
        return Totals(
            accepted=accepted,
            open=open_now,
            closed=accepted - open_now,
            received=sums["received"],
            answered=sums["answered"],
            bytes_received=sums["bytes_received"],
            bytes_sent=sums["bytes_sent"],
            causes=causes,
        )

    def connections(self, since_ns: int, limit: int) -> tuple[list[ConnectionRecord], int]:
        """The newest `limit` records of arrivals at or after since_ns, newest first, and about how many more
        there were. Open connections are always among the candidates, however old."""
        with self._lock:
            kept = {record.id: record for record in self._history.since(since_ns)}
            lost = self._history.lost_since(since_ns)
            old = {
                i: record
                for i, record in self._open.items()
                if i not in kept and record.arrival_ns >= since_ns
            }
        newest = sorted((kept | old).values(), key=lambda record: record.id, reverse=True)
        missing = max(0, lost - len(old)) + max(0, len(newest) - limit)
        return newest[:limit], missing


def _counts(record: ConnectionRecord) -> dict[str, int]:
    return {
        "received": record.received,
        "answered": record.answered,
        "bytes_received": record.bytes_received,
        "bytes_sent": record.bytes_sent,
    }
