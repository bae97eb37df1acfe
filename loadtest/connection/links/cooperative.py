"""A link for greenlets: a non-blocking socket and one io watcher that is kept as long as the connection.

gevent's own sockets try a receive that cannot succeed yet, then set a timer and register with the loop anew,
for every message. Here a receive is one switch to the hub and one call that finds its data.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
from types import MethodType
from typing import Any

import gevent
from greenlet import getcurrent, greenlet

from loadtest.connection.links import RECEIVE_BYTES
from loadtest.connection.links.socket_link import SocketLink
from loadtest.connection.links.watchdog import watchdog_for

_READ, _WRITE = 1, 2
_STILL_CONNECTING = (errno.EINPROGRESS, errno.EALREADY)
# Linux' IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect, so that each target has all of them.
_BIND_ADDRESS_NO_PORT = 24


class CooperativeLink(SocketLink[_socket.socket]):
    """Blocks one greenlet and never the process. One greenlet at a time may wait on it."""

    __slots__ = (
        "_hub_switch",
        "_loop",
        "_reader",
        "_receive",
        "_send",
        "_waiter",
        "_watchdog",
        "_watching",
        "ticks",
    )

    def __init__(self, family: socket.AddressFamily, timeout_s: float) -> None:
        # The C class: what Python's and gevent's add to it is what this link does without.
        super().__init__(_socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
        link = self._socket
        self._receive, self._send = link.recv, link.send
        hub = gevent.get_hub()
        self._loop = hub.loop
        # Past gevent's own switch, whose bookkeeping is for greenlets that are not ours to resume.
        self._hub_switch = MethodType(greenlet.switch, hub)
        self._reader: Any = None
        self._watching = False
        self._waiter: Any = None
        self.ticks = 0
        self._watchdog = watchdog_for(timeout_s)
        self._watchdog.watch(self)

    @property
    def waiting(self) -> bool:
        """See Watched.waiting."""
        return self._waiter is not None

    def connect(self, address: tuple[str, int], source: str | None) -> None:
        """See Link.connect."""
        link = self._socket
        if source is not None:
            link.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            self._bind(source)
        error = link.connect_ex(address)
        if error == errno.EINPROGRESS:
            # On loopback the handshake is over by now: asking again saves a turn of the loop.
            error = link.connect_ex(address)
        while error in _STILL_CONNECTING:
            self._await_writable()
            error = link.connect_ex(address)
        if error and error != errno.EISCONN:
            raise OSError(error, os.strerror(error))
        self._reader = self._loop.io(link.fileno(), _READ)

    def send(self, frame: bytes) -> None:
        """See Link.send."""
        try:
            sent = self._send(frame)
        except BlockingIOError:
            sent = 0
        if sent != len(frame):
            self._send_rest(memoryview(frame)[sent:])

    def receive(self) -> bytes:
        """See Link.receive."""
        if not self._watching:
            self._reader.start(self._on_readable)
            self._watching = True
        # As _pause does; its call alone could be measured here.
        self.ticks = 0
        self._waiter = getcurrent()
        try:
            self._hub_switch()
        except BaseException:
            self._waiter = None
            raise
        return self._receive(RECEIVE_BYTES)

    def abort(self) -> None:
        """See Link.abort; who waits to be connected is woken too."""
        super().abort()
        self._interrupt(ConnectionAbortedError(errno.ECONNABORTED, "stopped"))

    def expire(self) -> None:
        """See Watched.expire."""
        self._interrupt(TimeoutError(errno.ETIMEDOUT, "timed out"))

    def close(self) -> None:
        """See Link.close."""
        self._watchdog.forget(self)
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        self._socket.close()

    def _pause(self) -> None:
        """Let others run until this greenlet is switched to."""
        self.ticks = 0
        self._waiter = getcurrent()
        try:
            self._hub_switch()
        except BaseException:
            self._waiter = None
            raise

    def _on_readable(self) -> None:
        waiter = self._waiter
        if waiter is None:
            # Nobody asks for what has come; the loop would call again and again.
            self._reader.stop()
            self._watching = False
        else:
            self._waiter = None
            waiter.switch()

    def _interrupt(self, error: OSError) -> None:
        # From the hub: whoever ends a wait goes on at once and is not itself switched away from.
        waiter = self._waiter
        if waiter is not None:
            self._loop.run_callback(self._throw, waiter, error)

    def _throw(self, waiter: Any, error: OSError) -> None:
        # Woken in time after all, it may wait anew by now: that wait has seen no tick.
        in_time = isinstance(error, TimeoutError) and not self.ticks
        if self._waiter is waiter and not in_time:
            self._waiter = None
            waiter.throw(error)

    def _send_rest(self, rest: memoryview) -> None:
        while rest:
            self._await_writable()
            try:
                rest = rest[self._send(rest) :]
            except BlockingIOError:
                continue

    def _await_writable(self) -> None:
        if self._watching:
            # Only one thing at a time is waited for: what can be read stays where it is.
            self._reader.stop()
            self._watching = False
        writer = self._loop.io(self._socket.fileno(), _WRITE)
        writer.start(self._on_writable)
        try:
            self._pause()
        finally:
            writer.close()

    def _on_writable(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.switch()
