"""Ports of loopback for tools that must be told theirs and do not say when they listen."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from bench.processes import Running, ToolError

TIMEOUT_S = 10.0
POLL_S = 0.05
# The state of a listening socket in /proc/net/tcp.
LISTENING = "0A"


def free_port() -> int:
    """A free TCP port; somebody else may take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listens(tcp_table: str, port: int) -> bool:
    """Whether a socket listens on a port, by the content of /proc/net/tcp, as proc(5) describes it."""
    ending = f":{port:04X}"
    rows = (line.split() for line in tcp_table.splitlines()[1:])
    return any(row[1].endswith(ending) and row[3] == LISTENING for row in rows)


def await_listening(port: int, server: Running) -> None:
    """Wait until a server listens. ToolError if it ends or does not listen in time.

    A connection to find out would be one that the server has to count, or, as with sockperf, its only one.
    """
    end = time.monotonic() + TIMEOUT_S
    while not listens(Path("/proc/net/tcp").read_text(), port):
        server.check()
        if time.monotonic() > end:
            raise ToolError(f"{server.name} does not listen on port {port} after {TIMEOUT_S:g} s")
        time.sleep(POLL_S)
