"""A link for plain threads: poll(2) with what is left of the step's time."""

from __future__ import annotations

import select
import socket
import time
from typing import ClassVar

from lockstep.tcp.link import READ, RECEIVE_BYTES, WRITE, SocketLink
from lockstep.tcp.state import in_use

_now_s = time.monotonic


class BlockingLink(SocketLink):
    """Whoever waits on it blocks its thread."""

    __slots__ = ("_deadline_s", "_timeout_s", "waiting")

    _EVENTS: ClassVar[dict[int, int]] = {
        READ: select.POLLIN,
        WRITE: select.POLLOUT,
        READ | WRITE: select.POLLIN | select.POLLOUT,
    }

    def __init__(self, family: socket.AddressFamily, timeout_s: float | None) -> None:
        super().__init__(family)
        self._timeout_s = timeout_s
        self._deadline_s: float | None = None
        self.waiting = False
        self.begin()

    def bound(self, timeout_s: float | None) -> None:
        """See Link.bound."""
        self._timeout_s = timeout_s
        self._deadline_s = None if timeout_s is None else _now_s() + timeout_s

    def begin(self) -> None:
        """See Link.begin."""
        if self.waiting:
            raise in_use()
        self.bound(self._timeout_s)

    def send_beside(self, frame: bytes) -> None:
        """See Link.send_beside: threads cannot."""
        self.send(frame)

    def receive(self) -> bytes:
        """See Link.receive."""
        if self._early:
            return self._early.popleft()
        while True:
            self._await(READ)
            try:
                return self._receive(RECEIVE_BYTES)
            except BlockingIOError:
                continue

    def close(self) -> None:
        """See Link.close."""
        self._socket.close()

    def nap(self, seconds: float) -> None:
        """See SocketLink.nap."""
        if self._deadline_s is not None and _now_s() >= self._deadline_s:
            raise TimeoutError("timed out")
        time.sleep(seconds)

    def _await(self, events: int) -> int:
        poll = select.poll()
        poll.register(self._socket.fileno(), self._EVENTS[events])
        left_ms = None if self._deadline_s is None else max(self._deadline_s - _now_s(), 0.0) * 1000
        self.waiting = True
        try:
            ready = poll.poll(left_ms)
        finally:
            self.waiting = False
        if not ready:
            raise TimeoutError("timed out")
        ((_, happened),) = ready
        # An error or the end of the stream shows at the next call, whatever was waited for.
        if happened & ~(select.POLLIN | select.POLLOUT):
            return events
        return (READ if happened & select.POLLIN else 0) | (WRITE if happened & select.POLLOUT else 0)
