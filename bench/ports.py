"""Ports of loopback for tools that must be told theirs and do not say when they listen."""

from __future__ import annotations

import socket
import time

from bench.processes import Running, ToolError

TIMEOUT_S = 10.0
POLL_S = 0.05


def free_port() -> int:
    """A free TCP port; somebody else may take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def await_listening(port: int, server: Running) -> None:
    """Wait until a connection succeeds. ToolError if the server ends, or does not listen in time."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        server.check()
        try:
            socket.create_connection(("127.0.0.1", port), TIMEOUT_S).close()
        except ConnectionRefusedError:
            time.sleep(POLL_S)
        else:
            return
    raise ToolError(f"{server.name} does not listen on port {port} after {TIMEOUT_S:g} s")
