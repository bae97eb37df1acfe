"""Whom the load goes to: a Lockstep server, which tells its modes itself, or any other TCP service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lockstep.control import CellOrder
from lockstep.errors import HarnessError, PlanError
from lockstep.plan import Plan, Traffic
from lockstep.runs.records import Mode
from lockstep.target.admin import ServerView, Snapshot
from lockstep.tcp.endpoint import Endpoint
from lockstep_wire.choices import did_you_mean
from lockstep_wire.framing import FRAMINGS
from lockstep_wire.greeting import ACKNOWLEDGEMENT

# The mode's name where the target is not a Lockstep server.
PLAIN_TARGET = "target"

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


@dataclass(frozen=True, slots=True)
class Target:
    """endpoint: where it is, and how to reach it. Its port is needed where nobody tells it; of a server that
    tells its modes' ports itself it is that of a proxy before it. server: its admin port's view; None for any
    other service, which then needs a framing.

    reply: `echo`, an exact text or None (unchecked), for a service that is not a Lockstep server. by_file:
    whether a user's own file says what is sent to such a service, and what comes back.
    """

    endpoint: Endpoint
    server: ServerView | None
    framing: str = "raw"
    reply: str | None = None
    by_file: bool = False

    def settings(self) -> dict[str, Any]:
        """What the server says of itself; empty where nobody can be asked.

        ServerUnreachableError if it does not answer.
        """
        snapshot = self._snapshot()
        if snapshot is None:
            return {}
        return {**snapshot.settings, "modes": list(snapshot.listeners)}

    def modes(self) -> dict[str, Mode]:
        """What the server says of its modes; empty where nobody can be asked."""
        snapshot = self._snapshot()
        if snapshot is None:
            return {}
        return {name: listener.mode for name, listener in snapshot.listeners.items()}

    def told(self) -> dict[str, Any]:
        """What a run has to keep of a service that is not a Lockstep server: it tells nothing of itself."""
        if self.server is not None:
            return {}
        if self.by_file:
            return {"address": self.endpoint.place}
        return {"address": self.endpoint.place, "framing": self.framing, "reply": self.reply}

    def check(self, plan: Plan) -> None:
        """PlanError where the server does not offer a mode of the plan, or one port is given for several."""
        snapshot = self._snapshot()
        for mode in plan.modes:
            self._port(snapshot, mode, "modes")
        if snapshot is not None and self.endpoint.port is not None and len(plan.modes) > 1:
            raise PlanError(
                "host",
                f"names port {self.endpoint.port}, but each of the {len(plan.modes)} modes has a port of its "
                "own, which the server tells: leave the port out, or choose one mode",
            )

    def port_of(self, mode: str) -> int:
        """The port behind a mode's name. PlanError where there is none."""
        return self._port(self._snapshot(), mode, "mode")

    def _snapshot(self) -> Snapshot | None:
        return None if self.server is None else self.server.snapshot()

    def _port(self, snapshot: Snapshot | None, mode: str, setting: str) -> int:
        """The port behind a mode's name; setting: who named the mode, for the refusal."""
        if self.server is None or snapshot is None:
            if mode != PLAIN_TARGET:
                raise PlanError(
                    setting,
                    f"{mode!r} is not offered by {self.endpoint.host}: a service without --admin has one "
                    f"mode, {PLAIN_TARGET}; give --admin HOST:PORT for a Lockstep server, which tells its "
                    "modes",
                )
            if self.endpoint.port is None:
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

    def order(
        self,
        run_id: str,
        cell: int,
        mode: str,
        traffic: Traffic,
        warmup_s: float,
        seconds: float | None,
        seed: int,
    ) -> CellOrder:
        """The order that sends workers to a mode of this target."""
        snapshot = self._snapshot()
        framing, timing, reply = self.framing, False, self.reply
        if snapshot is not None:
            settings = snapshot.settings
            framing = self._known(settings, "framing", FRAMINGS)
            timing, reply = settings["timing"], _REPLIES[self._known(settings, "reply", _REPLIES)]
        return CellOrder(
            run_id=run_id,
            cell=cell,
            mode=mode,
            url=str(self.endpoint.at(self._port(snapshot, mode, "mode"))),
            framing=framing,
            timing=timing,
            reply=reply,
            traffic=traffic,
            warmup_s=warmup_s,
            seconds=seconds,
            seed=seed,
        )
