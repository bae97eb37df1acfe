"""Where a target is and how to reach it, as one value that is written as a URL and read back from it.

    tcp://name:port?nodelay=on&keepalive=30s&send_buffer=64KiB&receive_buffer=64KiB&source=127.0.0.2
    tls://name:port?ca=FILE&cert=FILE&key=FILE&server_name=NAME&alpn=a,b&min=1.2&max=1.3&verify=off&resume=off
    unix:///path?send_buffer=64KiB&receive_buffer=64KiB

Nothing is looked up here and no file is opened. Nothing of a text is dropped: what makes no sense is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from lockstep.errors import HarnessError, PlanError

REMEDY = (
    "write it as tcp://name:port, an IPv6 address as tcp://[::1]:port, with TLS as tls://name:port, a unix "
    "socket as unix:///path"
)
# What the kernel's address of a unix socket has room for, without the zero byte at its end.
MAX_PATH = 107
MAX_SOURCES = 1024
_GREATEST_BUFFER = 2**30
_GREATEST_KEEPALIVE_S = 32_767
_S = 1_000_000_000
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
class _Option:
    """One option of a URL. read: ValueError says what is wrong with a text."""

    field: str
    schemes: frozenset[Scheme]
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("write on or off")
    return text == "on"


def _seconds(text: str) -> int:
    # Most targets have no options.
    from lockstep_wire.units import parse_duration_ns

    seconds, rest = divmod(parse_duration_ns(text), _S)
    if rest or not 1 <= seconds <= _GREATEST_KEEPALIVE_S:
        raise ValueError(f"write whole seconds, 1s to {_GREATEST_KEEPALIVE_S}s")
    return seconds


def _size(text: str) -> int:
    from lockstep_wire.units import parse_size_bytes

    size = parse_size_bytes(text)
    if size > _GREATEST_BUFFER:
        raise ValueError("write at most 1GiB")
    return size


def _some(text: str) -> str:
    if not text:
        raise ValueError("it is empty: give a value, or leave it out")
    return text


def _protocols(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not text.isascii() or not all(0 < len(name) < 256 for name in names):
        raise ValueError("write names in ASCII with commas between them, as in alpn=mqtt,h2")
    return names


def _version(text: str) -> str:
    if text not in ("1.2", "1.3"):
        raise ValueError("write 1.2 or 1.3")
    return text


def _sources(text: str) -> tuple[str, ...]:
    found = parse_sources(_some(text))
    if not found:
        raise ValueError("it names no address")
    return found


_ON_OFF = ("off", "on").__getitem__
_ANY = frozenset(Scheme)
_IP = frozenset({Scheme.TCP, Scheme.TLS})
_TLS = frozenset({Scheme.TLS})
OPTIONS = {
    "nodelay": _Option("nodelay", _IP, _switch, _ON_OFF),
    "keepalive": _Option("keepalive", _IP, _seconds, lambda seconds: f"{seconds}s"),
    "send_buffer": _Option("send_buffer", _ANY, _size),
    "receive_buffer": _Option("receive_buffer", _ANY, _size),
    "source": _Option("source", _IP, _sources, ",".join),
    "ca": _Option("ca", _TLS, _some),
    "cert": _Option("cert", _TLS, _some),
    "key": _Option("key", _TLS, _some),
    "server_name": _Option("server_name", _TLS, _some),
    "alpn": _Option("alpn", _TLS, _protocols, ",".join),
    "min": _Option("min_version", _TLS, _version),
    "max": _Option("max_version", _TLS, _version),
    "verify": _Option("verify", _TLS, _switch, _ON_OFF),
    "resume": _Option("resume", _TLS, _switch, _ON_OFF),
}
"""By the name that each has in a URL."""
# What other tools call some of them, where no spelling leads there.
_ELSEWHERE = {"cacert": "ca", "cafile": "ca", "ca_file": "ca", "ca_cert": "ca", "sni": "server_name"}


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
        query = "&".join(f"{name}={quote(value, safe='/,:')}" for name, value in self._written())
        return f"{self.scheme}://{place}{'?' if query else ''}{query}"

    def _written(self) -> Iterator[tuple[str, str]]:
        for name, option in OPTIONS.items():
            value = getattr(self.options, option.field)
            if value != getattr(UNSET, option.field):
                yield name, option.write(value)


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
    path = _unquoted(parts.path)
    if parts.netloc or parts.fragment or not path.startswith("/") or path.endswith("/"):
        raise ValueError("is not a unix socket: write its whole path, as in unix:///run/name.sock")
    if len(path.encode()) > MAX_PATH:
        raise ValueError(f"is longer than the {MAX_PATH} bytes that a unix socket's path may have")
    return path, None


def _unquoted(text: str) -> str:
    """ValueError where it is nothing that a line could show."""
    plain = unquote(text)
    if not plain.isprintable():
        raise ValueError("holds a character that cannot be shown: leave it out")
    return plain


def _options(query: str, scheme: Scheme) -> Options:
    """What stands behind the `?`. ValueError or PlanError says what is wrong."""
    values: dict[str, Any] = {}
    for part in query.split("&") if query else ():
        name, equals, text = part.partition("=")
        option = OPTIONS.get(name)
        if option is None:
            from lockstep_wire.choices import did_you_mean

            known = [each for each, option in OPTIONS.items() if scheme in option.schemes]
            raise ValueError(f"has no option {name!r}: {did_you_mean(_ELSEWHERE.get(name, name), known)}")
        if scheme not in option.schemes:
            raise ValueError(f"cannot have {name}, which {scheme}:// has not: leave it out")
        if not equals or option.field in values:
            raise ValueError(f"has {name} {'twice: leave one out' if equals else 'without a value'}")
        try:
            values[option.field] = option.read(_unquoted(text))
        except (ValueError, PlanError) as wrong:
            raise ValueError(f"has {name}={text}: {wrong}") from None
    options = Options(**values)
    _check_together(options)
    return options


def _check_together(options: Options) -> None:
    """ValueError where one contradicts another."""
    if options.key is not None and options.cert is None:
        raise ValueError("has a key without its certificate: add cert=FILE")
    if not options.verify and options.ca is not None:
        raise ValueError("says whom to trust (ca) and that anybody is (verify=off): leave one out")
    if options.min_version == "1.3" and options.max_version == "1.2":
        raise ValueError("asks for at least TLS 1.3 and at most 1.2: leave one out")


def parse_sources(text: str) -> tuple[str, ...]:
    """`127.0.0.1,127.0.0.2` or `127.0.0.1-127.0.0.8`, both ends included, or both together -> the addresses.

    Commas and blanks both separate; nothing gives none. PlanError where it is no such list.
    """
    addresses: list[str] = []
    for word in text.replace(",", " ").split():
        addresses += _range(word)
        if len(addresses) > MAX_SOURCES:
            raise PlanError("source", f"{text!r} names more than {MAX_SOURCES} addresses: name fewer")
    twice = next((address for address in addresses if addresses.count(address) > 1), None)
    if twice is not None:
        raise PlanError("source", f"{text!r} names {twice} twice: name each address once")
    return tuple(addresses)


def _range(word: str) -> list[str]:
    low, dash, high = word.partition("-")
    first = _address(low, word)
    last = _address(high, word) if dash else first
    if first.version != last.version or int(first) > int(last):
        raise PlanError(
            "source", f"{word!r} is not a range: write the lower address first, as in 127.0.0.1-127.0.0.8"
        )
    # One more than the limit is enough to see that there are too many.
    end = min(int(last), int(first) + MAX_SOURCES)
    return [str(type(first)(number)) for number in range(int(first), end + 1)]


def _address(text: str, word: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        raise PlanError(
            "source",
            f"{word!r} is not an address: write for example 127.0.0.1,127.0.0.2 or 127.0.0.1-127.0.0.8",
        ) from None
