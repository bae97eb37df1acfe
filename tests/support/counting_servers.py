"""Echo servers as anybody writes them, which count what they get: each runs as a program.

`threads FILE PORT` has a thread for each connection, `asyncio FILE PORT` an event loop. At SIGTERM it writes
one line into FILE: connections, bytes that came, bytes that went.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socketserver
import sys
import threading
from pathlib import Path
from typing import Any


class Counts:
    """What was seen."""

    def __init__(self, file: Path) -> None:
        self.connections = self.came = self.went = 0
        self.lock = threading.Lock()
        self._file = file

    def write(self, *_: object) -> None:
        """To its file, and out."""
        self._file.write_text(f"{self.connections} {self.came} {self.went}\n", encoding="utf-8")
        os._exit(0)


def with_threads(counts: Counts, port: int) -> None:
    """As the standard library's documentation has it."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with counts.lock:
                counts.connections += 1
            while data := self.request.recv(65536):
                self.request.sendall(data)
                with counts.lock:
                    counts.came += len(data)
                    counts.went += len(data)

    class Server(socketserver.ThreadingTCPServer):
        request_queue_size = 128
        daemon_threads = True

    Server(("127.0.0.1", port), Echo).serve_forever()


class Echo(asyncio.Protocol):
    """On an event loop."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._counts.connections += 1
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._counts.came += len(data)
        self._counts.went += len(data)
        self._transport.write(data)


def with_asyncio(counts: Counts, port: int) -> None:
    """Until it is ended."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, counts.write)
        server = await loop.create_server(lambda: Echo(counts), "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    kind, file, port = sys.argv[1:]
    seen = Counts(Path(file))
    signal.signal(signal.SIGTERM, seen.write)
    {"threads": with_threads, "asyncio": with_asyncio}[kind](seen, int(port))
