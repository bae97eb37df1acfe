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
    """The flags' values; their meaning is in `lockstep-server --help`. 0 ns means never, or none.

    keepalive: None where no probes are sent. announce_to: None where nothing is announced.
    """

    listeners: tuple[ListenerSpec, ...]
    bind: str = "0.0.0.0"
    accept: str = "blocking"
    backlog: int = 128
    nodelay: bool = False
    keepalive: Keepalive | None = None
    framing: str = "raw"
    reply: str = "ack"
    timing: bool = False
    hold_ns: int = 0
    work: str = "sleep"
    pause_ns: int = 0
    drain_ns: int = 5_000_000_000
    max_frame: int = 2**20
    idle_timeout_ns: int = 30_000_000_000
    admin_host: str = "127.0.0.1"
    admin_port: int = 9100
    announce_to: tuple[str, int] | None = None
    log_level: str = "info"
    records: int = 20_000
