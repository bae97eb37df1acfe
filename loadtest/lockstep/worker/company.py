"""Users beside those that work: each holds one connection, and does with it what no client should.

Their sockets are gevent's own: none of what they do is measured, and much of it no client of ours can do.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import count, cycle

import gevent
from gevent import socket
from gevent.pool import Group

from lockstep.control import CellOrder
from lockstep.tcp.addresses import ADDRESS_BOOK
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.tcp.many import payloads
from lockstep.worker.opening import Opening
from lockstep_wire.framing import framing_of

# What a slow one does so often, in seconds, and how long one waits whose connection is gone.
SLOW_S = 0.05
AGAIN_S = 0.1
BETWEEN_RESETS_S = 0.01
CONNECT_S = 10.0
# So little that a reply does not fit: its server cannot be done with it.
SMALL_BUFFER = 4096
BIG_PAYLOAD = 1 << 16
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Connect = Callable[[int | None], socket.socket]
"""Opens a connection. OSError where it is not taken."""


def _idle(link: socket.socket, _frame: bytes) -> None:
    while link.recv(65536):
        pass


def _half_open(link: socket.socket, frame: bytes) -> None:
    link.sendall(frame[: max(len(frame) // 2, 1)])
    _idle(link, frame)


def _slow_writer(link: socket.socket, frame: bytes) -> None:
    for byte in cycle(frame):
        link.sendall(bytes([byte]))
        gevent.sleep(SLOW_S)


def _slow_reader(link: socket.socket, frame: bytes) -> None:
    lot = frame * max(BIG_PAYLOAD // len(frame), 1)

    def ask() -> None:
        # That the server has ended it, who reads finds out too.
        with suppress(OSError):
            while True:
                link.sendall(lot)
                # As long as nothing is full, nobody else would have a turn.
                gevent.sleep(0)

    asking = gevent.spawn(ask)
    try:
        while link.recv(1):
            gevent.sleep(SLOW_S)
    finally:
        asking.kill()


def _reset(link: socket.socket, frame: bytes) -> None:
    link.sendall(frame)
    link.recv(1)
    link.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _RESET_ON_CLOSE)


_ACTS: dict[str, Callable[[socket.socket, bytes], None]] = {
    "idle": _idle,
    "half-open": _half_open,
    "slow-writer": _slow_writer,
    "slow-reader": _slow_reader,
    "reset": _reset,
}
"""What each of beside.KINDS does until it is ended, or its server ends it."""
# Whose system is to take as little of an answer as it can.
_SMALL = ("slow-reader", "reset")


def company_of(order: CellOrder, endpoint: Endpoint, opening: Opening) -> Company:
    """Who is beside the users of one worker in a cell; nobody, where the order names nobody."""

    def connect(receive_buffer: int | None) -> socket.socket:
        address = ADDRESS_BOOK.find(endpoint)[0]
        link = socket.socket(address.family, sockets.SOCK_STREAM)
        try:
            if receive_buffer is not None:
                link.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_buffer)
            link.settimeout(CONNECT_S)
            link.connect(address.sockaddr)
            if endpoint.scheme is Scheme.TLS:
                from lockstep.tcp import tls

                name = tls.server_name_of(endpoint)
                link = tls.context_of(endpoint).wrap_socket(link, server_hostname=name)
            link.settimeout(None)
        except BaseException:
            link.close()
            raise
        return link

    return Company(order.beside, order.company, connect, _frame_of(order), opening)


def _frame_of(order: CellOrder) -> bytes:
    """A message in the target's framing; to who echoes it, one whose reply is more than fits on the way."""
    framing = framing_of(order.framing)
    with suppress(ValueError):
        if order.reply == "echo":
            return framing.encode(bytes(BIG_PAYLOAD))
    return framing.encode(next(payloads(order.traffic.payload_bytes)))


class Company:
    """So many users of one kind, from `start` to `end`.

    connect: opens a connection, with a receive buffer of so many bytes, or the system's. frame: a message
    that the peer understands. opening: told when each has connected for the first time, or has failed to.
    counts: `opened`, `refused` and `cut`, as runs.measures.Company has them.
    """

    def __init__(self, kind: str, users: int, connect: Connect, frame: bytes, opening: Opening) -> None:
        self.counts: Counter[str] = Counter()
        self.members = [object() for _ in range(users)]
        self._kind, self._act = kind, _ACTS.get(kind, _idle)
        self._connect, self._frame, self._opening = connect, frame, opening
        self._group = Group()

    def start(self) -> None:
        """They come, as fast as connections may be opened."""
        for member in self.members:
            self._group.start(gevent.Greenlet(self._live, member))

    def end(self) -> None:
        """They go, all at once and without a goodbye."""
        self._group.kill(block=False)

    def _live(self, member: object) -> None:
        self._opening.await_start(member)
        for number in count():
            try:
                with self._connect(SMALL_BUFFER if self._kind in _SMALL else None) as link:
                    self.counts["opened"] += 1
                    if not number:
                        self._opening.discard(member)
                    self._be(link)
            except OSError:
                self.counts["refused"] += 1
                self._opening.discard(member)
            gevent.sleep(BETWEEN_RESETS_S if self._kind == "reset" else AGAIN_S)

    def _be(self, link: socket.socket) -> None:
        """Be a nuisance until the server ends it, which is counted; who resets has ended it itself."""
        try:
            self._act(link, self._frame)
        except OSError:
            self.counts["cut"] += 1
        else:
            self.counts["cut"] += self._kind != "reset"
