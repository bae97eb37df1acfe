"""How bytes travel: one socket behind a few verbs, waited on by a thread or by a greenlet.

Everything above a link is the same for both, so a scenario runs in a plain thread as it does under Locust.
"""

from __future__ import annotations

import _socket
import errno
import math
import os
import socket
import struct
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from fcntl import ioctl
from itertools import count
from socket import AddressFamily
from termios import FIONREAD
from typing import Any, Protocol

from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Options
from lockstep_wire import address_text

RECEIVE_BYTES = 65536
# As gevent's loop has them; poll's are translated.
READ, WRITE = 1, 2
_NOTHING = bytes(4)
_STILL_CONNECTING = (errno.EINPROGRESS, errno.EALREADY)
# Linux' IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect, so that each target has all of them.
_BIND_ADDRESS_NO_PORT = 24
# Struct linger: on, for no time.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

SocketAddress = tuple[Any, ...] | str
"""As the socket module takes it: ip and port, and for IPv6 flow and scope; a path of a unix socket."""
Answer = Callable[[bytes], bytes | None]
"""What to send next, given what has come; None where nothing follows at once."""
# A full backlog of a unix socket is asked again so often: nothing tells when there is room.
BACKLOG_NAP_S = 0.001
_numbers = count(1)


class Link(Protocol):
    """One connection, used in steps by one greenlet or thread at a time.

    All the waits of a step together are bounded: TimeoutError when the step's deadline is reached. Every
    method raises OSError as the socket does.
    """

    @property
    def address(self) -> str:
        """This end as `ip:port`, once it is connected; of a unix socket a name that no other one has."""

    @property
    def waiting(self) -> bool:
        """Whether somebody waits on it now."""

    def bound(self, timeout_s: float | None) -> None:
        """From now on a step may last so long, also the one under way; in seconds, None: for ever."""

    def begin(self) -> None:
        """A step begins, and its deadline counts from now. HarnessError where somebody else is in one."""

    def tune(self, options: Options) -> None:
        """Set what the options say of the socket; before it is connected, for some count from then on."""

    def connect(self, address: SocketAddress, source: str | None) -> None:
        """Connect to address, from the local IP `source` where one is named.

        HarnessError where this machine has no such IP.
        """

    def handshake(self) -> bool:
        """A step of its own, where the connection is secure: whether the session is one of before.

        ConnectionRefusedError says in OpenSSL's words why one of both ends does not want the other.
        """

    def send(self, frame: bytes) -> None:
        """A step begins: write all of it, and take in meanwhile what the peer says.

        HarnessError, and nothing written, where somebody else is in a step.
        """

    def ask(self, frame: bytes) -> bytes:
        """A whole step: `send`, and then `receive`."""

    def relay(self, frame: bytes, answer: Answer) -> None:
        """`ask`, and whatever `answer` then says is sent next, step after step, until it says nothing.

        answer is called with what came, wherever that is known first: it must not wait for anything.
        """

    def send_beside(self, frame: bytes) -> None:
        """Write all of it, while somebody else may be in a step and waits to receive.

        HarnessError where that cannot be.
        """

    def push(self, data: bytes) -> None:
        """Go on with the step: write all of it, and take in meanwhile what the peer says."""

    def receive(self) -> bytes:
        """Go on with the step: what is there once something is; empty when the peer has closed."""

    def unread(self) -> bytes:
        """What has come and was not received yet, without waiting; empty where nothing has."""

    def finish(self) -> None:
        """Say that nothing more will be sent."""

    def reset(self) -> None:
        """From now on closing it resets the connection."""

    def abort(self) -> None:
        """Wake whoever waits on this link; from another greenlet or thread."""

    def close(self) -> None:
        """Give the socket back."""


def no_room(_: Any) -> int:
    """Stands for a socket's send while somebody is in the middle of a frame."""
    raise BlockingIOError


class LinkMaker(Protocol):
    """A kind of link: makes one that is not yet connected, and whose first step begins."""

    def __call__(self, family: AddressFamily, timeout_s: float | None) -> Link:
        """OSError where the system has no socket left."""


