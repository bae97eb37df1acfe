"""`lockstep find` against a staircase and a bisection by hand, and its answers against what is known.

Each load by hand is a `lockstep compare` of as many repeats as `find` gives the two loads between which its
answer lies. Of simulated servers cells are counted instead, of all three, and the answers held against the
true limit: where the repeats differ, a bisection that looks once at each load goes astray.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from bench.by_hand import Gap, Holds, bisection, staircase
from bench.findings import Figure, Finding
from bench.lockstep_command import lockstep_compare, lockstep_find
from bench.processes import ToolError
from bench.ratio import Better, Ratio, ratios_in_turn
from bench.settings import Settings, say
from lockstep.analysis.limits import CONFIRMED, limits
from lockstep.analysis.metrics import METRICS
from lockstep.search import Search
from tests.factories.searched import line, searched

WITHIN = 0.05
# Turns of 5 ms, one after another: the slowest of N users waits N of them, whatever a message costs beside.
HOLD_MS, BOUND_MS = 5.0, 52.5
THEORY = math.floor(BOUND_MS / HOLD_MS)
WANTED_OFF_PER_CENT = 10.0
FLAGS = ("--modes", "ticket/message", "--scenario", "persistent", "--hold", f"{HOLD_MS:g}ms")
WINDOW = ("--seconds", "0.8", "--warmup", "0.2")
P99 = METRICS["response_p99"]
RIVALS = {"a staircase of 5%": staircase, "a bisection by hand": bisection}
FIND_TIMEOUT_S, CELL_TIMEOUT_S = 660.0, 60.0
# A turn takes three minutes.
TURNS = 2

SIMULATED = 100
SPREAD = 0.1
BOUND_US = 50_000.0
SEARCH = Search((f"response_p99 < {BOUND_US / 1_000:g}ms",), within=WITHIN)
WANTED_HELD = 90.0


@dataclass(frozen=True, slots=True)
class Answer:
    """low, high: the gap that was found. taken: seconds, or simulated cells."""

    low: float
    high: float
    taken: float

    def holds(self, limit: float) -> bool:
        """Whether the limit lies in it."""
        return self.low <= limit <= self.high


def compare(settings: Settings) -> Iterator[Finding]:
    """Real searches of a server whose limit is known, and simulated ones of servers of all kinds."""
    yield from _real(settings)
    yield from simulated()


def _real(settings: Settings) -> Iterator[Finding]:
    name = f"find, {THEORY} connections by theory"
    off: list[float] = []

    def found(turn: int) -> Answer:
        answer, value = _found()
        off.append(abs(value / THEORY - 1) * 100)
        say(f"find {turn + 1}: {answer.low:g} to {answer.high:g} in {answer.taken:.0f} s")
        return answer

    def by_hand(way: Callable[[float, Holds], Gap], turn: int) -> Answer:
        began_s = time.monotonic()
        gap = way(WITHIN, _holds)
        taken_s = time.monotonic() - began_s
        say(f"find {turn + 1}: {way.__name__}: {gap.low} to {gap.high} in {taken_s:.0f} s")
        return Answer(gap.low, gap.high, taken_s)

    def told(answers: list[list[Answer]]) -> list[Ratio]:
        ours, *others = ([answer.taken for answer in side] for side in answers)
        return [
            Ratio(f"{name}: its time / {rival}", "s", ours, theirs, 1.0, Better.LOWER)
            for rival, theirs in zip(RIVALS, others, strict=True)
        ]

    rivals = [partial(by_hand, way) for way in RIVALS.values()]
    yield from ratios_in_turn(
        [found, *rivals], replace(settings, pairs=min(TURNS, settings.pairs), until=None), told
    )
    yield Figure(f"{name}: its answer's distance from that", "%", off, WANTED_OFF_PER_CENT)


def _found() -> tuple[Answer, float]:
    """And which of the loads between is told as the limit. ToolError where none was found."""
    promise = f"response_p99 < {BOUND_MS:g}ms; failed <= 0"
    measured = lockstep_find([*FLAGS, *WINDOW, "--keep", promise, "--within", str(WITHIN)], FIND_TIMEOUT_S)
    (limit,) = limits(measured.run)
    if limit.low is None or limit.high is None or limit.value is None:
        raise ToolError(f"lockstep find found no limit: {limit.end}")
    return Answer(limit.low, limit.high, measured.seconds), limit.value


def _holds(load: int) -> bool:
    flags = [*FLAGS, *WINDOW, "--levels", str(load), "--repeats", str(CONFIRMED)]
    cells = lockstep_compare(flags, CONFIRMED * CELL_TIMEOUT_S).run.cells
    p99_us = [value for cell in cells if (value := P99.of(cell)) is not None]
    if not p99_us:
        raise ToolError(f"lockstep compare: no message was answered at {load} connections")
    return statistics.median(p99_us) < BOUND_MS * 1_000


def simulated(servers: int = SIMULATED) -> Iterator[Finding]:
    """Searches of so many servers whose limits are known, from a few connections to more than a thousand."""
    name = f"find, {servers} simulated servers, repeats spread by {SPREAD:.0%}"
    ways: dict[str, Callable[[int, float], Answer]] = {
        "its": _found_simulated,
        f"a staircase of 5%, {CONFIRMED} repeats": partial(_simulated_by_hand, staircase, CONFIRMED),
        f"a bisection by hand, {CONFIRMED} repeats": partial(_simulated_by_hand, bisection, CONFIRMED),
        "a bisection by hand, one look": partial(_simulated_by_hand, bisection, 1),
    }
    true = [_limit_of(seed) for seed in range(servers)]
    answers = {who: [way(seed, limit) for seed, limit in enumerate(true)] for who, way in ways.items()}
    ours, *rivals = ([answer.taken for answer in each] for each in answers.values())
    for rival, theirs in zip(list(ways)[1:], rivals, strict=True):
        yield Ratio(f"{name}: cells / {rival}", "cells", ours, theirs)
    for who, each in answers.items():
        held = sum(answer.holds(limit) for answer, limit in zip(each, true, strict=True))
        wanted = WANTED_HELD if each is answers["its"] else None
        yield Figure(f"{name}: {who}: limits held", "of 100", [100 * held / servers], wanted, Better.HIGHER)


def _limit_of(seed: int) -> float:
    return math.exp(random.Random(seed).uniform(math.log(3), math.log(1_500)))


def _found_simulated(seed: int, true: float) -> Answer:
    limit, cells = searched(SEARCH, line(true, BOUND_US), SPREAD, seed)
    return Answer(limit.low or 0.0, math.inf if limit.high is None else limit.high, len(cells))


def _simulated_by_hand(way: Callable[[float, Holds], Gap], repeats: int, seed: int, true: float) -> Answer:
    law, rng = line(true, BOUND_US), random.Random(seed)

    def holds(load: int) -> bool:
        seen = [law(load) * math.exp(rng.gauss(0, SPREAD)) for _ in range(repeats)]
        return statistics.median(seen) < BOUND_US

    gap = way(WITHIN, holds)
    return Answer(gap.low, gap.high, repeats * len(gap.tried))
