"""Searches on servers that are a law and some noise: what is found is known beforehand."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from lockstep.analysis.limits import Limit, look
from lockstep.analysis.trials import load_of
from lockstep.runs.measures import Edges
from lockstep.runs.records import Cell, Run
from lockstep.search import Search
from tests.factories.runs import health_of, make_cell, run_of

MAX_CELLS = 400
Law = Callable[[float], float]
"""Load -> p99 response time in microseconds."""


def line(limit: float, bound_us: float = 50_000.0, steepness: float = 1.0) -> Law:
    """A response time that grows as a power of the load, and is at the bound under this load."""
    return lambda load: bound_us * (load / limit) ** steepness


def measured(search: Search, load: float, p99_us: float, index: int = 0, mode: str = "lock") -> Cell:
    """A cell under this load whose slowest of a hundred took so long."""
    level = 16 if search.by_rate else round(load)
    rate = load if search.by_rate else None
    cell = make_cell(mode, level, p50_us=p99_us / 2, p99_us=p99_us, rate_per_s=rate)
    return replace(cell, index=index, arrival="closed" if rate is None else "poisson")


def of_a_busy_generator(cell: Cell) -> Cell:
    """The cell, had the generator been at its limit."""
    return replace(cell, health=[health_of("worker 1", cpu_share=0.97)])


def too_short(cell: Cell, wait_us: float) -> Cell:
    """The cell, had its window been too short for messages that take so long."""
    per_s = cell.level / wait_us * 1e6
    edges = Edges(0.3, 4, 3 * wait_us, needs_s=9.0, at_least=False)
    return replace(cell, times={}, edges=edges, messages_per_s=per_s, sessions_per_s=per_s / 5)


def searched(
    search: Search,
    law: Law,
    spread: float = 0.0,
    seed: int = 1,
    change: Callable[[Cell], Cell] = lambda cell: cell,
    disturbed: float = 0.0,
    mode: str = "lock",
) -> tuple[Limit, list[Cell]]:
    """A search to its end, and its cells. spread: of a repeat, as the deviation of its log.

    change: what else is so of a cell. disturbed: the part of the repeats that is slow by a factor besides.
    """
    rng = random.Random(seed)
    cells: list[Cell] = []
    limit = look(search, mode, cells)
    while limit.next is not None:
        assert len(cells) < MAX_CELLS, f"no end: {limit}"
        late = abs(rng.gauss(0, 1)) if rng.random() < disturbed else 0.0
        p99_us = law(limit.next) * math.exp(rng.gauss(0, spread) + late)
        cells.append(change(measured(search, limit.next, p99_us, len(cells), mode)))
        limit = look(search, mode, cells)
    return limit, cells


@dataclass(frozen=True, slots=True)
class Server:
    """One mode: its law, what else is so of its cells, and how much its repeats spread."""

    law: Law
    change: Callable[[Cell], Cell] = lambda cell: cell
    spread: float = 0.0


def searched_run(search: Search, servers: Mapping[str, Server]) -> Run:
    """A search of these modes, one after the other, as its folder has it."""
    cells = [
        cell
        for mode, server in servers.items()
        for cell in searched(search, server.law, server.spread, change=server.change, mode=mode)[1]
    ]
    plan = {"modes": list(servers), "levels": [1], "repeats": 1, "search": asdict(search)}
    return replace(run_of(cells, modes=list(servers)), plan=plan, command="lockstep find")


def loads(search: Search, cells: Sequence[Cell]) -> list[float]:
    """What was tried, in order."""
    return [load_of(search, cell) for cell in cells]
