"""Finds a server by the datagrams it broadcasts (`python -m server --announce`)."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass

from loadtest.connection.socket_errors import HarnessError

PORT = 9101
LISTEN_S = 3.5


@dataclass(frozen=True, slots=True)
class Found:
    """A server that announced itself: its address and its admin port."""

    host: str
    admin_port: int


def find_server(port: int = PORT, within_s: float = LISTEN_S) -> Found:
    """The first server heard on this UDP port; HarnessError where none is heard in time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            ear.bind(("", port))
        except OSError as error:
            raise HarnessError(f"--host auto cannot listen on UDP port {port}: {error.strerror}") from error
        deadline = time.monotonic() + within_s
        while (left_s := deadline - time.monotonic()) > 0:
            ear.settimeout(left_s)
            try:
                datagram, (host, _) = ear.recvfrom(65536)
            except TimeoutError:
                break
            admin_port = _admin_port(datagram)
            if admin_port is not None:
                return Found(host, admin_port)
    raise HarnessError(
        f"--host auto heard no server on UDP port {port} within {within_s:g} s: "
        "start it with --announce, or give --host and --admin"
    )


def _admin_port(datagram: bytes) -> int | None:
    """What a Lockstep server's announcement says; None for anybody else's datagram."""
    try:
        port = json.loads(datagram)["admin_port"]
    except (ValueError, TypeError, KeyError):
        return None
    return port if isinstance(port, int) else None
