"""A link for plain threads: waits with poll, which costs nothing to bound."""

from __future__ import annotations

import select
import socket
import time
from typing import ClassVar

from lockstep.tcp.links import RECEIVE_BYTES
from lockstep.tcp.links.socket_link import READ, WRITE, SocketLink, in_use

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

    def begin(self) -> None:
        """See Link.begin."""
        if self.waiting:
            raise in_use()
        self._deadline_s = None if self._timeout_s is None else _now_s() + self._timeout_s

    def send(self, frame: bytes) -> None:
        """See Link.send."""
        self.begin()
        try:
            sent = self._send(frame)
        except BlockingIOError:
            sent = 0
        if sent != len(frame):
            self._send_rest(memoryview(frame)[sent:])

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

    def _await(self, events: int) -> int:
        poll = select.poll()
        poll.register(self._socket.fileno(), self._EVENTS[events])
        left_ms = None if self._deadline_s is None else max(self._deadline_s - _now_s(), 0.0) * 1000
        self.waiting = True
        try:
            found = poll.poll(left_ms)
        finally:
            self.waiting = False
        if not found:
            raise TimeoutError("timed out")
        ((_, happened),) = found
        # An error or the end of the stream shows at the next call, whatever was waited for.
        if happened & ~(select.POLLIN | select.POLLOUT):
            return events
        return (READ if happened & select.POLLIN else 0) | (WRITE if happened & select.POLLOUT else 0)
