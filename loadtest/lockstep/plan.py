"""What to run: modes x levels x repeats as cells, and the order in which they are walked. Arithmetic only."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lockstep.beside import Beside, parse_beside
from lockstep.errors import PlanError
from lockstep.search import MAX_USERS, WINDOW_S, Search
from lockstep.traffic import Arrival, Traffic, between, one_of, part_of, seconds_of

# Repeats have seeds of their own, which those of no other plan's seed meet. They have to fit 64 bits.
SEEDS_PER_PLAN = 10_000
MAX_SEED = 2**32 - 1
# With fewer no interval that may be looked at often is finite.
LEAST_UNTIL = 3


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One combination to measure: its place in the run, the mode's name, users at once, and which repeat.

    beside: whom it has beside its users, as the plan says it; "" where nobody. rate_per_s: what it is
    offered, and lengths_s: its warm-up and window in seconds, where that is not what the plan says of all.
    profiled: whether a profiler looks into its server, so that it is measured for nothing else.
    """

    index: int
    mode: str
    level: int
    repeat: int
    beside: str = ""
    rate_per_s: float | None = None
    lengths_s: tuple[float, float] | None = None
    profiled: bool = False

    def traffic(self, planned: Traffic) -> Traffic:
        """What its users do. planned: what the plan says of all cells."""
        if self.rate_per_s is None:
            return planned
        return replace(planned, arrival=Arrival(planned.arrival.kind, self.rate_per_s))

    @property
    def beside_users(self) -> int:
        """How many those are."""
        return Beside.parse(self.beside).users(self.level) if self.beside else 0


