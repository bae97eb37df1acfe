"""What users do and when they begin it: values, and what cannot be. Arithmetic only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from lockstep.errors import PlanError
from lockstep.scenario import OF_A_FILE, SCENARIOS, Scenario, keeps_connection
from lockstep.stages import Stages
from lockstep_wire.choices import did_you_mean
from lockstep_wire.units import parse_duration_ns

CLIENT_MODES = ("free", "locked")
LOWEST_RATE_PER_S = 0.001
HIGHEST_RATE_PER_S = 1_000_000
MAX_PAYLOAD = 1 << 20
CLOSED = "closed"
# When iterations of an open load are due is a schedule in worker/arrivals.py.
OPEN_ARRIVALS = ("constant", "poisson")
ARRIVALS = (CLOSED, *OPEN_ARRIVALS)


def one_of(what: str, value: str, choices: Iterable[str]) -> None:
    """PlanError, with what may have been meant, where a value is none of the choices."""
    if value not in choices:
        raise PlanError(what, f"{value!r} is unknown: {did_you_mean(value, choices)}")


def between(what: str, value: float, low: float, high: float) -> None:
    """PlanError where a value is below `low` or above `high`."""
    if not low <= value <= high:
        raise PlanError(what, f"{_shown(value)} is out of range: give {low:.10g} to {high:.10g}")


def _shown(value: float) -> str:
    """A number in a line: whole numbers may have any number of digits, more than a float can hold."""
    text = str(value) if isinstance(value, int) else f"{value:.10g}"
    return text if len(text) <= 25 else f"{text[:10]}... of {len(text)} digits"


@dataclass(frozen=True, slots=True)
class Arrival:
    """When iterations begin: `closed`, as soon as a user is free, or by one of OPEN_ARRIVALS.

    Those are open: at rate_per_s over all workers together, whatever the users do.
    """

    kind: str = CLOSED
    rate_per_s: float | None = None

    def __post_init__(self) -> None:
        one_of("arrival", self.kind, ARRIVALS)
        if not self.open:
            if self.rate_per_s is not None:
                raise PlanError(
                    "rate",
                    f"{self.rate_per_s:g} does nothing with --arrival closed, where users begin as soon as "
                    f"they are free: leave it out, or choose --arrival {' or '.join(OPEN_ARRIVALS)}",
                )
        elif self.rate_per_s is None:
            raise PlanError(
                "rate",
                f"is missing: --arrival {self.kind} needs iterations per second, for example --rate 100",
            )
        else:
            between("rate", self.rate_per_s, LOWEST_RATE_PER_S, HIGHEST_RATE_PER_S)

    @property
    def open(self) -> bool:
        """Whether iterations begin by a schedule, whatever the users do."""
        return self.kind != CLOSED

    @property
    def name(self) -> str:
        """What cells and series call it: where it and the rate are the same, the load is."""
        return self.kind

    @property
    def poisson(self) -> bool:
        """Whether gaps are exponential and independent, as formulas of the mean wait take them to be."""
        return self.kind == "poisson"


@dataclass(frozen=True, slots=True)
class UserFile:
    """A user's own file of what users do: classes of TcpUser (`.py`), or a dialogue (`.toml`).

    path: absolute, the same on every machine that carries load. digest: of its text, and of the files that
    it names. tags, without_tags: of the tasks of its classes, those that are run, all where there are none.
    """

    path: str
    digest: str
    tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()

    @property
    def is_dialogue(self) -> bool:
        """Whether it is a dialogue, not Python."""
        return PurePath(self.path).suffix == ".toml"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What users do. messages: on each connection. payload_bytes: size of one message's payload.

    depth: how many messages are in flight on a connection, where the scenario is `pipelined`.
    arrival: when their iterations begin. sources: local IP addresses from which they connect in turn; none
    leaves it to the system. user_file: where what they do is a user's own. stages: how users, or the rate of
    an open load, change in a cell, as a text (stages.py reads it); "" where they do not. rendezvous_s: before
    each iteration all users of all workers wait for each other, so long at most; None where nobody waits.
    heartbeat: how often a connection is asked beside its messages whether the peer is there, and with what,
    as `1s` or `1s:PING`.
    """

    scenario: str = "session"
    client_mode: str = "free"
    messages: int = 5
    payload_bytes: int = 64
    arrival: Arrival = Arrival()
    sources: tuple[str, ...] = ()
    depth: int = 8
    user_file: UserFile | None = None
    stages: str = ""
    rendezvous_s: float | None = None
    heartbeat: str = ""

    @property
    def heartbeats(self) -> tuple[float, bytes] | None:
        """How often one is sent, in seconds, and its payload; None where none is."""
        every, _, text = self.heartbeat.partition(":")
        seconds = seconds_of("heartbeat", every)
        return None if seconds is None else (seconds, (text or "ping").encode())

    @property
    def changing(self) -> Stages | None:
        """How the load changes: the rate where arrivals are open, else the number of users; None if not."""
        return Stages.parse(self.stages) if self.stages else None

    @property
    def unpaced(self) -> bool:
        """Whether each iteration is due as soon as its user's last one is over, whatever others do."""
        waits = self.arrival.open or self.rendezvous_s is not None or self.client_mode == "locked"
        return not (waits or self.stages or self.heartbeat)

    @property
    def does(self) -> Scenario:
        """What is known of its scenario."""
        return SCENARIOS[self.scenario]

    @property
    def keeps_connection(self) -> bool:
        """Whether connections stay open."""
        return keeps_connection(self.scenario)

    @property
    def messages_per_iteration(self) -> int:
        """How many messages one iteration sends, where none fails."""
        fixed = SCENARIOS[self.scenario].messages
        return self.messages if fixed is None else fixed

    def __post_init__(self) -> None:
        one_of("scenario", self.scenario, SCENARIOS)
        one_of("client-mode", self.client_mode, CLIENT_MODES)
        between("messages", self.messages, 1, 1_000_000)
        between("payload", self.payload_bytes, 1, MAX_PAYLOAD)
        between("depth", self.depth, 1, 10_000)
        if self.does.endless and self.arrival.open:
            raise PlanError(
                "arrival",
                f"{self.arrival.kind} does nothing with --scenario {self.scenario}, whose users never "
                "stop for an arrival: leave it at closed",
            )
        if self.does.endless and self.client_mode == "locked":
            raise PlanError(
                "client-mode",
                f"locked lets one session at a time run, and one of --scenario {self.scenario} lasts as "
                "long as the cell: leave it at free",
            )
        if self.stages and self.does.endless:
            raise PlanError(
                "stages",
                f"do nothing with --scenario {self.scenario}, whose users go on as long as the cell: leave "
                "them out",
            )
        if (beats := self.heartbeats) is not None:
            between("heartbeat", beats[0], 0.001, 3600)
            if not self.does.room_for_heartbeats:
                fits = " or ".join(name for name, each in SCENARIOS.items() if each.room_for_heartbeats)
                raise PlanError(
                    "heartbeat",
                    f"{self.heartbeat!r} has no place between the messages of {self.scenario}: choose "
                    f"--scenario {fits}",
                )
        if self.rendezvous_s is not None:
            between("rendezvous", self.rendezvous_s, 0.001, 3600)
            other = self.arrival.open or self.stages or self.does.endless or self.client_mode == "locked"
            if other:
                raise PlanError(
                    "rendezvous",
                    f"{self.rendezvous_s:g} s asks all users to begin at once, and these do not: leave out "
                    "--arrival, --stages and --client-mode, and choose a scenario that has iterations",
                )
        if self.arrival.open and self.client_mode == "locked":
            raise PlanError(
                "client-mode",
                "locked makes users wait for each other, so nothing arrives by a rate: "
                "leave it at free, or use --arrival closed",
            )

    @classmethod
    def from_settings(cls, given: Mapping[str, Any], sources: tuple[str, ...]) -> Traffic:
        """What settings, by their keys, say. PlanError names the one that is wrong.

        `user_file` among them is a UserFile, where there is one.
        """
        user_file, stages = given.get("user_file"), given.get("stages") or ""
        return cls(
            scenario=given["scenario"] if user_file is None else OF_A_FILE,
            client_mode=given["client_mode"],
            messages=given["messages"],
            payload_bytes=given["payload"],
            arrival=_arrival(given["arrival"], given["rate"], stages),
            sources=sources,
            user_file=user_file,
            depth=given["depth"],
            stages=stages,
            heartbeat=given.get("heartbeat") or "",
            rendezvous_s=seconds_of("rendezvous", given.get("rendezvous") or ""),
        )


def seconds_of(setting: str, text: str) -> float | None:
    """A duration in seconds; None where none is given."""
    if not text:
        return None
    try:
        return parse_duration_ns(text) / 1e9
    except ValueError as wrong:
        raise PlanError(setting, f"{text!r} {wrong}") from None


def part_of(setting: str, text: str) -> float:
    """`5%` or `0.05`."""
    number, sign = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        return float(number) / (100 if sign else 1)
    except ValueError:
        raise PlanError(setting, f"{text!r} is not a part: write for example 5%") from None


def _arrival(kind: str, rate_per_s: float | None, stages: str) -> Arrival:
    """When iterations begin. Of stages the rate is the mean."""
    if not stages or kind == CLOSED:
        return Arrival(kind, rate_per_s)
    if rate_per_s is not None:
        raise PlanError(
            "rate", f"{rate_per_s:g} and --stages both say how many arrive: leave one of them out"
        )
    return Arrival(kind, Stages.parse(stages).mean)
