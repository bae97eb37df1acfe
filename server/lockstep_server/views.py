"""What the admin port shows: plain dictionaries made from the books."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lockstep_server.kernel import listen_overflows
from lockstep_server.limits import open_files_limit, threads_limit
from lockstep_server.listener import Listener
from lockstep_server.modes import MODES
from lockstep_server.settings import Settings
from lockstep_server.threads import gil_enabled
from lockstep_wire.build import build_of

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Taken as the server starts: its files may change under it.
VERSION = build_of("lockstep_server", "lockstep_wire")


def ready_view(listeners: Iterable[Listener], admin_port: int) -> dict[str, Any]:
    """The line a server prints when ready."""
    return {"listeners": [_mode_view(listener) for listener in listeners], "admin_port": admin_port}


def _mode_view(listener: Listener) -> dict[str, Any]:
    spec = listener.spec
    return {
        "mode": spec.mode,
        "permits": spec.permits,
        "scope": spec.scope,
        "thread_each": MODES[spec.mode].thread_each,
        "port": listener.port,
    }


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


def server_view(settings: Settings) -> dict[str, Any]:
    """What the server is, how it was set, and what its system allows and has lost."""
    told = (
        "framing",
        "reply",
        "timing",
        "push_ns",
        "hold_ns",
        "work",
        "pause_ns",
        "accept",
        "backlog",
        "max_connections",
        "nodelay",
    )
    return {
        "version": VERSION,
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
        "message_timeout_ns": settings.message_timeout_ns,
        "max_frame": settings.max_frame,
        "records": settings.records,
        "open_files_limit": open_files_limit(),
        "threads_limit": threads_limit(),
        "listen_overflows": listen_overflows(),
    }


def _boot_id() -> str | None:
    """The same for all who share this machine's monotonic clock; None where the system does not tell."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else None
