"""Everything a server is told, checked once and never changed."""

from __future__ import annotations

from dataclasses import dataclass

from lockstep_server.grammar import ListenerSpec


class SettingsError(Exception):
    """Something the user has to change; the message is one line that names what, its value and the remedy."""


@dataclass(frozen=True, slots=True)
class Keepalive:
    """Keepalive probes; None leaves the system's own value."""

    idle_s: int | None = None
    interval_s: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The flags' values; meaning and defaults are in flags.py. 0 means never, none, or no limit.

    keepalive: None where no probes are sent. announce_to: None where nothing is announced.
    """

    listeners: tuple[ListenerSpec, ...]
    bind: str
    accept: str
    backlog: int
    max_connections: int
    nodelay: bool
    keepalive: Keepalive | None
    framing: str
    reply: str
    push_ns: int
    timing: bool
    hold_ns: int
    work: str
    pause_ns: int
    drain_ns: int
    max_frame: int
    idle_timeout_ns: int
    message_timeout_ns: int
    admin_host: str
    admin_port: int
    announce_to: tuple[str, int] | None
    log_level: str
    records: int
