"""Targets that are compared under names of their own: `new=tcp://127.0.0.1:7001`, where modes have theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from lockstep.errors import HarnessError, PlanError
from lockstep.plan import Plan
from lockstep.runs.records import Mode, TargetRecord
from lockstep.target.admin import ServerView
from lockstep.target.target import Target, Way
from lockstep.tcp.endpoint import Endpoint
from lockstep_wire.choices import did_you_mean

FORM = "write NAME=URL, for example new=tcp://127.0.0.1:7001"
# A gate and a chart call it so: nothing that these read as their own.
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
# Between two of several in one text; a URL has commas of its own.
_BETWEEN = re.compile(r"[,;\s]+(?=[\w.-]+=[a-z]+://)", re.ASCII)
_OPTION = re.compile(r",\s*(?P<name>[a-z]+)=(?P<value>[^,?&]*)\Z")
OPTIONS = ("admin", "mode")


@dataclass(frozen=True, slots=True)
class Named:
    """One target as it was given. admin: `host:port`, where it is a Lockstep server; mode: which of its."""

    name: str
    endpoint: Endpoint
    admin: str | None = None
    mode: str | None = None

    @classmethod
    def parse(cls, text: str) -> Named:
        """`NAME=URL[,admin=HOST:PORT][,mode=MODE]`. PlanError says what is wrong with it."""
        name, rest = split_name("target", text, FORM)
        options: dict[str, str] = {}
        while match := _OPTION.search(rest):
            if match["name"] in options:
                raise PlanError("target", f"{text!r} names {match['name']} twice: leave one out")
            if match["name"] not in OPTIONS:
                near = did_you_mean(match["name"], OPTIONS)
                raise PlanError("target", f"{text!r} has no option {match['name']!r}: {near}")
            options[match["name"]] = match["value"]
            rest = rest[: match.start()]
        if "mode" in options and "admin" not in options:
            raise PlanError(
                "target",
                f"{text!r} names a mode, which an admin port tells: add admin=HOST:PORT",
            )
        try:
            endpoint = Endpoint.parse(rest, "URL")
        except HarnessError as wrong:
            raise PlanError("target", f"{text!r}: {wrong}") from wrong
        return cls(name, endpoint, options.get("admin"), options.get("mode"))


def read_target(text: str, name: str) -> Named:
    """The only service that load goes to: as Named.parse, or a URL alone, which is then called `name`.

    PlanError or HarnessError says what is wrong with it.
    """
    before, equals, after = text.strip().partition("=")
    if equals and "://" in after and "://" not in before:
        return Named.parse(text)
    return Named(name, Endpoint.whole(text, "target"))


def split_name(setting: str, text: str, form: str) -> tuple[str, str]:
    """`NAME=...` -> name and the rest. PlanError where it is not written so."""
    name, equals, rest = text.strip().partition("=")
    if not equals or not rest or "://" in name:
        raise PlanError(setting, f"{text!r} has no name: {form}")
    if not _NAME.fullmatch(name):
        raise PlanError(
            setting, f"{name!r} is no name for a target: write letters, digits, ., _ and -, a letter first"
        )
    return name, rest


def named_twice(names: Sequence[str]) -> str | None:
    """The first name that is there more than once; None where each has one of its own."""
    return next((name for name in names if names.count(name) > 1), None)


def split_targets(text: str) -> list[str]:
    """Several in one text, with commas, semicolons or blanks between."""
    return [part for part in _BETWEEN.split(text.strip(" ,;")) if part]


@dataclass(frozen=True, slots=True)
class Spoken:
    """How services talk that cannot be asked: see Target."""

    framing: str = "raw"
    reply: str | None = None
    by_file: bool = False


def read_targets(text: str) -> tuple[Named, ...]:
    """Each of several in one text. PlanError says what is wrong with one of them."""
    return tuple(map(Named.parse, split_targets(text) or [text]))


class Service(Protocol):
    """What was started for the run."""

    @property
    def command(self) -> str:
        """By which command."""

    @property
    def process(self) -> int:
        """Its own."""

    def check(self) -> None:
        """HarnessError where it has ended."""


class NamedTargets:
    """Several targets, each a series of its own; see Targets for what each method tells."""

    def __init__(self, targets: Mapping[str, Target], services: Mapping[str, Service]) -> None:
        """services: those of them that were started for the run."""
        self._targets = targets
        self._services = services

    @classmethod
    def of(
        cls,
        given: Iterable[Named],
        spoken: Spoken,
        services: Mapping[str, Service],
    ) -> NamedTargets:
        """Asks each that has an admin port which of its modes is meant.

        PlanError where that cannot be told; ServerUnreachableError where nobody answers. spoken: how those
        talk that cannot be asked.
        """
        return cls({each.name: _target(each, spoken) for each in given}, services)

    def settings(self) -> dict[str, Any]:
        """Empty: what each server says stands with its target."""
        return {}

    def modes(self) -> dict[str, Mode]:
        """See Targets."""
        return {name: mode for target in self._targets.values() for name, mode in target.modes().items()}

    def told(self) -> dict[str, TargetRecord]:
        """See Targets."""
        return {name: self._record(name, target) for name, target in self._targets.items()}

    def _record(self, name: str, target: Target) -> TargetRecord:
        service = self._services.get(name)
        server = target.settings()
        # A Lockstep server says itself how it talks.
        known = TargetRecord(str(target.endpoint), server=server) if server else target.told()[name]
        return replace(known, command=None if service is None else service.command)

    def check(self, plan: Plan) -> None:
        """See Targets."""
        for mode in plan.modes:
            self._of(mode).endpoint_of(mode)

    def server_of(self, mode: str | None) -> ServerView | None:
        """See Targets."""
        return None if mode is None else self._of(mode).server

    def endpoint_of(self, mode: str) -> Endpoint:
        """See Targets."""
        return self._of(mode).endpoint_of(mode)

    def check_up(self, mode: str) -> None:
        """See Targets."""
        if mode in self._services:
            self._services[mode].check()

    def process_of(self, mode: str) -> int | None:
        """See Targets."""
        return self._services[mode].process if mode in self._services else None

    def way_to(self, mode: str) -> Way:
        """See Targets."""
        self.check_up(mode)
        return self._of(mode).way_to(mode)

    def _of(self, name: str) -> Target:
        if name not in self._targets:
            raise PlanError("modes", f"there is no target {name!r}: {did_you_mean(name, self._targets)}")
        return self._targets[name]


def _target(given: Named, spoken: Spoken) -> Target:
    if given.admin is not None:
        server = ServerView(given.admin, called=(_mode_of(given, given.admin), given.name))
        return Target(given.endpoint, server, mode=given.name)
    if not given.endpoint.complete:
        raise PlanError(
            "target",
            f"{given.name}={given.endpoint} has no port: write {given.endpoint.scheme}://name:port, or of a "
            "Lockstep server, which tells its modes' ports, add admin=HOST:PORT",
        )
    return Target(given.endpoint, None, spoken.framing, spoken.reply, spoken.by_file, given.name)


def _mode_of(given: Named, admin: str) -> str:
    """Which of a server's modes is meant: the one that is named, else the one at that port."""
    listeners = ServerView(admin).snapshot().listeners
    by_port = {listener.port: name for name, listener in listeners.items()}
    mode = given.mode or by_port.get(given.endpoint.port or 0)
    if mode is None:
        raise PlanError(
            "target",
            f"{given.name}={given.endpoint} is at the port of no mode of the server at {admin}: add "
            f"mode=MODE, one of {', '.join(listeners)}",
        )
    if mode not in listeners:
        near = did_you_mean(mode, listeners)
        raise PlanError("target", f"{given.name}: {mode!r} is not offered by the server at {admin}: {near}")
    return mode
