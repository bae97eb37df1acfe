"""The admin port: /listeners, /connections, /peaks, /metrics and /health over HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lockstep_server.binding import bind_error
from lockstep_server.listener import Listener
from lockstep_server.listing import FIELDS, connections_json
from lockstep_server.settings import Settings
from lockstep_server.views import listeners_view
from lockstep_wire.extras import remedy

_LIMIT = 1000
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"

Answer = tuple[str, bytes]
"""Content type and body."""


class QueryError(Exception):
    """A query that makes no sense; the message says which parameter and why."""


class NotInstalledError(Exception):
    """What is asked for comes with an extra; the message says with which."""


class Admin:
    """What can be asked. Pure but for reading the books."""

    def __init__(self, listeners: Sequence[Listener], settings: Settings) -> None:
        self._listeners = listeners
        self._settings = settings
        self._expose = _metrics_of(listeners)
        self.routes: dict[tuple[str, str], Callable[[dict[str, str]], Answer]] = {
            ("GET", "/listeners"): self._show_listeners,
            ("GET", "/connections"): self._show_connections,
            ("POST", "/peaks"): self._reset_peaks,
            ("GET", "/metrics"): self._show_metrics,
            ("GET", "/health"): self._show_health,
        }

    def _show_listeners(self, _: dict[str, str]) -> Answer:
        return _json(listeners_view(self._listeners, self._settings))

    def _reset_peaks(self, query: dict[str, str]) -> Answer:
        for listener in self._listeners:
            listener.occupancy.reset_peaks()
        return self._show_listeners(query)

    def _show_connections(self, query: dict[str, str]) -> Answer:
        if unknown := query.keys() - {"port", "since", "limit", "fields"}:
            raise QueryError(f"unknown parameter {min(unknown)}; there are port, since, limit and fields")
        chosen = self._listeners
        if (port := _number(query, "port", None)) is not None:
            chosen = [listener for listener in self._listeners if listener.port == port]
            if not chosen:
                ports = ", ".join(str(listener.port) for listener in self._listeners)
                raise QueryError(f"port={port}: nobody listens there; choose from {ports}")
        since_ns = _number(query, "since", 0) or 0
        limit = _number(query, "limit", _LIMIT) or 0
        return _JSON, connections_json(chosen, since_ns, limit, _fields(query))

    def _show_metrics(self, _: dict[str, str]) -> Answer:
        return self._expose()

    def _show_health(self, _: dict[str, str]) -> Answer:
        return _TEXT, b"ok\n"


class AdminServer(ThreadingHTTPServer):
    """Serves an Admin; a thread for each request."""

    daemon_threads = True

    def __init__(self, admin: Admin, host: str, port: int) -> None:
        """SettingsError if the port cannot be had."""
        self.admin = admin
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), AdminHandler)
        except OSError as error:
            raise bind_error(error, host, port, f"--admin-host {host}", f"--admin-port {port}") from error

    def server_bind(self) -> None:
        """Bind without asking the name service who we are, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]


class AdminHandler(BaseHTTPRequestHandler):
    """One admin connection."""

    server: AdminServer
    protocol_version = "HTTP/1.1"
    timeout = 30
    wbufsize = -1  # headers and body in one segment

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Answer a POST; none has a body worth reading."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer("POST")

    def do_PUT(self) -> None:
        """Refuse it, as any other method: nothing here can be put, deleted or patched."""
        self.close_connection = True  # whatever body there is stays unread
        self._answer(self.command)

    do_DELETE = do_PATCH = do_OPTIONS = do_PUT  # noqa: N815 (http.server's names)

    def do_HEAD(self) -> None:
        """As a GET, without the body: health checks ask so."""
        self._answer("GET")

    def log_message(self, *_: Any) -> None:
        """Requests are not logged: tools poll this port."""

    def _answer(self, method: str) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        status, (kind, body) = self._route(method, url.path, query)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _route(self, method: str, path: str, query: dict[str, str]) -> tuple[HTTPStatus, Answer]:
        routes = self.server.admin.routes
        if (method, path) in routes:
            try:
                return HTTPStatus.OK, routes[method, path](query)
            except QueryError as error:
                return HTTPStatus.BAD_REQUEST, _line(str(error))
            except NotInstalledError as error:
                return HTTPStatus.NOT_IMPLEMENTED, _line(str(error))
        if allowed := [known for known, at in routes if at == path]:
            return HTTPStatus.METHOD_NOT_ALLOWED, _line(f"{path} wants {allowed[0]}")
        known_routes = ", ".join(f"{known} {at}" for known, at in routes)
        return HTTPStatus.NOT_FOUND, _line(f"{path} is unknown; there are {known_routes}")


def _metrics_of(listeners: Sequence[Listener]) -> Callable[[], Answer]:
    """What answers /metrics; without prometheus_client all but this is there."""
    try:
        from lockstep_server.metrics import Metrics
    except ModuleNotFoundError as missing:
        words = remedy(missing)
        if words is None:
            raise

        def refuse() -> Answer:
            raise NotInstalledError(words)

        return refuse
    metrics = Metrics(listeners)
    return lambda: (metrics.content_type, metrics.expose())


def _number(query: dict[str, str], name: str, default: int | None) -> int | None:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise QueryError(f"{name}={text}: write a whole number, 0 or more")
    return int(text)


def _fields(query: dict[str, str]) -> Sequence[str]:
    text = query.get("fields")
    if text is None:
        return FIELDS
    chosen = text.split(",")
    if unknown := [field for field in chosen if field not in FIELDS]:
        raise QueryError(f"fields: {unknown[0]!r} is unknown; choose from {', '.join(FIELDS)}")
    return chosen


def _json(view: dict[str, Any]) -> Answer:
    return _JSON, json.dumps(view).encode() + b"\n"


def _line(text: str) -> Answer:
    return _TEXT, text.encode() + b"\n"
