"""How a target is written, `tcp://name:port`, and read."""

from __future__ import annotations

from urllib.parse import urlsplit

from lockstep.tcp.socket_errors import HarnessError


def split_target(host: str | None) -> tuple[str, int | None]:
    """`tcp://name:port` -> (name, port); the port may be left out. HarnessError says what is wrong.

    Nothing of it is dropped: what is no part of a target is refused.
    """
    remedy = "write it as tcp://name:port, an IPv6 address as tcp://[::1]:port"
    if not host:
        raise HarnessError(f"no host is given: {remedy}")
    try:
        parts = urlsplit(host if "://" in host else f"tcp://{host}")
    except ValueError:
        raise HarnessError(f"host {host!r} is not a TCP target: {remedy}") from None
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.netloc.endswith(":"):
        raise HarnessError(f"host {host!r} has no valid port: {remedy}")
    more = parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme != "tcp" or not parts.hostname or more or set(parts.hostname) & set(" \t\r\n"):
        raise HarnessError(f"host {host!r} is not a TCP target: {remedy}")
    return parts.hostname, port


def whole_target(host: str | None) -> tuple[str, int]:
    """As split_target, where the port may not be left out."""
    name, port = split_target(host)
    if port is None:
        raise HarnessError(f"host {host!r} has no port: write it as tcp://name:port")
    return name, port
