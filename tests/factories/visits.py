"""Visits to a simulated server: who came when, and got and gave back a permit when."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass

from tests.factories.units import MS, US

PERMITS = {"free": None, "lock": 1, "semaphore=4": 4, "queue=1": 1, "iterative": 1, "ticket": 1}


@dataclass(frozen=True, slots=True)
class Workload:
    """What every simulated connection does. seconds: the simulated length of a cell."""

    messages: int = 5
    hold_ns: int = 2 * MS
    seconds: float = 0.4
    payload_bytes: int = 64


@dataclass(frozen=True, slots=True)
class Visit:
    """One simulated connection: when it came, when it got and gave back its permit, and whose it was."""

    connect_ns: int
    arrival_ns: int
    admission_ns: int
    release_ns: int
    user: int | None = None


def simulate(mode: str, level: int, workload: Workload, rng: random.Random) -> list[Visit]:
    """`level` users that connect, are served, leave and come back at once, until the cell is over."""
    permits = PERMITS[mode] or level
    end_ns = round(workload.seconds * 1_000 * MS)
    arriving = [(rng.randrange(200 * US, 500 * US), user) for user in range(level)]
    heapq.heapify(arriving)
    free_at = [0] * permits
    visits: list[Visit] = []
    while arriving:
        arrival_ns, user = heapq.heappop(arriving)
        if arrival_ns >= end_ns:
            continue
        connect_ns = arrival_ns - rng.randrange(60 * US, 180 * US)
        admission_ns = max(heapq.heappop(free_at), arrival_ns) + rng.randrange(15 * US, 60 * US)
        overhead_ns = 90 * US + (level * 150 * US if permits == level else 0)
        service_ns = workload.messages * (workload.hold_ns + overhead_ns + rng.randrange(400 * US))
        release_ns = admission_ns + service_ns
        heapq.heappush(free_at, release_ns)
        heapq.heappush(arriving, (release_ns + rng.randrange(260 * US, 580 * US), user))
        visits.append(Visit(connect_ns, arrival_ns, admission_ns, release_ns, user))
    return [visit for visit in visits if visit.admission_ns < end_ns]
