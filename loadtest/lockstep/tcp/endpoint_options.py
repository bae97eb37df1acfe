"""What is set of a connection, beside where it leads: the options behind the `?` of a target's URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lockstep.errors import PlanError
from lockstep.tcp.endpoint import UNSET, Options, Scheme, unquoted
from lockstep.tcp.sources import parse_sources
from lockstep_wire.choices import did_you_mean
from lockstep_wire.units import parse_duration_ns, parse_size_bytes

_GREATEST_BUFFER = 2**30
_GREATEST_KEEPALIVE_S = 32_767
_S = 1_000_000_000


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
    seconds, rest = divmod(parse_duration_ns(text), _S)
    if rest or not 1 <= seconds <= _GREATEST_KEEPALIVE_S:
        raise ValueError(f"write whole seconds, 1s to {_GREATEST_KEEPALIVE_S}s")
    return seconds


def _size(text: str) -> int:
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


def read_options(query: str, scheme: Scheme) -> Options:
    """What stands behind the `?`. ValueError or PlanError says what is wrong."""
    values: dict[str, Any] = {}
    for part in query.split("&"):
        name, equals, text = part.partition("=")
        option = OPTIONS.get(name)
        if option is None:
            known = [each for each, option in OPTIONS.items() if scheme in option.schemes]
            raise ValueError(f"has no option {name!r}: {did_you_mean(_ELSEWHERE.get(name, name), known)}")
        if scheme not in option.schemes:
            raise ValueError(f"cannot have {name}, which {scheme}:// has not: leave it out")
        if not equals or option.field in values:
            raise ValueError(f"has {name} {'twice: leave one out' if equals else 'without a value'}")
        try:
            values[option.field] = option.read(unquoted(text))
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


def written(options: Options) -> Iterator[tuple[str, str]]:
    """Each that is set, by its name in a URL, as its text there."""
    for name, option in OPTIONS.items():
        value = getattr(options, option.field)
        if value != getattr(UNSET, option.field):
            yield name, option.write(value)