class SocketLink:
    """A Link over a non-blocking socket. Whoever extends it says how to wait."""

    __slots__ = ("_early", "_nodelay", "_receive", "_send", "_set_tcp", "_socket")

    def __init__(self, family: socket.AddressFamily) -> None:
        # The C class: what Python's and gevent's add to it is what a link does without.
        self._socket = _socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._receive = self._socket.recv
        self._send: Callable[[Any], int] = self._socket.send
        self._set_tcp = self._socket.setsockopt if family != socket.AF_UNIX else _nothing
        self._nodelay = True
        # What came while a frame was being written. Made when first needed.
        self._early: deque[bytes] | None = None

    @abstractmethod
    def begin(self) -> None:
        """See Link.begin."""

    @abstractmethod
    def _await(self, events: int) -> int:
        """Wait for any of READ and WRITE, and say which it is. TimeoutError at the step's deadline."""

    @abstractmethod
    def nap(self, seconds: float) -> None:
        """Let time pass within a step. TimeoutError at its deadline."""

    @property
    def address(self) -> str:
        """See Link.address."""
        if self._socket.family == socket.AF_UNIX:
            # The client's end has no name of its own.
            return f"unix:{os.getpid()}.{next(_numbers)}"
        return address_text(*self._socket.getsockname()[:2])

    def tune(self, options: Options) -> None:
        """See Link.tune."""
        set_option = self._socket.setsockopt
        if options.nodelay is not None:
            self._nodelay = options.nodelay
        if options.keepalive is not None:
            set_option(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            set_option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, options.keepalive)
            set_option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, options.keepalive)
        if options.send_buffer is not None:
            set_option(socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer)
        if options.receive_buffer is not None:
            set_option(socket.SOL_SOCKET, socket.SO_RCVBUF, options.receive_buffer)

    def connect(self, address: SocketAddress, source: str | None) -> None:
        """See Link.connect."""
        connect = self._socket.connect_ex
        if source is not None:
            self._bind(source)
        if self._nodelay:
            self._set_tcp(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = connect(address)
        if error == errno.EINPROGRESS:
            # On loopback the handshake is over by now: asking again saves a turn of the loop.
            error = connect(address)
        while error in _STILL_CONNECTING:
            self._await(WRITE)
            error = connect(address)
        while error == errno.EAGAIN and self._socket.family == socket.AF_UNIX:
            # Its backlog is full. TCP would wait by itself.
            self.nap(BACKLOG_NAP_S)
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
        self._set_tcp(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        # Asking how much there is costs less than a receive that fails, which Python makes an exception of.
        if ioctl(self._socket.fileno(), FIONREAD, _NOTHING) == _NOTHING:
            return b""
        return self._receive(RECEIVE_BYTES)

    def handshake(self) -> bool:
        """See Link.handshake: there is nothing to agree on."""
        return False

    def send(self, frame: bytes) -> None:
        """See Link.send."""
        self.begin()
        self.push(frame)

    @abstractmethod
    def receive(self) -> bytes:
        """See Link.receive."""

    def ask(self, frame: bytes) -> bytes:
        """See Link.ask."""
        self.send(frame)
        return self.receive()

    def relay(self, frame: bytes, answer: Answer) -> None:
        """See Link.relay."""
        following: bytes | None = frame
        while following is not None:
            following = answer(self.ask(following))

    def push(self, data: bytes) -> None:
        """See Link.push."""
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        if sent != len(data):
            self._send_rest(memoryview(data)[sent:])

    def finish(self) -> None:
        """See Link.finish."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """See Link.reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def abort(self) -> None:
        """See Link.abort: shutting down wakes who waits to receive or to send, where it is connected.

        Closing then resets the connection: a server whose sessions wait for a lock so passes this one over,
        where after a mere goodbye it would still work through all that was sent.
        """
        try:
            self.reset()
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                raise

    def _send_rest(self, rest: memoryview) -> None:
        """Write what did not fit, and take in what comes meanwhile.

        A peer that answers as it reads stops reading when nobody takes its answers: both would wait for ever.
        """
        events = READ | WRITE
        while self._send is no_room:
            self._await(WRITE)
        write = self._send
        # Whoever wants to write beside this finds no room: frames must not be mixed.
        self._send = no_room
        try:
            while rest:
                ready = self._await(events)
                if ready & READ and not self._take_in_early():
                    # The peer says nothing more; it may read on.
                    events = WRITE
                if ready & WRITE:
                    try:
                        rest = rest[write(rest) :]
                    except BlockingIOError:
                        continue
        finally:
            self._send = write

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


def no_such_source(source: str, error: OSError) -> HarnessError:
    """What to raise where a local address to connect from cannot be had."""
    return HarnessError(
        f"cannot connect from --source {source} ({error.strerror}): give addresses of the worker's machine"
    )


def _nothing(*_: object) -> None:
    """What stands for an option that a socket has not."""


def check_bound(what: str, value: object) -> None:
    """HarnessError where a bound in seconds is neither a positive number nor None."""
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:  # type: ignore[arg-type, operator]
        raise HarnessError(f"{what} = {value!r:.40}: give a positive number of seconds, or None for no bound")
