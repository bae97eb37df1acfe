"""What to run: modes x levels x repeats as cells, and the order in which they are walked. Arithmetic only."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from lockstep.beside import Beside, parse_beside
from lockstep.errors import PlanError
from lockstep.scenario import OF_A_FILE, SCENARIOS, Scenario, keeps_connection
from lockstep.stages import Stages
from lockstep_wire.choices import did_you_mean
from lockstep_wire.units import parse_duration_ns

CLIENT_MODES = ("free", "locked")
LOWEST_RATE_PER_S = 0.001
HIGHEST_RATE_PER_S = 1_000_000
MAX_PAYLOAD = 1 << 20
MAX_USERS = 100_000
# Repeats have seeds of their own, which those of no other plan's seed meet. They have to fit 64 bits.
SEEDS_PER_PLAN = 10_000
MAX_SEED = 2**32 - 1


CLOSED = "closed"
# When iterations of an open load are due is a schedule in worker/arrivals.py.
OPEN_ARRIVALS = ("constant", "poisson")
ARRIVALS = (CLOSED, *OPEN_ARRIVALS)


def _one_of(what: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        raise PlanError(what, f"{value!r} is unknown: {did_you_mean(value, choices)}")


def _between(what: str, value: float, low: float, high: float) -> None:
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
        _one_of("arrival", self.kind, ARRIVALS)
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
            _between("rate", self.rate_per_s, LOWEST_RATE_PER_S, HIGHEST_RATE_PER_S)

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

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> UserFile:
        """Back from what dataclasses.asdict made of one."""
        tags = {name: tuple(document[name]) for name in ("tags", "without_tags")}
        return cls(**{**document, **tags})

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
        seconds = _seconds_of("heartbeat", every)
        return None if seconds is None else (seconds, (text or "ping").encode())

    @property
    def changing(self) -> Stages | None:
        """How the load changes: the rate where arrivals are open, else the number of users; None if not."""
        return Stages.parse(self.stages) if self.stages else None

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
        _one_of("scenario", self.scenario, SCENARIOS)
        _one_of("client-mode", self.client_mode, CLIENT_MODES)
        _between("messages", self.messages, 1, 1_000_000)
        _between("payload", self.payload_bytes, 1, MAX_PAYLOAD)
        _between("depth", self.depth, 1, 10_000)
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
            _between("heartbeat", beats[0], 0.001, 3600)
            if not self.does.room_for_heartbeats:
                fits = " or ".join(name for name, each in SCENARIOS.items() if each.room_for_heartbeats)
                raise PlanError(
                    "heartbeat",
                    f"{self.heartbeat!r} has no place between the messages of {self.scenario}: choose "
                    f"--scenario {fits}",
                )
        if self.rendezvous_s is not None:
            _between("rendezvous", self.rendezvous_s, 0.001, 3600)
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
            rendezvous_s=_seconds_of("rendezvous", given.get("rendezvous") or ""),
        )

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Traffic:
        """Back from what dataclasses.asdict made of one."""
        read = {"arrival": Arrival(**document["arrival"]), "sources": tuple(document["sources"])}
        if (file := document.get("user_file")) is not None:
            read["user_file"] = UserFile.from_json(file)
        return cls(**{**document, **read})


def _seconds_of(setting: str, text: str) -> float | None:
    """A duration in seconds; None where none is given."""
    if not text:
        return None
    try:
        return parse_duration_ns(text) / 1e9
    except ValueError as wrong:
        raise PlanError(setting, f"{text!r} {wrong}") from None


def _arrival(kind: str, rate_per_s: float | None, stages: str) -> Arrival:
    """When iterations begin. Of stages the rate is the mean."""
    if not stages or kind == CLOSED:
        return Arrival(kind, rate_per_s)
    if rate_per_s is not None:
        raise PlanError(
            "rate", f"{rate_per_s:g} and --stages both say how many arrive: leave one of them out"
        )
    return Arrival(kind, Stages.parse(stages).mean)


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One combination to measure: its place in the run, the mode's name, users at once, and which repeat.

    beside: whom it has beside its users, as the plan says it; "" where nobody.
    """

    index: int
    mode: str
    level: int
    repeat: int
    beside: str = ""

    @property
    def beside_users(self) -> int:
        """How many those are."""
        return Beside.parse(self.beside).users(self.level) if self.beside else 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Modes x levels x repeats.

    seconds: a cell's measured window; warmup_s: what runs before it and is not counted. gates: what the run
    must keep to, as texts (analysis/gate_syntax.py reads them). file: the plan file that it came from.
    beside: idle or hostile users, as texts (beside.py reads them); with each of them every cell is measured
    once more, so that what they do shows against the cell without.
    baseline: the mode that others are compared with, None where what is known of them decides.
    """

    modes: tuple[str, ...] = ("free", "lock", "semaphore=4", "queue=1")
    levels: tuple[int, ...] = (1, 8, 32)
    repeats: int = 3
    seconds: float = 1.5
    warmup_s: float = 0.5
    seed: int = 1
    traffic: Traffic = Traffic()
    gates: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    file: str | None = None
    baseline: str | None = None

    def __post_init__(self) -> None:
        for name, values in (("modes", self.modes), ("levels", self.levels)):
            if not values:
                raise PlanError(name, "is empty: name at least one")
            if len(set(values)) != len(values):
                raise PlanError(
                    name, f"names one twice ({', '.join(map(str, values))}): repeats have their own setting"
                )
        for level in self.levels:
            _between("levels", level, 1, MAX_USERS)
        _between("repeats", self.repeats, 1, 1000)
        _between("seconds", self.seconds, 0.1, 86_400)
        _between("warmup", self.warmup_s, 0, 3600)
        _between("seed", self.seed, 0, MAX_SEED)
        if self.baseline is not None:
            _one_of("baseline", self.baseline, self.modes)

    @classmethod
    def from_settings(cls, given: Mapping[str, Any], traffic: Traffic, gates: Sequence[str]) -> Plan:
        """What settings, by their keys, say. PlanError names the one that is wrong."""
        levels, seconds = parse_levels(given["levels"]), given["seconds"]
        if (changing := traffic.changing) is not None:
            # How long they last, and how many users there are at most, the stages say.
            seconds = changing.seconds
            levels = levels if traffic.arrival.open else (math.ceil(changing.peak),)
        return cls(
            modes=parse_modes(given["modes"]),
            levels=levels,
            repeats=given["repeats"],
            seconds=seconds,
            warmup_s=given["warmup"],
            seed=given["seed"],
            traffic=traffic,
            gates=tuple(gates),
            beside=parse_beside(given.get("beside") or ""),
            file=str(given["plan"]) if given["plan"] else None,
            baseline=given.get("baseline") or None,
        )

    def cells(self) -> list[PlannedCell]:
        """Every cell in running order.

        Repeat by repeat, shuffled within each by the seed, so that no mode runs all of its cells first.
        """
        rng = random.Random(self.seed)
        combinations = [
            (mode, level, beside)
            for level in self.levels
            for mode in self.modes
            for beside in ("", *self.beside)
        ]
        order = []
        for repeat in range(1, self.repeats + 1):
            rng.shuffle(combinations)
            order += [(mode, level, repeat, beside) for mode, level, beside in combinations]
        return [PlannedCell(index, *each) for index, each in enumerate(order)]

    @property
    def most_connections(self) -> int:
        """How many there are at once, at most."""
        beside = [Beside.parse(each) for each in self.beside]
        return max(level + max((each.users(level) for each in beside), default=0) for level in self.levels)

    def load_s(self, within_s: float) -> float:
        """How long one of its modes is under load within so many seconds, at most; cells take turns."""
        cell_s = self.warmup_s + self.seconds
        turns_s = within_s / len(self.modes) + (cell_s if len(self.modes) > 1 else 0.0)
        return min(within_s, turns_s, cell_s * len(self.levels) * self.repeats * (1 + len(self.beside)))

    def to_json(self) -> dict[str, Any]:
        """The plan as run.json keeps it."""
        return asdict(self)


def parse_modes(text: str) -> tuple[str, ...]:
    """`free,lock semaphore=4` -> the modes' names; commas and blanks both separate."""
    return tuple(text.replace(",", " ").split())


def parse_levels(text: str) -> tuple[int, ...]:
    """`1,8,32` -> users at once, one number a level."""
    words = text.replace(",", " ").split()
    try:
        return tuple(int(word) for word in words)
    except ValueError:
        raise PlanError(
            "levels", f"{text!r} is not a list of whole numbers: write for example 1,8,32"
        ) from None
