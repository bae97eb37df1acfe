"""One connection's record, and the bounded history of them."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

_MARK_EVERY = 64
_MARKS = 16_384


class Cause(StrEnum):
    """Why a connection was closed."""

    PEER = "peer"
    """the peer closed, between messages"""
    RESET = "reset"
    """the peer, or the network, broke the connection off"""
    SHORT = "short"
    """the peer closed in the middle of a frame"""
    TOO_LONG = "too_long"
    """the peer sent a frame beyond the limit"""
    IDLE = "idle"
    """the peer was silent for too long"""
    SLOW_SENDER = "slow_sender"
    """the peer took too long over one message"""
    SLOW_READER = "slow_reader"
    """the peer did not take its reply for too long"""
    DRAINED = "drained"
    """the server stopped and the time to drain was over"""
    FULL = "full"
    """as many were open as the server is to have, so it was refused"""
    OVERLOAD = "overload"
    """the system gave no thread, or no file, to serve it, so it was refused"""
    DIED = "died"
    """the process that served it died"""


@dataclass(slots=True, eq=False)
class ConnectionRecord:
    """What is known of a connection. Monotonic nanoseconds; None where it has not happened yet.

    Only the thread that serves the connection writes to it, so nothing here needs a lock. waited_ns and
    held_ns are sums over messages, used where messages are admitted one by one; elsewhere they are None.
    """

    id: int
    peer: str
    arrival_ns: int
    admission_ns: int | None = None
    release_ns: int | None = None
    close_ns: int | None = None
    cause: Cause | None = None
    received: int = 0
    answered: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    waited_ns: int | None = None
    held_ns: int | None = None

    @property
    def wait_ns(self) -> int | None:
        """Time before admission."""
        if self.waited_ns is not None or self.admission_ns is None:
            return self.waited_ns
        return self.admission_ns - self.arrival_ns

    @property
    def hold_ns(self) -> int | None:
        """Time from admission to release."""
        if self.held_ns is not None or self.admission_ns is None or self.release_ns is None:
            return self.held_ns
        return self.release_ns - self.admission_ns


class History:
    """The latest records in the order of arrival; a bound on how many, and a fair idea of how many were lost.

    Every 64th arrival leaves a mark of its time, so the count of the lost is at most 63 too high.
    Not locked: its owner does that.
    """

    __slots__ = ("_latest", "_marks")

    def __init__(self, bound: int) -> None:
        self._latest: deque[ConnectionRecord] = deque(maxlen=bound)
        self._marks: deque[tuple[int, int]] = deque(maxlen=_MARKS)

    def add(self, record: ConnectionRecord) -> None:
        """Keep a record; ids count up from 1 without gaps. The oldest goes if there are too many."""
        if record.id % _MARK_EVERY == 1:
            self._marks.append((record.arrival_ns, record.id))
        later = list[ConnectionRecord]()
        # Of several processes that accept, one may tell of it after another that did so later.
        while self._latest and self._latest[-1].arrival_ns > record.arrival_ns:
            later.append(self._latest.pop())
        self._latest.append(record)
        self._latest.extend(reversed(later))

    def latest(self) -> list[ConnectionRecord]:
        """The records kept, oldest first."""
        return list(self._latest)

    def lost_since(self, since_ns: int) -> int:
        """About how many arrivals at or after since_ns are no longer kept."""
        if not self._latest or self._latest[0].id == 1 or self._latest[0].arrival_ns <= since_ns:
            return 0
        marks = list(self._marks)
        after = bisect_left(marks, (since_ns, 0))
        first_id = marks[after - 1][1] if after else 1
        return max(0, self._latest[0].id - first_id)
