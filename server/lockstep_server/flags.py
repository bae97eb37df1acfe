"""Flags and their environment twins (LOCKSTEP_<FLAG>) become Settings. A flag beats its variable."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from lockstep_server.grammar import DEFAULT_LISTENERS, check_ports, parse_listener
from lockstep_server.replies import NO_REPLY, REPLIES
from lockstep_server.settings import Keepalive, Settings, SettingsError
from lockstep_server.work import WORKS
from lockstep_wire.build import build_of
from lockstep_wire.choices import did_you_mean
from lockstep_wire.framing import FRAMINGS
from lockstep_wire.units import parse_duration_ns, parse_size_bytes


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. parse turns its text into a value, or raises ValueError with what is wrong and the remedy."""

    name: str
    parse: Callable[[str], Any]
    default: str | None
    help: str
    metavar: str = ""
    switch: bool = False

    @property
    def variable(self) -> str:
        """Its environment twin."""
        return "LOCKSTEP_" + self.name.replace("-", "_").upper()


def _choice(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"is unknown; {did_you_mean(text, names)}")
        return text

    return parse


def _is_whole(text: str) -> bool:
    """Whether it is a whole number of a length that may make sense: Python refuses to read very long ones."""
    return text.isascii() and text.isdigit() and len(text) <= 20


