"""Whom the load goes to: a Lockstep server, which tells its modes itself, or any other TCP service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from lockstep.errors import HarnessError, PlanError
from lockstep.plan import Plan
from lockstep.runs.records import PLAIN_TARGET, Mode, TargetRecord
from lockstep.target.admin import ServerView, Snapshot
from lockstep.tcp.endpoint import Endpoint
from lockstep.traffic import Traffic
from lockstep_wire.choices import did_you_mean
from lockstep_wire.framing import FRAMINGS
from lockstep_wire.greeting import ACKNOWLEDGEMENT

# What a Lockstep server says that it answers -> what is expected, as a CellOrder tells it.
_REPLIES = {"echo": "echo", "ack": ACKNOWLEDGEMENT.decode(), "none": None}


def check_talk(settings: Mapping[str, Any], traffic: Traffic) -> None:
    """PlanError where a Lockstep server, by its settings, does not talk as the scenario has it."""
    pushes = bool(settings.get("push_ns"))
    does, name = traffic.does, traffic.scenario
    if not does.sends and not pushes:
        remedy = "the server says nothing unasked: start it with --push 10ms"
    elif does.sends and pushes:
        remedy = "the server pushes and answers nothing: choose receive-only, or start it without --push"
    elif does.sends and does.answered == (settings.get("reply") == "none"):
        remedy = (
            "the server answers nothing: choose send-only, or start it with --reply echo"
            if does.answered
            else "the server answers what it is sent: start it with --reply none"
        )
    else:
        return
    raise PlanError("scenario", f"{name!r} has no peer to talk to: {remedy}")


class Way(NamedTuple):
    """What an order to workers says of their target: see CellOrder."""

    url: str
    framing: str
    timing: bool
    reply: str | None


class Targets(Protocol):
    """Whom a run's load goes to: for each of its modes a server, or one for all.

    Every method raises ServerUnreachableError where a Lockstep server does not answer, and PlanError where a
    mode is none of these.
    """

    def settings(self) -> dict[str, Any]:
        """What the one server says of itself; empty where there are several, or nobody can be asked."""

    def modes(self) -> dict[str, Mode]:
        """What servers say of their modes; those of which nobody can be asked are left out."""

    def told(self) -> dict[str, TargetRecord]:
        """What a run keeps of each mode's target, beside `settings`."""

    def check(self, plan: Plan) -> None:
        """PlanError where a mode of the plan has no target."""

    def server_of(self, mode: str | None) -> ServerView | None:
        """Who tells of the mode, under the name that it has here; None where nobody does.

        mode: None asks for who tells of all.
        """

    def endpoint_of(self, mode: str) -> Endpoint:
        """Where the mode is, with its port."""

    def check_up(self, mode: str) -> None:
        """HarnessError where the mode's server was started for the run, and has ended."""

    def process_of(self, mode: str) -> int | None:
        """The process that was started for the run and is behind the mode; None where none was."""

    def way_to(self, mode: str) -> Way:
        """How workers get to the mode, and how it talks. HarnessError where that is unknown here."""


