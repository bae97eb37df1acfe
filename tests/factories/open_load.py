"""A run under open load: Poisson arrivals, one message a connection, made by the same small simulation."""

from __future__ import annotations

import functools
import heapq
import random
from collections.abc import Sequence
from dataclasses import asdict, replace

from lockstep.analysis.limits import look
from lockstep.measure import littles_law
from lockstep.measure.queueing import predict_wait
from lockstep.runs.histograms import of_values
from lockstep.runs.records import Cell, Run
from lockstep.search import RATE, Search
from tests.factories.simulated import cell_of_visits, counted, server_record, simulated_run
from tests.factories.units import MS, US
from tests.factories.visits import PERMITS, Visit, Workload

USERS = 64
WORKLOAD = Workload(messages=1, seconds=4.0)


def visit_openly(mode: str, rate_per_s: float, workload: Workload, rng: random.Random) -> list[Visit]:
    """Visits that come by themselves, `rate_per_s` of them a second, and are served in order of arrival."""
    free_at = [0] * (PERMITS[mode] or USERS)
    arrival_ns = 0
    visits = []
    while arrival_ns < workload.seconds * 1_000 * MS:
        arrival_ns += round(rng.expovariate(rate_per_s) * 1_000 * MS)
        taken_until_ns = heapq.heappop(free_at)
        handoff_ns, idle_start_ns = rng.randrange(60 * US, 110 * US), rng.randrange(90 * US, 160 * US)
        waits = taken_until_ns >= arrival_ns
        admission_ns = taken_until_ns + handoff_ns if waits else arrival_ns + idle_start_ns
        release_ns = admission_ns + workload.hold_ns + rng.randrange(300 * US)
        heapq.heappush(free_at, release_ns)
        visits.append(Visit(arrival_ns - 120 * US, arrival_ns, admission_ns, release_ns))
    return visits


@functools.cache
def simulated_open_run(
    modes: Sequence[str] = ("lock", "semaphore=4", "queue=1"), repeats: int = 3, seed: int = 1
) -> Run:
    """Modes at two rates each, which keep their permits busy for 0.5 and 0.8 of the time."""
    rng = random.Random(seed)
    cells: list[Cell] = []
    for repeat in range(1, repeats + 1):
        for mode in modes:
            for utilisation in (0.5, 0.8):
                rate_per_s = round(utilisation * (PERMITS[mode] or 1) / 0.00224, 0)
                visits = visit_openly(mode, rate_per_s, WORKLOAD, rng)
                cells.append(open_cell(len(cells), mode, repeat, rate_per_s, visits))
    base, _ = simulated_run(modes=modes, levels=(USERS,), repeats=1)
    return replace(base, run_id="20260131-111500-open", plan={"modes": list(modes)}, cells=cells)


def open_cell(
    index: int,
    mode: str,
    repeat: int,
    rate_per_s: float,
    visits: Sequence[Visit],
    workload: Workload = WORKLOAD,
) -> Cell:
    """The cell that these visits would have made, had each been due a little before it was sent."""
    cell = cell_of_visits(index, mode, USERS, repeat, workload, visits)
    assert cell.server is not None
    lags_ns = [120 * US + 10 * US * (number % 9) for number in range(len(visits))]
    responses_ns = [
        visit.release_ns - visit.connect_ns + lag for visit, lag in zip(visits, lags_ns, strict=True)
    ]
    predicted = predict_wait([server_record(visit, 1) for visit in visits], PERMITS[mode], poisson=True)
    opened = replace(
        cell,
        arrival="poisson",
        rate_per_s=rate_per_s,
        late=2,
        times=cell.times | counted(response=of_values(responses_ns), send_lag=of_values(lags_ns)),
        server=replace(cell.server, wait_prediction=predicted),
    )
    stays_ns = sum(visit.release_ns - visit.connect_ns for visit in visits)
    in_flight = stays_ns / (workload.seconds * 1_000 * MS)
    return replace(opened, littles_law=littles_law.at_the_client(opened, in_flight))


@functools.cache
def searched_rate_run(mode: str, keep: str, seed: int = 1) -> Run:
    """A search by rate to its end, of arrivals at random that are held for 10 ms, in cells of 8 s."""
    search = Search((keep,), by=RATE, start=20, up_to=10_000)
    workload = Workload(messages=1, hold_ns=10 * MS, seconds=8.0)
    rng = random.Random(seed)
    cells: list[Cell] = []
    limit = look(search, mode, cells)
    while limit.next is not None:
        visits = visit_openly(mode, limit.next, workload, rng)
        cells.append(open_cell(len(cells), mode, 1, limit.next, visits, workload))
        limit = look(search, mode, cells)
    plan = {"modes": [mode], "levels": [1], "repeats": 1, "warmup_s": 0.0, "search": asdict(search)}
    base, _ = simulated_run(modes=(mode,), levels=(USERS,), repeats=1)
    return replace(base, run_id="20260131-112500-find", plan=plan, cells=cells)