@dataclass(frozen=True, slots=True)
class Longer:
    """How long the cells of one mode at one level are, where they need more than the plan's others."""

    mode: str
    level: int
    warmup_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Until:
    """Repeats are added until all intervals of what headlines speak of are so narrow.

    within: how far they end from their ratio, as a part of it. most: how many repeats at most. at_most_s: and
    how long.
    """

    within: float
    most: int = 30
    at_most_s: float = 600.0

    def __post_init__(self) -> None:
        between("until", self.within, 0.001, 1)
        between("most", self.most, LEAST_UNTIL, 1000)
        between("at-most", self.at_most_s, 1, 86_400)

    @classmethod
    def from_settings(cls, given: Mapping[str, Any]) -> Until | None:
        """What settings, by their keys, say; None where repeats are fixed."""
        if not given.get("until"):
            return None
        within, at_most_s = part_of("until", given["until"]), seconds_of("at-most", given["at_most"])
        return cls(within, given["most"], at_most_s or 0.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """Modes x levels x repeats.

    seconds: a cell's measured window; warmup_s: what runs before it and is not counted. gates: what the run
    must keep to, as texts (analysis/gate_syntax.py reads them). file: the plan file that it came from.
    beside: idle or hostile users, as texts (beside.py reads them); with each of them every cell is measured
    once more, so that what they do shows against the cell without.
    baseline: the mode that others are compared with, None where what is known of them decides. longer: those
    cells that are longer than the others. search: what is looked for, where levels and repeats are not
    planned but come of what was measured. until: how sure it has to be, where `repeats` are the first only.
    restart: whether servers are started anew for each repeat. profile: whether each series has one more cell,
    in which a profiler looks into its server.
    """

    modes: tuple[str, ...] = ("free", "lock", "semaphore=4", "queue=1")
    levels: tuple[int, ...] = (1, 8, 32)
    repeats: int = 3
    seconds: float = 1.5
    warmup_s: float = 0.5
    seed: int = 1
    traffic: Traffic = field(default_factory=Traffic)
    gates: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    file: str | None = None
    baseline: str | None = None
    longer: tuple[Longer, ...] = ()
    search: Search | None = None
    until: Until | None = None
    restart: bool = False
    profile: bool = False

    def __post_init__(self) -> None:
        for name, values in (("modes", self.modes), ("levels", self.levels)):
            if not values:
                raise PlanError(name, "is empty: name at least one")
            if len(set(values)) != len(values):
                raise PlanError(
                    name, f"names one twice ({', '.join(map(str, values))}): repeats have their own setting"
                )
        for level in self.levels:
            between("levels", level, 1, MAX_USERS)
        between("repeats", self.repeats, 1, 1000)
        between("seconds", self.seconds, *WINDOW_S)
        between("warmup", self.warmup_s, 0, 3600)
        between("seed", self.seed, 0, MAX_SEED)
        if self.baseline is not None:
            one_of("baseline", self.baseline, self.modes)
        if self.search is not None:
            self._check_search()
        if self.until is not None:
            between("repeats", self.repeats, LEAST_UNTIL, self.until.most)
            if len(self.modes) < 2:
                raise PlanError("until", "has nothing to be sure of: name two modes or targets at least")
        if self.restart and self.repeats == 1 and self.search is None:
            raise PlanError(
                "restart", "does nothing in one repeat: give --repeats 2 or more, or leave it out"
            )

    def _check_search(self) -> None:
        """PlanError where something else is planned that a search has no use for."""
        traffic = self.traffic
        others = {
            "gate": self.gates,
            "beside": self.beside,
            "stages": traffic.stages,
            "rendezvous": traffic.rendezvous_s,
            "until": self.until,
        }
        for name, value in others.items():
            if value:
                raise PlanError(name, "does nothing where --keep looks for the greatest load: leave it out")
        if self.search is not None and (cell_s := self.warmup_s + self.seconds) > self.search.at_most_s:
            raise PlanError(
                "at-most",
                f"{self.search.at_most_s:g} s is less than one cell takes, {cell_s:g} s: raise it, or lower "
                "--seconds and --warmup",
            )
        if traffic.does.endless:
            raise PlanError(
                "scenario", f"{traffic.scenario} answers nothing, so nothing can be kept: choose another"
            )

    @classmethod
    def from_settings(
        cls, given: Mapping[str, Any], traffic: Traffic, gates: Sequence[str], search: Search | None = None
    ) -> Plan:
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
            search=search,
            until=Until.from_settings(given),
            restart=given.get("restart", False),
            profile=given.get("profile", False),
        )

    def cells(self, repeats: int | None = None) -> list[PlannedCell]:
        """Every cell in running order, of so many repeats where they are not the plan's.

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
        for repeat in range(1, (repeats or self.repeats) + 1):
            rng.shuffle(combinations)
            order += [(mode, level, repeat, beside) for mode, level, beside in combinations]
        return [PlannedCell(index, *each) for index, each in enumerate(order)]

    def lengths(self, mode: str, level: int) -> tuple[float, float]:
        """Warm-up and measured window of such a cell, in seconds."""
        own = [each for each in self.longer if (each.mode, each.level) == (mode, level)]
        return (own[0].warmup_s, own[0].seconds) if own else (self.warmup_s, self.seconds)

    @property
    def most_connections(self) -> int:
        """How many there are at once, at most."""
        beside = [Beside.parse(each) for each in self.beside]
        return max(level + max((each.users(level) for each in beside), default=0) for level in self.levels)

    @property
    def most_users(self) -> int:
        """More than this no cell has."""
        return max(self.levels) if self.search is None else MAX_USERS

    def load_s(self, within_s: float) -> float:
        """How long one of its modes is under load within so many seconds, at most; cells take turns."""
        cell_s = max(
            self.warmup_s + self.seconds, *(each.warmup_s + each.seconds for each in self.longer), 0.0
        )
        turns_s = within_s / len(self.modes) + (cell_s if len(self.modes) > 1 else 0.0)
        return min(within_s, turns_s, cell_s * len(self.levels) * self.repeats * (1 + len(self.beside)))

    def to_json(self) -> dict[str, Any]:
        """The plan as run.json keeps it."""
        document = asdict(self)
        unsaid = [name for name in ("longer", "restart", "profile") if not document[name]]
        return {name: value for name, value in document.items() if name not in unsaid}


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