def _whole(least: int, greatest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (_is_whole(text) and least <= int(text) <= greatest):
            raise ValueError(f"is out of range; write a whole number from {least} to {greatest}")
        return int(text)

    return parse


def _switch(text: str) -> bool:
    known = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if text.lower() not in known:
        raise ValueError("is neither yes nor no; write true or false")
    return known[text.lower()]


def _whole_seconds(text: str) -> int:
    duration_ns = parse_duration_ns(text)
    seconds, rest = divmod(duration_ns, 10**9)
    if rest or not 1 <= seconds <= 32767:
        raise ValueError("is not a whole number of seconds; write 1s to 32767s")
    return seconds


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (host and colon and _is_whole(port) and 1 <= int(port) <= 65535):
        raise ValueError("is not an address; write HOST:PORT, for example 255.255.255.255:9101")
    return host, int(port)


def _host(text: str) -> str:
    if not text or any(character.isspace() for character in text):
        raise ValueError("is not an address; write for example 0.0.0.0 or 127.0.0.1")
    # As in a URL, where an IPv6 address needs brackets.
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


_port = _whole(0, 65535)
_LEVELS = ("debug", "info", "warning", "error")

FLAGS = (
    Flag("listen", str, DEFAULT_LISTENERS, "a listener, repeatable (the variable: blank-separated)", "SPEC"),
    Flag("bind", _host, "0.0.0.0", "address to listen on", "ADDRESS"),
    Flag("accept", _choice("blocking", "nonblocking"), "blocking", "form of accept: blocking, nonblocking"),
    Flag(
        "backlog",
        _whole(0, 65535),
        "128",
        "length of the kernel's queue of connections not yet accepted",
        "N",
    ),
    Flag(
        "max-connections",
        _whole(0, 10_000_000),
        "0",
        "connections open at once on a listener, beyond which each is refused at once; 0: no limit",
        "N",
    ),
    Flag("nodelay", _switch, "false", "TCP_NODELAY: send small replies at once", switch=True),
    Flag("keepalive", _switch, "false", "SO_KEEPALIVE: probe silent peers", switch=True),
    Flag("keepalive-idle", _whole_seconds, None, "silence before the first probe", "DURATION"),
    Flag("keepalive-interval", _whole_seconds, None, "time between probes", "DURATION"),
    Flag("keepalive-count", _whole(1, 127), None, "unanswered probes until the peer counts as gone", "N"),
    Flag("framing", _choice(*FRAMINGS), "raw", f"how messages are cut: {', '.join(FRAMINGS)}"),
    Flag(
        "reply",
        _choice(*REPLIES, NO_REPLY),
        "ack",
        "ack (the same words for everyone), echo, or none: messages are taken in silence",
    ),
    Flag(
        "push", parse_duration_ns, "0", "speak unasked so often, to everybody, and answer nothing", "DURATION"
    ),
    Flag("timing", _switch, "false", "begin replies with the wait and service time", switch=True),
    Flag("hold", parse_duration_ns, "0", "service time of a message", "DURATION"),
    Flag("work", _choice(*WORKS), "sleep", "how it is spent: sleep, cpu"),
    Flag(
        "pause", parse_duration_ns, "0", "how long a permit is kept after its connection closed", "DURATION"
    ),
    Flag("drain", parse_duration_ns, "5s", "how long sessions may go on after SIGTERM", "DURATION"),
    Flag("max-frame", parse_size_bytes, "1MiB", "largest payload", "SIZE"),
    Flag(
        "idle-timeout",
        parse_duration_ns,
        "30s",
        "silence after which a peer is cut off; 0: never",
        "DURATION",
    ),
    Flag(
        "message-timeout",
        parse_duration_ns,
        "1m",
        "time that a message may take from its first byte to its last, and its reply; 0: any",
        "DURATION",
    ),
    Flag("admin-port", _port, "9100", "port of /metrics, /listeners and /connections; 0: any", "PORT"),
    Flag("admin-host", _host, "127.0.0.1", "address of the admin port", "ADDRESS"),
    Flag("announce", _switch, "false", "broadcast the listeners by UDP every second", switch=True),
    Flag("announce-to", _address, "255.255.255.255:9101", "where to", "HOST:PORT"),
    Flag("log-level", _choice(*_LEVELS), "info", f"lowest level logged: {', '.join(_LEVELS)}"),
    Flag(
        "records",
        _whole(1, 10_000_000),
        "20000",
        "connection records kept for each listener, about 400 bytes each",
        "N",
    ),
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message}; see --help")


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings that the command line and the environment give. SettingsError if they make no sense."""
    given = vars(_parser().parse_args(arguments))
    values: dict[str, Any] = {}
    for flag in FLAGS:
        texts, source = _texts(flag, given[flag.name], environment)
        values[flag.name] = _parse_listeners(texts, source) if flag.name == "listen" else None
        if flag.name != "listen" and texts:
            values[flag.name] = _parse(flag.parse, texts[0], source)
    return _assemble(values)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lockstep-server",
        description="A threaded TCP server that offers one handler under several concurrency modes.",
        epilog="Every flag can be set by the environment: --idle-timeout is LOCKSTEP_IDLE_TIMEOUT. "
        "Durations: 0, 500us, 2ms, 1.5s. Sizes: 1024, 64KiB, 1MiB.",
        allow_abbrev=False,
    )
    build = f"lockstep-server {build_of('lockstep_server', 'lockstep_wire')}"
    parser.add_argument("--version", action="version", version=build, help="say which build this is")
    for flag in FLAGS:
        about = f"{flag.help} (default: {flag.default or 'as the system has it'})"
        option, dest = f"--{flag.name}", flag.name
        if flag.switch:
            parser.add_argument(option, dest=dest, action="append_const", const="true", help=about)
        else:
            metavar = flag.metavar or flag.name.upper().replace("-", "_")
            parser.add_argument(option, dest=dest, action="append", metavar=metavar, help=about)
    return parser


def _texts(flag: Flag, given: list[str] | None, environment: Mapping[str, str]) -> tuple[list[str], str]:
    """What to parse, and what to call its source. An empty variable counts as unset: Compose makes such."""
    if given:
        return (given if flag.name == "listen" else given[-1:]), f"--{flag.name}"
    text = environment.get(flag.variable, "").strip()
    source = flag.variable if text else f"--{flag.name}"
    text = text or flag.default or ""
    return (text.split() if flag.name == "listen" else [text] if text else []), source


def _parse_listeners(texts: list[str], source: str) -> Any:
    listeners = tuple(_parse(parse_listener, text, source) for text in texts)
    try:
        check_ports(listeners)
    except ValueError as error:
        raise SettingsError(f"{source} {error}") from error
    return listeners


def _parse(parse: Callable[[str], Any], text: str, source: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        shown = f" {text}" if source.startswith("--") else f"={text}"
        raise SettingsError(f"{source}{shown} {error}") from error


def _assemble(values: dict[str, Any]) -> Settings:
    probes = {name: values.pop(f"keepalive-{name}") for name in ("idle", "interval", "count")}
    for name, value in probes.items():
        if value is not None and not values["keepalive"]:
            raise SettingsError(f"--keepalive-{name} does nothing without --keepalive; add --keepalive")
    announce_to = values.pop("announce-to")
    return Settings(
        listeners=values.pop("listen"),
        keepalive=Keepalive(probes["idle"], probes["interval"], probes["count"])
        if values.pop("keepalive")
        else None,
        announce_to=announce_to if values.pop("announce") else None,
        hold_ns=values.pop("hold"),
        pause_ns=values.pop("pause"),
        drain_ns=values.pop("drain"),
        idle_timeout_ns=values.pop("idle-timeout"),
        message_timeout_ns=values.pop("message-timeout"),
        push_ns=values.pop("push"),
        **{name.replace("-", "_"): value for name, value in values.items()},
    )
