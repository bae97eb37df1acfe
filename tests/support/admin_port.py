"""A stand-in for a Lockstep server's admin port: answers over HTTP what a test gives it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SETTINGS = {"framing": "length", "timing": True, "reply": "echo", "pause_ns": 0}

COUNTS = (
    *("accepted", "open", "closed", "received", "answered", "bytes_received", "bytes_sent"),
    *("waiting", "in_service", "max_waiting", "max_in_service", "at_ns"),
    *("in_service_ns", "released", "held_ns"),
)


def listener(name: str, port: int, **counts: Any) -> dict[str, Any]:
    """A row of /listeners; counts that are not given are 0."""
    row = {"name": name, "mode": name, "permits": 1, "scope": "connection", "thread_each": True, "port": port}
    return {**row, **dict.fromkeys(COUNTS, 0), **counts}


def listeners(*rows: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """An answer to /listeners."""
    return {"server": {**SETTINGS, **settings}, "now_ns": 5, "listeners": list(rows)}


class AdminPort:
    """answers: path without query -> the documents to answer with, one after another; the last one stays.
    asked: every request line so far.
    """

    def __init__(self, answers: dict[str, list[Any]]) -> None:
        self.asked: list[str] = []
        self.address = ""
        self._answers = {path: list(documents) for path, documents in answers.items()}

    def answer(self, method: str, path: str) -> bytes:
        """The next answer for this path."""
        self.asked.append(f"{method} {path}")
        documents = self._answers[path.partition("?")[0]]
        document = documents.pop(0) if len(documents) > 1 else documents[0]
        return document if isinstance(document, bytes) else json.dumps(document).encode()


@contextmanager
def admin_port(answers: dict[str, list[Any]]) -> Iterator[AdminPort]:
    """Serve them on loopback; `address` is `host:port`."""
    port = AdminPort(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            body = port.answer(method, self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        port.address = "{}:{}".format(*server.server_address[:2])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield port
        finally:
            server.shutdown()
            thread.join()
