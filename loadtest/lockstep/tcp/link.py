"""How bytes travel: one socket behind a few verbs, waited on by a thread or by a greenlet.

Everything above a link is the same for both, so a scenario runs in a plain thread as it does under Locust.
"""

from __future__ import annotations

import _socket
import errno
import math
import os
import select
import socket
import struct
import time
from abc import abstractmethod
from collections import deque
from fcntl import ioctl
from socket import AddressFamily
from termios import FIONREAD
from typing import Any, ClassVar, Protocol

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import no_such_source
from lockstep.tcp.state import in_use
from lockstep_wire.peer import address_text

RECEIVE_BYTES = 65536
_now_s = time.monotonic
# As gevent's loop has them; poll's are translated.
READ, WRITE = 1, 2
_NOTHING = bytes(4)
_STILL_CONNECTING = (errno.EINPROGRESS, errno.EALREADY)
# Linux' IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect, so that each target has all of them.
_BIND_ADDRESS_NO_PORT = 24
# Struct linger: on, for no time.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

SocketAddress = tuple[Any, ...]
"""As the socket module takes it: ip and port, and for IPv6 flow and scope."""


class Link(Protocol):
    """One TCP connection, used in steps by one greenlet or thread at a time.

    All the waits of a step together are bounded: TimeoutError when the step's deadline is reached. Every
    method raises OSError as the socket does.
    """

    @property
    def address(self) -> str:
        """This end as `ip:port`, once it is connected."""

    @property
    def waiting(self) -> bool:
        """Whether somebody waits on it now."""

    def bound(self, timeout_s: float | None) -> None:
        """From now on a step may last so long, also the one under way; in seconds, None: for ever."""

    def begin(self) -> None:
        """A step begins, and its deadline counts from now. HarnessError where somebody else is in one."""

    def connect(self, address: SocketAddress, source: str | None) -> None:
        """Shake hands with address, from the local IP `source` where one is named.

        HarnessError where this machine has no such IP.
        """

    def send(self, frame: bytes) -> None:
        """A step begins: write all of it, and take in meanwhile what the peer says.

        HarnessError, and nothing written, where somebody else is in a step.
        """

    def receive(self) -> bytes:
        """Go on with the step: what is there once something is; empty when the peer has closed."""

    def unread(self) -> bytes:
        """What has come and was not received yet, without waiting; empty where nothing has."""

    def send_soon(self) -> None:
        """From now on small messages go out without waiting for the last one's acknowledgement."""

    def finish(self) -> None:
        """Say that nothing more will be sent."""

    def abort(self) -> None:
        """Wake whoever waits on this link; from another greenlet or thread."""

    def close(self) -> None:
        """Give the socket back."""


class LinkMaker(Protocol):
    """A kind of link: makes one that is not yet connected, and whose first step begins."""

    def __call__(self, family: AddressFamily, timeout_s: float | None) -> Link:
        """OSError where the system has no socket left."""


class SocketLink:
    """A Link over a non-blocking socket. Whoever extends it says how to wait."""

    __slots__ = ("_early", "_receive", "_send", "_socket")

    def __init__(self, family: socket.AddressFamily) -> None:
        # The C class: what Python's and gevent's add to it is what a link does without.
        self._socket = _socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._receive, self._send = self._socket.recv, self._socket.send
        # What came while a frame was being written. Made when first needed.
        self._early: deque[bytes] | None = None

    @abstractmethod
    def begin(self) -> None:
        """See Link.begin."""

    @abstractmethod
    def _await(self, events: int) -> int:
        """Wait for any of READ and WRITE, and say which it is. TimeoutError at the step's deadline."""

    @property
    def address(self) -> str:
        """See Link.address."""
        return address_text(*self._socket.getsockname()[:2])

    def connect(self, address: SocketAddress, source: str | None) -> None:
        """See Link.connect."""
        connect = self._socket.connect_ex
        if source is not None:
            self._bind(source)
        error = connect(address)
        if error == errno.EINPROGRESS:
            # On loopback the handshake is over by now: asking again saves a turn of the loop.
            error = connect(address)
        while error in _STILL_CONNECTING:
            self._await(WRITE)
            error = connect(address)
        if error and error != errno.EISCONN:
            raise OSError(error, os.strerror(error))

    def unread(self) -> bytes:
        """See Link.unread.

        A peer's second small reply waits in its system for our acknowledgement of the first (Nagle, RFC 896),
        which ours would send along with the next message: that reply would come right behind it, as if it
        were its answer. So the acknowledgement is sent now.
        """
        if self._early:
            return self._early.popleft()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        # Asking how much there is costs less than a receive that fails, which Python makes an exception of.
        if ioctl(self._socket.fileno(), FIONREAD, _NOTHING) == _NOTHING:
            return b""
        return self._receive(RECEIVE_BYTES)

    def send_soon(self) -> None:
        """See Link.send_soon."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish(self) -> None:
        """See Link.finish."""
        self._socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """See Link.abort: shutting down wakes who waits to receive or to send, where it is connected.

        Closing then resets the connection: a server whose sessions wait for a lock so passes this one over,
        where after a mere goodbye it would still work through all that was sent.
        """
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                raise

    def _send_rest(self, rest: memoryview) -> None:
        """Write what did not fit, and take in what comes meanwhile.

        A peer that answers as it reads would stop reading when nobody takes its answers, and both would wait
        for ever.
        """
        events = READ | WRITE
        while rest:
            ready = self._await(events)
            if ready & READ and not self._take_in_early():
                # The peer says nothing more; it may read on.
                events = WRITE
            if ready & WRITE:
                try:
                    rest = rest[self._send(rest) :]
                except BlockingIOError:
                    continue

    def _take_in_early(self) -> bool:
        """Whether more may follow."""
        try:
            data = self._receive(RECEIVE_BYTES)
        except BlockingIOError:
            return True
        if not data:
            return False
        if self._early is None:
            self._early = deque()
        self._early.append(data)
        return True

    def _bind(self, source: str) -> None:
        self._socket.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        try:
            self._socket.bind((source, 0))
        except OSError as refused:
            raise no_such_source(source, refused) from refused


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


def check_bound(what: str, value: object) -> None:
    """HarnessError where a bound in seconds is neither a positive number nor None."""
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:  # type: ignore[arg-type, operator]
        raise HarnessError(f"{what} = {value!r:.40}: give a positive number of seconds, or None for no bound")
