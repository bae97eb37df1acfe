"""What the server says of itself: its listeners, its counts and its connections, over the admin port."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lockstep.errors import PlanError, ServerUnreachableError, printable
from lockstep.runs.connections import ServerRecord
from lockstep.runs.records import Mode

CONNECTIONS_LIMIT = 1_000_000
# What of a connection's record goes into a run: with a hundred thousand of them, no more is asked for.
RECORD_FIELDS = ("peer", *ServerRecord.__dataclass_fields__)
SETTLE_STEP_S = 0.02
# An admin port is asked directly: a proxy that the environment names is for the Web.
_directly = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True, slots=True)
class Listener:
    """One mode as the server offers it. permits is None where nothing is limited."""

    name: str
    permits: int | None
    scope: str
    port: int
    accepted: int
    open: int
    received: int
    answered: int
    bytes_received: int
    bytes_sent: int
    max_waiting: int
    max_in_service: int
    waiting: int
    in_service: int
    at_ns: int
    in_service_ns: int
    released: int
    held_ns: int
    thread_each: bool | None

    @property
    def mode(self) -> Mode:
        """What it does, as a run keeps it."""
        return Mode(self.permits, self.scope, self.thread_each)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The server at one moment. settings: its `server` object; now_ns: its monotonic clock."""

    settings: dict[str, Any]
    now_ns: int
    listeners: dict[str, Listener]


def busy(listener: Listener) -> bool:
    """Whether anybody is connected, or a permit is still held."""
    return listener.open > 0 or listener.in_service > 0


class ServerView:
    """Asks one server. admin: `host:port` of its admin port; PlanError where it is not written so."""

    def __init__(self, admin: str, timeout_s: float = 5.0, called: tuple[str, str] | None = None) -> None:
        """called: one of its modes, and by what name that is seen here, alone; else all are, by their own."""
        if not admin.rpartition(":")[2].isdigit():
            raise PlanError("admin", f"{admin!r} has no port: write the admin port as HOST:PORT")
        self.admin = admin
        self._timeout_s = timeout_s
        self._called = called

    def within(self, timeout_s: float) -> ServerView:
        """The same, for whoever waits no longer than so many seconds."""
        return ServerView(self.admin, timeout_s, self._called)

    def snapshot(self) -> Snapshot:
        """Its counts now."""
        return self._counts("/listeners")

    def reset_peaks(self) -> Snapshot:
        """Start the greatest-in-service and greatest-waiting counts anew; its counts now."""
        return self._counts("/peaks", method="POST")

    def connections(self, port: int, since_ns: int) -> tuple[list[dict[str, Any]], int]:
        """Records of connections that arrived at `port` since then, and how many more there were."""
        query = f"port={port}&since={since_ns}&limit={CONNECTIONS_LIMIT}&fields={','.join(RECORD_FIELDS)}"
        answer = self._ask(f"/connections?{query}")
        return answer["connections"], answer["dropped"]

    def settled(self, name: str, within_s: float, sleep: Callable[[float], None] = time.sleep) -> Snapshot:
        """The counts once nobody is connected to that mode and its last permit is back.

        Or those of when `within_s` seconds are over.
        """
        deadline = time.monotonic() + within_s
        while True:
            snapshot = self.snapshot()
            if not busy(snapshot.listeners[name]) or time.monotonic() >= deadline:
                return snapshot
            sleep(SETTLE_STEP_S)

    def _counts(self, path: str, method: str = "GET") -> Snapshot:
        document = self._ask(path, method)
        try:
            return _snapshot(document, self._called)
        except (KeyError, TypeError) as error:
            raise ServerUnreachableError(
                f"what answers at {self.admin} is not a Lockstep server: give the server's own admin port"
            ) from error

    def _ask(self, path: str, method: str = "GET") -> dict[str, Any]:
        request = urllib.request.Request(f"http://{self.admin}{path}", method=method)
        remedy = f"is `lockstep-server` running there, and --admin its admin port? (tried http://{self.admin}{path})"
        try:
            with _directly(request, timeout=self._timeout_s) as answer:
                document = json.load(answer)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise ServerUnreachableError(
                f"no Lockstep server answers at {self.admin}: {printable(str(reason).strip())}; {remedy}"
            ) from error
        if not isinstance(document, dict):
            raise ServerUnreachableError(f"what answers at {self.admin} is not a Lockstep server; {remedy}")
        return document


def _snapshot(document: dict[str, Any], called: tuple[str, str] | None) -> Snapshot:
    names = Listener.__dataclass_fields__.keys() - {"thread_each"}
    listeners = {
        # A server of an earlier version does not tell of its threads.
        row["name"]: Listener(**{name: row[name] for name in names}, thread_each=row.get("thread_each"))
        for row in document["listeners"]
    }
    if called is not None:
        mode, name = called
        listeners = {name: replace(listeners[mode], name=name)}
    return Snapshot(document["server"], document["now_ns"], listeners)
