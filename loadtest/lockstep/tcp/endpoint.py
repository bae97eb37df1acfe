"""Where a target is and how to reach it, as one value that is written as a URL and read back from it.

    tcp://name:port?nodelay=on&keepalive=30s&send_buffer=64KiB&receive_buffer=64KiB&source=127.0.0.2
    tls://name:port?ca=FILE&cert=FILE&key=FILE&server_name=NAME&alpn=a,b&min=1.2&max=1.3&verify=off&resume=off
    unix:///path?send_buffer=64KiB&receive_buffer=64KiB

Nothing is looked up here and no file is opened. Nothing of a text is dropped: what makes no sense is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import SplitResult, quote, unquote, urlsplit

from lockstep.errors import HarnessError, PlanError

REMEDY = (
    "write it as tcp://name:port, an IPv6 address as tcp://[::1]:port, with TLS as tls://name:port, a unix "
    "socket as unix:///path"
)
# What the kernel's address of a unix socket has room for, without the zero byte at its end.
MAX_PATH = 107
UNVERIFIED = "verify=off: the certificate of {place} is not checked, anybody may answer in its name"


class Scheme(StrEnum):
    """How bytes travel to a target."""

    TCP = "tcp"
    TLS = "tls"
    """TLS over TCP"""
    UNIX = "unix"


@dataclass(frozen=True, slots=True)
class Options:
    """What is set of a connection, beside where it leads. None or nothing leaves it to the system.

    nodelay: whether small messages go out without waiting for the last one's acknowledgement; None: they do.
    keepalive: after how many seconds without traffic the peer is asked if it is there.
    send_buffer, receive_buffer: of the socket, in bytes. source: local IP addresses, taken in turn by users.
    ca: whom to trust, a file of PEM certificates; the system's where it is None. cert, key: this end's own,
    files too; key is None where it stands in cert. server_name: whose certificate it must be, and which is
    asked for (SNI); the host's where it is None. alpn: protocols offered, the best first. min_version,
    max_version: of TLS, `1.2` or `1.3`. verify: whether the certificate is checked. resume: whether a user's
    next connection offers the session of the last one.
    """

    nodelay: bool | None = None
    keepalive: int | None = None
    send_buffer: int | None = None
    receive_buffer: int | None = None
    source: tuple[str, ...] = ()
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    min_version: str | None = None
    max_version: str | None = None
    verify: bool = True
    resume: bool = True

    @property
    def of_the_socket(self) -> bool:
        """Whether the socket has to be told anything."""
        told = (self.nodelay, self.keepalive, self.send_buffer, self.receive_buffer)
        return any(value is not None for value in told)


UNSET = Options()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """host: a name or an address, without brackets; of a unix socket its path. port: None where it is left
    out, and of a unix socket.

    Its text is a URL, from which `parse` makes it again.
    """

    host: str
    port: int | None = None
    scheme: Scheme = Scheme.TCP
    options: Options = UNSET

    @classmethod
    def parse(cls, text: str | None, what: str = "host") -> Endpoint:
        """As above, or `name:port` for TCP; the port may be left out.

        HarnessError, in one line, says what is wrong. what: the setting that the text comes from.
        """
        if not text:
            raise HarnessError(f"no {what} is given: {REMEDY}")
        try:
            if not text.isprintable():
                # What urlsplit would leave out.
                raise ValueError
            parts = urlsplit(text if "://" in text else f"tcp://{text}")
            scheme = Scheme(parts.scheme)
        except ValueError:
            raise HarnessError(f"{what} {text!r} is not a TCP target: {REMEDY}") from None
        try:
            host, port = _path(parts) if scheme is Scheme.UNIX else _name_and_port(parts)
            return cls(host, port, scheme, _options(parts.query, scheme))
        except (ValueError, PlanError) as wrong:
            raise HarnessError(f"{what} {text!r} {wrong}") from None

    @classmethod
    def whole(cls, text: str | None, what: str = "host") -> Endpoint:
        """As `parse`, where the port may not be left out."""
        endpoint = cls.parse(text, what)
        if not endpoint.complete:
            raise HarnessError(f"{what} {text!r} has no port: write it as {endpoint.scheme}://name:port")
        return endpoint

    @property
    def complete(self) -> bool:
        """Whether one can connect to it."""
        return self.port is not None or self.scheme is Scheme.UNIX

    def at(self, port: int) -> Endpoint:
        """The same with another port."""
        return replace(self, port=port)

    @property
    def place(self) -> str:
        """Where it is, without how to reach it: `name:port`, the name alone without a port, or a path."""
        if self.scheme is Scheme.UNIX:
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said aloud of every run with it."""
        return () if self.options.verify else (UNVERIFIED.format(place=self.place),)

    def __str__(self) -> str:
        place = quote(self.host) if self.scheme is Scheme.UNIX else self.place
        return f"{self.scheme}://{place}{_query(self.options)}"


def _options(query: str, scheme: Scheme) -> Options:
    """ValueError says what is wrong."""
    if not query:
        # As of most targets.
        return UNSET
    from lockstep.tcp.endpoint_options import read_options

    return read_options(query, scheme)


def _query(options: Options) -> str:
    """What stands behind the place."""
    if options == UNSET:
        return ""
    from lockstep.tcp.endpoint_options import written

    return "?" + "&".join(f"{name}={quote(value, safe='/,:')}" for name, value in written(options))


def _name_and_port(parts: SplitResult) -> tuple[str, int | None]:
    """ValueError says what is wrong."""
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError(f"has no valid port: {REMEDY}")
    more = parts.username or parts.password or parts.path.strip("/") or parts.fragment
    if not parts.hostname or more or set(parts.hostname) & set(" \t\r\n"):
        raise ValueError(f"is not a TCP target: {REMEDY}")
    return parts.hostname, port


def _path(parts: SplitResult) -> tuple[str, None]:
    """ValueError says what is wrong."""
    path = unquoted(parts.path)
    if parts.netloc or parts.fragment or not path.startswith("/") or path.endswith("/"):
        raise ValueError("is not a unix socket: write its whole path, as in unix:///run/name.sock")
    if len(path.encode()) > MAX_PATH:
        raise ValueError(f"is longer than the {MAX_PATH} bytes that a unix socket's path may have")
    return path, None


def unquoted(text: str) -> str:
    """ValueError where it is nothing that a line could show."""
    plain = unquote(text)
    if not plain.isprintable():
        raise ValueError("holds a character that cannot be shown: leave it out")
    return plain
