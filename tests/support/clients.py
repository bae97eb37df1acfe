"""Clients for the tests: plain sockets, well and badly behaved."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lockstep_wire.framing import framing_of

PATIENCE_S = 20.0
LENGTH = framing_of("length")


def connect(port: int) -> socket.socket:
    """A connection to a server on this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def ask(link: socket.socket, payload: bytes) -> bytes:
    """Send one length frame and return the payload of the reply."""
    link.sendall(LENGTH.encode(payload))
    decoder = LENGTH.decoder(2**30)
    while True:
        data = link.recv(65536)
        assert data, "the server closed instead of replying"
        if payloads := decoder.feed(data):
            return payloads[0]


def reset(link: socket.socket) -> None:
    """Close so that the kernel sends RST."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def closed_by_server(link: socket.socket) -> bool:
    """Wait until the server closes or resets the connection."""
    try:
        while link.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until the condition holds; fail if it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class SeedVisit:
    """What a seed client saw: how long its connect took, and its reply's time since all were started."""

    connect_s: float
    replied_s: float
    reply: bytes


def seed_clients(port: int, count: int) -> list[SeedVisit]:
    """Clients as in the seed: a thread each, one greeting, up to 1024 bytes back; ordered by their reply."""
    visits: list[SeedVisit] = []
    start = threading.Barrier(count + 1)

    def visit(number: int) -> None:
        start.wait(PATIENCE_S)
        connecting_s = time.monotonic()
        with connect(port) as link:
            connect_s = time.monotonic() - connecting_s
            link.sendall(f"客户端{number}连接成功".encode())
            reply = link.recv(1024)
            visits.append(SeedVisit(connect_s, time.monotonic() - started_s, reply))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(1, count + 1)]
    for thread in threads:
        thread.start()
    started_s = time.monotonic()
    start.wait(PATIENCE_S)
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(visits) == count
    return sorted(visits, key=lambda it: it.replied_s)


@contextmanager
def crowd(port: int, size: int) -> Iterator[list[socket.socket]]:
    """Connections that are open at the same time."""
    links = [connect(port) for _ in range(size)]
    try:
        yield links
    finally:
        for link in links:
            link.close()
