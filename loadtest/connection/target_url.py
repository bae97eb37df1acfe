"""How a target is written, `tcp://name:port`, and read."""

from __future__ import annotations

from urllib.parse import urlsplit

from loadtest.connection.socket_errors import HarnessError


def split_target(host: str | None) -> tuple[str, int | None]:
    """`tcp://name:port` -> (name, port); the port may be left out. HarnessError says what is wrong."""
    remedy = "write it as tcp://name:port"
    if not host:
        raise HarnessError(f"no host is given: {remedy}")
    parts = urlsplit(host if "://" in host else f"tcp://{host}")
    try:
        port = parts.port
    except ValueError:
        raise HarnessError(f"host {host!r} has no valid port: {remedy}") from None
    if parts.scheme != "tcp" or not parts.hostname:
        raise HarnessError(f"host {host!r} is no TCP target: {remedy}")
    return parts.hostname, port
