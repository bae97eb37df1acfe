"""What the page is published as, and so which requests can come from somebody who opened it there. Pure.

Another site's page may have its own name resolve to this machine (DNS rebinding). To the browser it is then
of one origin with ours, and only the name that it asks for tells them apart.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, urlsplit

from lockstep.errors import HarnessError
from lockstep.settings import PAGE_HOSTS

# Everybody's way to their own machine; nobody else can have a name in it (RFC 6761).
_LOCALHOST = ".localhost"
# As a browser writes it in its header, in ASCII.
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Published:
    """names: in lower case, those under which others may open it, beside those that nobody else can have."""

    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """By this machine's own name too. HarnessError where the variable has what is no name."""
        given = [name.strip() for name in environment.get(PAGE_HOSTS, "").split(",")]
        for name in filter(None, given):
            if not _NAME.fullmatch(name):
                raise HarnessError(
                    f"{PAGE_HOSTS} has {name!r}, which is no host name: write for example load.example.com, "
                    "several with commas between"
                )
        machine = socket.gethostname()
        own = (machine, f"{machine.partition('.')[0]}.local")
        return cls(frozenset(name.lower().rstrip(".") for name in (*given, *own) if name))

    def refusal(self, host: str | None, origin: str | None) -> str | None:
        """Why a request with these headers is refused, in words; None where it is let in.

        None for a header that it has not: a browser always sends the first, and the second whenever another
        site's page may be what sends the request.
        """
        if host is not None and not self._is_ours(_host_of(host)):
            return (
                f"this page is not published as {host!r}: open it by this machine's address or name, or name "
                f"that host in {PAGE_HOSTS} where the master is started"
            )
        if origin is not None and not self._is_own_origin(origin, host):
            return (
                f"this request came from another site's page, {origin!r}: if it is this one behind a proxy, "
                f"name its host in {PAGE_HOSTS} where the master is started"
            )
        return None

    def _is_own_origin(self, origin: str, host: str | None) -> bool:
        """A proxy may ask us for another host than its users ask it for."""
        site = _split(origin)
        if site is None or site.scheme not in ("http", "https"):
            return False
        return site.netloc == host or site.hostname in self.names

    def _is_ours(self, name: str | None) -> bool:
        if not name:
            return False
        # A name that is in nobody's domain is known to this network alone: localhost, a service of Compose.
        return "." not in name or name in self.names or name.endswith(_LOCALHOST) or _is_address(name)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        # Looked at only when it is asked for.
        _ = parts.port
    except ValueError:
        return None
    return parts


def _host_of(header: str) -> str | None:
    """The name, or address, in a Host header, in lower case; None where it is none."""
    parts = _split(f"//{header}")
    if parts is None or parts.netloc != header or parts.username is not None or parts.hostname is None:
        return None
    return parts.hostname.removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
