"""What `lockstep find` looks for, the greatest load at which a promise holds: values, arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockstep.errors import PlanError
from lockstep.traffic import (
    CLOSED,
    HIGHEST_RATE_PER_S,
    LOWEST_RATE_PER_S,
    between,
    one_of,
    part_of,
    seconds_of,
)

USERS, RATE = "users", "rate"
"""What a load is: so many connections, or so many arrivals a second."""
SEARCHED = (USERS, RATE)
MAX_USERS = 100_000
# Up to where nobody asked for more: beyond it a generator on one machine is measured, not a server.
USUAL_UP_TO = {USERS: 10_000.0, RATE: 100_000.0}
# A cell of fewer arrivals tells little of a percentile.
LEAST_ARRIVALS = 30
# How long a cell may be measured, in seconds.
WINDOW_S = (0.1, 86_400)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a mode's server tells beforehand: by it a search's cells are as long as their load asks for.

    session_s: how long a session holds its permit. permits: how many do at once. warmup, seconds: which of
    the two nobody set.
    """

    mode: str
    session_s: float
    permits: int
    warmup: bool
    seconds: bool


@dataclass(frozen=True, slots=True)
class Search:
    """keep: the promise, as texts (analysis/gate_syntax.py reads them). by: what a load is, one of SEARCHED.

    within: how near the greatest load that holds and the least that breaks have to come, as a part of it.
    start, up_to: the first load, and the greatest. at_most_s: what it may take. at_least: the load that has
    to hold for all to be well; None where none has. capped: why no more than up_to can be tried, where
    something else says so than who asked. fits: of the modes whose cells are longer than the plan's where
    their load asks for it.
    """

    keep: tuple[str, ...]
    by: str = USERS
    within: float = 0.05
    start: float = 1.0
    up_to: float = USUAL_UP_TO[USERS]
    at_most_s: float = 600.0
    at_least: float | None = None
    capped: str = ""
    fits: tuple[Fit, ...] = ()

    def __post_init__(self) -> None:
        one_of("search", self.by, SEARCHED)
        if not self.keep:
            raise PlanError("keep", 'is empty: say what has to hold, for example "response_p99 < 50ms"')
        between("within", self.within, 0.01, 1)
        between("up-to", self.up_to, *self._bounds)
        between("start", self.start, *self._bounds)
        between("at-most", self.at_most_s, 1, 86_400)
        if self.at_least is not None:
            between("at-least", self.at_least, self.least, self.up_to)

    @classmethod
    def from_settings(cls, given: Mapping[str, Any], keep: Sequence[str], seconds: float) -> Search:
        """What settings, by their keys, say. seconds: a cell's window. PlanError names what is wrong."""
        by = given["search"]
        one_of("search", by, SEARCHED)
        between("seconds", seconds, *WINDOW_S)
        up_to = USUAL_UP_TO[by] if given["up_to"] is None else given["up_to"]
        if by == USERS:
            up_to = float(math.floor(up_to))
        start = 1.0 if by == USERS else min(float(math.ceil(LEAST_ARRIVALS / seconds)), up_to)
        return cls(
            keep=tuple(keep),
            by=by,
            within=part_of("within", given["within"]),
            start=start,
            up_to=up_to,
            at_most_s=seconds_of("at-most", given["at_most"]) or 0.0,
            at_least=given["at_least"],
        )

    @property
    def by_rate(self) -> bool:
        """Whether a load is a rate."""
        return self.by == RATE

    @property
    def least(self) -> float:
        """The least load that is tried: of a rate one that still brings some arrivals to a cell."""
        return max(self._bounds[0], self.start / 8) if self.by_rate else 1.0

    @property
    def _bounds(self) -> tuple[float, float]:
        return (LOWEST_RATE_PER_S, HIGHEST_RATE_PER_S) if self.by_rate else (1.0, MAX_USERS)

    def near(self, low: float, high: float) -> bool:
        """Whether nothing that is worth a try lies between two loads."""
        return high <= low * (1 + self.within) or (not self.by_rate and high - low <= 1)

    def between(self, low: float, high: float) -> float | None:
        """The load in the geometric middle; None where the two are near."""
        if self.near(low, high):
            return None
        middle = math.sqrt(low * high)
        return self.rounded(middle) if self.by_rate else min(max(round(middle), low + 1), high - 1)

    def greater(self, load: float) -> float:
        """Twice as much, as far as it goes."""
        return min(2 * load, self.up_to)

    def smaller(self, load: float) -> float:
        """Half as much, as far as it goes."""
        half = load / 2
        return max(self.rounded(half) if self.by_rate else float(math.ceil(half)), self.least)

    @staticmethod
    def rounded(rate_per_s: float) -> float:
        """A rate with three digits: nobody has to read more."""
        return float(f"{rate_per_s:.3g}")

    def users(self, load: float, longest_us: float | None, steps: int) -> int:
        """How many users a load needs. steps: what an iteration consists of, a message and the like.

        Of a rate it is twice as many as would be busy if every step took as long as the promise allows
        (longest_us, None where it bounds no time). Where they are not enough, iterations take longer by
        Little's law (1961), and the promise is broken: no user that lacks can be what broke it.
        """
        if not self.by_rate:
            return round(load)
        busy = load * steps * (longest_us or 0.0) / 1e6
        return min(max(math.ceil(2 * busy), 16), MAX_USERS)


def arrival_of(kind: str, by: str) -> str:
    """How iterations begin in a search: by a rate they arrive, at random unless it is said how."""
    if by != RATE:
        if kind != CLOSED:
            raise PlanError("arrival", f"{kind} is a rate's: add --search {RATE}, or leave it out")
        return CLOSED
    return "poisson" if kind == CLOSED else kind
