"""What the admin port shows: plain dictionaries made from the books."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from server.listener import Listener
from server.records import ConnectionRecord
from server.settings import Settings

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def ready_view(listeners: Iterable[Listener], admin_port: int) -> dict[str, Any]:
    """The line a server prints when ready."""
    return {"listeners": [_mode_view(listener) for listener in listeners], "admin_port": admin_port}


def _mode_view(listener: Listener) -> dict[str, Any]:
    spec = listener.spec
    return {"mode": spec.mode, "permits": spec.permits, "scope": spec.scope, "port": listener.port}


def listener_view(listener: Listener) -> dict[str, Any]:
    """A listener and its counters."""
    totals, occupied = asdict(listener.ledger.totals()), asdict(listener.occupancy.snapshot())
    return {"name": listener.spec.name, **_mode_view(listener), **totals, **occupied}


def listeners_view(listeners: Sequence[Listener], settings: Settings) -> dict[str, Any]:
    """Everything of GET /listeners."""
    return {
        "server": server_view(settings),
        "now_ns": time.monotonic_ns(),
        "listeners": [listener_view(listener) for listener in listeners],
    }


def connections_view(listeners: Sequence[Listener], since_ns: int, limit: int) -> dict[str, Any]:
    """Everything of GET /connections: newest first over all the listeners given."""
    rows: list[dict[str, Any]] = []
    dropped = 0
    for listener in listeners:
        records, missing = listener.ledger.connections(since_ns, limit)
        rows += [record_view(listener, record) for record in records]
        dropped += missing
    rows.sort(key=lambda row: row["arrival_ns"], reverse=True)
    return {
        "now_ns": time.monotonic_ns(),
        "dropped": dropped + max(0, len(rows) - limit),
        "connections": rows[:limit],
    }


def record_view(listener: Listener, record: ConnectionRecord) -> dict[str, Any]:
    """One connection's record."""
    return {
        "id": record.id,
        "port": listener.port,
        "name": listener.spec.name,
        "peer": record.peer,
        "arrival_ns": record.arrival_ns,
        "admission_ns": record.admission_ns,
        "release_ns": record.release_ns,
        "close_ns": record.close_ns,
        "cause": record.cause,
        "messages": record.answered,
        "bytes_received": record.bytes_received,
        "bytes_sent": record.bytes_sent,
        "wait_ns": record.wait_ns,
        "hold_ns": record.hold_ns,
    }


def server_view(settings: Settings) -> dict[str, Any]:
    """What the server is and how it was set."""
    told = ("framing", "reply", "timing", "hold_ns", "work", "pause_ns", "accept", "backlog", "nodelay")
    return {
        "version": server_version(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": gil_enabled(),
        "pid": os.getpid(),
        "boot_id": _boot_id(),
        "cpu_count": os.cpu_count(),
        "platform": platform.platform(),
        **{name: getattr(settings, name) for name in told},
        "keepalive": settings.keepalive is not None,
        "idle_timeout_ns": settings.idle_timeout_ns,
        "max_frame": settings.max_frame,
    }


def server_version() -> str:
    """Lockstep's version; `source` where it runs from a checkout that is not installed."""
    try:
        return version("lockstep")
    except PackageNotFoundError:
        return "source"


def gil_enabled() -> bool:
    """Whether threads of this interpreter run Python one at a time."""
    asked = getattr(sys, "_is_gil_enabled", None)  # from CPython 3.13 on
    return True if asked is None else bool(asked())


def _boot_id() -> str | None:
    """The same for all who share this machine's monotonic clock; None where the system does not tell."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else None
