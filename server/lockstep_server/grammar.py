"""The grammar of a listener: MODE[=N][/SCOPE]:PORT."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lockstep_server.modes import CONNECTION, MESSAGE, MODES
from lockstep_wire.choices import did_you_mean
from lockstep_wire.listeners import USUAL_LISTENERS

DEFAULT_LISTENERS = " ".join(f"{name}:{port}" for name, port in USUAL_LISTENERS.items())

_FORM = "write MODE[=N][/SCOPE]:PORT, for example lock:8889"
_SPEC = re.compile(r"(?P<mode>[^=/:]+)(?:=(?P<n>[^/:]*))?(?:/(?P<scope>[^:]*))?:(?P<port>\d{1,9})", re.ASCII)
_SCOPES = (CONNECTION, MESSAGE)


@dataclass(frozen=True, slots=True)
class ListenerSpec:
    """One listener as asked for. n is 1 for the modes that take none; port 0 lets the system pick one."""

    mode: str
    n: int
    scope: str
    port: int

    @property
    def name(self) -> str:
        """How users and reports call it: the grammar without the port; the scope only if it is `message`."""
        count = f"={self.n}" if MODES[self.mode].counted else ""
        return f"{self.mode}{count}{'/message' if self.scope == MESSAGE else ''}"

    @property
    def permits(self) -> int | None:
        """How many can be in service at once; None where no number limits it."""
        return MODES[self.mode].permits(self.n)

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


def parse_listener(text: str) -> ListenerSpec:
    """The listener that `text` asks for. ValueError says what is wrong with it, and the remedy."""
    match = _SPEC.fullmatch(text)
    if match is None:
        raise ValueError(f"is not a listener; {_FORM}")
    if match["mode"] not in MODES:
        raise ValueError(f"has the unknown mode {match['mode']!r}; {did_you_mean(match['mode'], MODES)}")
    scope = CONNECTION if match["scope"] is None else match["scope"]
    return ListenerSpec(
        mode=match["mode"],
        n=_parse_n(match["mode"], match["n"]),
        scope=_check_scope(match["mode"], scope),
        port=_check_port(int(match["port"])),
    )


def check_ports(specs: Sequence[ListenerSpec]) -> None:
    """ValueError if two listeners ask for the same port."""
    for port, uses in Counter(spec.port for spec in specs if spec.port).items():
        if uses > 1:
            names = " and ".join(spec.name for spec in specs if spec.port == port)
            raise ValueError(f"gives port {port} to {names}; give each listener a port of its own")


def _parse_n(mode: str, text: str | None) -> int:
    counted = MODES[mode].counted
    if text is None:
        if counted:
            raise ValueError(f"lacks how many; write {mode}=N, for example {mode}=4")
        return 1
    if not counted:
        raise ValueError(f"gives a number to {mode}, which takes none; leave out ={text}")
    most = MODES[mode].most
    if not (re.fullmatch(r"[1-9]\d{0,4}", text, re.ASCII) and int(text) <= most):
        raise ValueError(f"has {text!r} for N; write a whole number from 1 to {most}")
    return int(text)


def _check_scope(mode: str, scope: str) -> str:
    if scope not in _SCOPES:
        raise ValueError(f"has the unknown scope {scope!r}; {did_you_mean(scope, _SCOPES)}")
    if scope == MESSAGE and MESSAGE not in MODES[mode].scopes:
        able = ", ".join(name for name, known in MODES.items() if MESSAGE in known.scopes)
        raise ValueError(f"asks {mode} for /message; only {able} can do that")
    if scope not in MODES[mode].scopes:
        raise ValueError(f"asks {mode} for whole connections; it admits messages, so write {mode}=N/message")
    return scope


def _check_port(port: int) -> int:
    if port > 65535:
        raise ValueError(f"has port {port}; write 0 (the system picks one) to 65535")
    return port
