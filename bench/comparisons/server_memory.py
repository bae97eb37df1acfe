"""What a connection costs our server in memory: a thread, a session and a record."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from bench import proc
from bench.crowd import SPARE_FILES
from bench.epoll_load import FRAME, RECEIVE_BYTES, connected
from bench.findings import Figure, Finding
from bench.our_server import our_server
from bench.processes import Place, ToolError, raise_open_files
from bench.settings import Settings, say

LEVELS = (1_000, 10_000)
BYTES_PER_KB = 1_000
REPLY_TIMEOUT_S = 10.0


def compare(_: Settings) -> Iterator[Finding]:
    """Mode free with that many connections, each of which has had a reply and is idle."""
    for connections in LEVELS:
        name = f"server, {connections:,} connections: memory of each"
        kilobytes = memory_per_connection(connections) / BYTES_PER_KB
        say(f"{name}: {kilobytes:.1f} kB")
        yield Figure(name, "kB", [kilobytes])


def memory_per_connection(connections: int) -> float:
    """Bytes of the server's resident memory for each."""
    files = connections + SPARE_FILES
    raise_open_files(files)  # this process is the client
    with our_server(("--backlog", "4096"), Place(open_files=files)) as (port, server):
        before = proc.resident_bytes(server.pid)
        links = _answered(port, connections)
        after = proc.resident_bytes(server.pid)
        for link in links:
            link.close()
    return (after - before) / connections


def _answered(port: int, connections: int) -> list[socket.socket]:
    """Connections that have had a reply. ToolError where this machine cannot hold so many."""
    try:
        links = connected(port, connections)
        for link in links:
            link.settimeout(REPLY_TIMEOUT_S)
            link.sendall(FRAME)
            if not link.recv(RECEIVE_BYTES):
                raise ToolError("our server closed a connection")
    except OSError as error:
        raise ToolError(f"{connections:,} connections could not be opened and answered: {error}") from error
    return links
