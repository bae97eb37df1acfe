"""Finds a server by the datagrams it broadcasts (`lockstep-server --announce`)."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass

from lockstep.errors import HarnessError, ServerUnreachableError
from lockstep.target.admin import ServerView

PORT = 9101
LOOPBACK = "127.0.0.1"
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


def reachable_at(found: Found) -> str:
    """The address at which it answers: the one that it announces from or, on this machine, loopback.

    An admin port is on loopback alone, unless it is told otherwise. HarnessError where it answers at neither.
    """
    hosts = (found.host, LOOPBACK) if _is_own(found.host) else (found.host,)
    for host in hosts:
        try:
            ServerView(f"{host}:{found.admin_port}").snapshot()
        except ServerUnreachableError:
            continue
        return host
    raise HarnessError(
        f"--host auto heard a server at {found.host}, but its admin port {found.admin_port} does not answer "
        "here: start it with --admin-host 0.0.0.0 too, or give --host and --admin"
    )


def _is_own(host: str) -> bool:
    """Whether an address is one of this machine's: others cannot be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _admin_port(datagram: bytes) -> int | None:
    """What a Lockstep server's announcement says; None for anybody else's datagram."""
    try:
        port = json.loads(datagram)["admin_port"]
    except (ValueError, TypeError, KeyError):
        return None
    return port if isinstance(port, int) else None
