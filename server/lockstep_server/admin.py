"""What the admin port answers: /listeners, /connections, /peaks, /metrics and /health."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from lockstep_server.listener import Listener
from lockstep_server.listing import FIELDS, connections_json
from lockstep_server.settings import Settings
from lockstep_server.views import listeners_view
from lockstep_wire.extras import remedy

_LIMIT = 1000
_GREATEST = 2**63 - 1
"""Of any number; nanoseconds and counts have room in it."""
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"

Answer = tuple[str, bytes]
"""Content type and body."""


class Refusal(Exception):  # noqa: N818 - named for what whoever asked gets
    """Why there is no answer, in one line."""

    status = HTTPStatus.BAD_REQUEST


class QueryError(Refusal):
    """A query that makes no sense; the message says which parameter and why."""


class UnknownPathError(Refusal):
    """There is no such thing; the message says what there is."""

    status = HTTPStatus.NOT_FOUND


class MethodError(Refusal):
    """It is there, but not to be asked for so; the message says how."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class NotInstalledError(Refusal):
    """What is asked for comes with an extra; the message says with which."""

    status = HTTPStatus.NOT_IMPLEMENTED


class Admin:
    """What can be asked. Pure but for reading the books."""

    def __init__(self, listeners: Sequence[Listener], settings: Settings) -> None:
        self._listeners = listeners
        self._settings = settings
        self._expose = _metrics_of(listeners)
        self._routes: dict[tuple[str, str], Callable[[dict[str, str]], Answer]] = {
            ("GET", "/listeners"): self._show_listeners,
            ("GET", "/connections"): self._show_connections,
            ("POST", "/peaks"): self._reset_peaks,
            ("GET", "/metrics"): self._show_metrics,
            ("GET", "/health"): self._show_health,
        }

    def answer(self, method: str, path: str, query: dict[str, str]) -> Answer:
        """What is asked for. Refusal if that makes no sense."""
        if (method, path) in self._routes:
            return self._routes[method, path](query)
        if allowed := self.methods(path):
            raise MethodError(f"{path} wants {allowed[0]}")
        known_routes = ", ".join(f"{known} {at}" for known, at in self._routes)
        raise UnknownPathError(f"{path:.80} is unknown; there are {known_routes}")

    def methods(self, path: str) -> list[str]:
        """By which it can be asked for."""
        return [known for known, at in self._routes if at == path]

    def _show_listeners(self, _: dict[str, str]) -> Answer:
        return _json(listeners_view(self._listeners, self._settings))

    def _reset_peaks(self, query: dict[str, str]) -> Answer:
        for listener in self._listeners:
            listener.occupancy.reset_peaks()
        return self._show_listeners(query)

    def _show_connections(self, query: dict[str, str]) -> Answer:
        if unknown := query.keys() - {"port", "since", "limit", "fields"}:
            raise QueryError(f"unknown parameter {min(unknown):.40}; there are port, since, limit and fields")
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
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= _GREATEST):
        raise QueryError(f"{name}={text:.40}: write a whole number, 0 to {_GREATEST}")
    return int(text)


def _fields(query: dict[str, str]) -> Sequence[str]:
    text = query.get("fields")
    if text is None:
        return FIELDS
    chosen = text.split(",")
    if unknown := [field for field in chosen if field not in FIELDS]:
        raise QueryError(f"fields: {unknown[0][:40]!r} is unknown; choose from {', '.join(FIELDS)}")
    return chosen


def _json(view: dict[str, Any]) -> Answer:
    return _JSON, json.dumps(view).encode() + b"\n"


def line(text: str) -> Answer:
    """One line, whatever is in the text: much of it was said by whoever asks."""
    return _TEXT, "".join(each if each.isprintable() else "\ufffd" for each in text).encode() + b"\n"
