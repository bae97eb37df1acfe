"""What only the kernel can count: connections that found a backlog full."""

from __future__ import annotations

from pathlib import Path

_NETSTAT = Path("/proc/net/netstat")


def listen_overflows() -> int | None:
    """How often, since the namespace exists, a connection found the backlog of some listener of it full.

    TCP's ListenOverflows: a handshake that ended, or began, in vain is counted each time it was tried.
    None where the system does not tell.
    """
    try:
        return parse_counter(_NETSTAT.read_text(), "TcpExt", "ListenOverflows")
    except (FileNotFoundError, PermissionError):
        return None


def parse_counter(text: str, group: str, name: str) -> int | None:
    """A counter out of /proc/net/netstat's pairs of lines, names above values; None if it is not there."""
    rows = [line.split() for line in text.splitlines() if line.startswith(f"{group}:")]
    for names, values in zip(rows[::2], rows[1::2], strict=False):
        if name in names and len(names) == len(values):
            return int(values[names.index(name)])
    return None