@dataclass(frozen=True, slots=True)
class Target:
    """One server, with all of its modes, or one service; see Targets for what each method tells.

    endpoint: where it is, and how to reach it. Its port is needed where nobody tells it; of a server that
    tells its modes' ports itself it is that of a proxy before it. server: its admin port's view; None for any
    other service, which then needs a framing.

    reply: `echo`, an exact text or None (unchecked), for a service that is not a Lockstep server. by_file:
    whether a user's own file says what is sent to such a service, and what comes back. mode: its name.
    process: its own, where it was started for the run.
    """

    endpoint: Endpoint
    server: ServerView | None
    framing: str = "raw"
    reply: str | None = None
    by_file: bool = False
    mode: str = PLAIN_TARGET
    process: int | None = None

    def settings(self) -> dict[str, Any]:
        """See Targets."""
        snapshot = self._snapshot()
        if snapshot is None:
            return {}
        return {**snapshot.settings, "modes": list(snapshot.listeners)}

    def modes(self) -> dict[str, Mode]:
        """See Targets."""
        snapshot = self._snapshot()
        if snapshot is None:
            return {}
        return {name: listener.mode for name, listener in snapshot.listeners.items()}

    def told(self) -> dict[str, TargetRecord]:
        """See Targets. A server that can be asked tells all itself."""
        if self.server is not None:
            return {}
        if self.by_file:
            return {self.mode: TargetRecord(str(self.endpoint))}
        return {self.mode: TargetRecord(str(self.endpoint), self.framing, self.reply)}

    def check(self, plan: Plan) -> None:
        """See Targets; PlanError too where one port is given for several modes."""
        snapshot = self._snapshot()
        for mode in plan.modes:
            self._port(snapshot, mode, "modes")
        if snapshot is not None and self.endpoint.port is not None and len(plan.modes) > 1:
            raise PlanError(
                "host",
                f"names port {self.endpoint.port}, but each of the {len(plan.modes)} modes has a port of its "
                "own, which the server tells: leave the port out, or choose one mode",
            )

    def server_of(self, mode: str | None) -> ServerView | None:  # noqa: ARG002 (one for all)
        """See Targets."""
        return self.server

    def endpoint_of(self, mode: str) -> Endpoint:
        """See Targets."""
        return self._at(self._port(self._snapshot(), mode, "mode"))

    def check_up(self, mode: str) -> None:
        """See Targets. Where it is gone, its admin port does not answer."""

    def process_of(self, mode: str) -> int | None:  # noqa: ARG002 (one for all)
        """See Targets."""
        return self.process

    def _at(self, port: int | None) -> Endpoint:
        return self.endpoint if port is None else self.endpoint.at(port)

    def _snapshot(self) -> Snapshot | None:
        return None if self.server is None else self.server.snapshot()

    def _port(self, snapshot: Snapshot | None, mode: str, setting: str) -> int | None:
        """The port behind a mode's name, None where there are no ports; setting: who named the mode."""
        if self.server is None or snapshot is None:
            if mode != self.mode:
                raise PlanError(
                    setting,
                    f"{mode!r} is not offered by {self.endpoint.host}: a service without --admin has one "
                    f"mode, {self.mode}; give --admin HOST:PORT for a Lockstep server, which tells its "
                    "modes",
                )
            if not self.endpoint.complete:
                raise PlanError(
                    "host",
                    f"{self.endpoint.host!r} has no port: write it as tcp://name:port, or give --admin",
                )
            return self.endpoint.port
        listeners = snapshot.listeners
        if mode not in listeners:
            near = did_you_mean(mode, listeners)
            raise PlanError(setting, f"{mode!r} is not offered by the server at {self.server.admin}: {near}")
        own = listeners[mode].port
        if self.endpoint.port is None or self.endpoint.port == own:
            return own
        whose = next(
            (name for name, listener in listeners.items() if listener.port == self.endpoint.port), None
        )
        if whose is not None:
            raise PlanError(
                "host",
                f"names port {self.endpoint.port}, which is that of {whose!r}, but {mode!r} is at port "
                f"{own}: leave the port out",
            )
        # Something stands before the server: a proxy, a published port.
        return self.endpoint.port

    def _known(self, settings: Mapping[str, Any], name: str, known: Iterable[str]) -> str:
        """A setting of the server's, which has to be one of these. HarnessError where it is another."""
        value = str(settings[name])
        if value not in known:
            raise HarnessError(
                f"the server at {self.endpoint.host} has {name} {value!r}, and this version knows "
                f"{', '.join(known)}: use the same version of Lockstep for both"
            )
        return value

    def way_to(self, mode: str) -> Way:
        """See Targets."""
        snapshot = self._snapshot()
        url = str(self._at(self._port(snapshot, mode, "mode")))
        if snapshot is None:
            return Way(url, self.framing, timing=False, reply=self.reply)
        settings = snapshot.settings
        framing = self._known(settings, "framing", FRAMINGS)
        return Way(url, framing, settings["timing"], _REPLIES[self._known(settings, "reply", _REPLIES)])
