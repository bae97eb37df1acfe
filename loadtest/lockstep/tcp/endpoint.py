"""Where a target is and how to reach it, as one value that is written as a URL and read back from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from lockstep.errors import HarnessError

REMEDY = "write it as tcp://name:port, an IPv6 address as tcp://[::1]:port"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """host: a name or an address, without brackets. port: None where it is left out.

    Its text is a URL, from which `parse` makes it again.
    """

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str | None, what: str = "host") -> Endpoint:
        """`tcp://name:port`, or without the scheme; the port may be left out.

        Nothing of it is dropped: what is no part of a target is refused. HarnessError, in one line, says what
        is wrong. what: the setting that it comes from.
        """
        if not text:
            raise HarnessError(f"no {what} is given: {REMEDY}")
        try:
            parts = urlsplit(text if "://" in text else f"tcp://{text}")
        except ValueError:
            raise HarnessError(f"{what} {text!r} is not a TCP target: {REMEDY}") from None
        try:
            port = parts.port
        except ValueError:
            port = 0
        if port == 0 or parts.netloc.endswith(":"):
            raise HarnessError(f"{what} {text!r} has no valid port: {REMEDY}")
        more = parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment
        if parts.scheme != "tcp" or not parts.hostname or more or set(parts.hostname) & set(" \t\r\n"):
            raise HarnessError(f"{what} {text!r} is not a TCP target: {REMEDY}")
        return cls(parts.hostname, port)

    @classmethod
    def whole(cls, text: str | None, what: str = "host") -> Endpoint:
        """As `parse`, where the port may not be left out."""
        endpoint = cls.parse(text, what)
        if endpoint.port is None:
            raise HarnessError(f"{what} {text!r} has no port: write it as tcp://name:port")
        return endpoint

    def at(self, port: int) -> Endpoint:
        """The same with another port."""
        return replace(self, port=port)

    @property
    def place(self) -> str:
        """Where it is, without how to reach it: `name:port`, or the name alone where no port is given."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"tcp://{self.place}"
