"""A run as a real one would look, made by a small simulation instead of sockets."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from dataclasses import replace

from lockstep.measure import littles_law, queueing
from lockstep.measure.connections import Sojourns, count_inversions, in_service_steps, measure_fairness
from lockstep.measure.queueing import predict_wait
from lockstep.runs.connections import ClientView, Connection, ServerRecord
from lockstep.runs.histograms import of_values
from lockstep.runs.measures import Distribution, Occupancy
from lockstep.runs.records import Cell, Messages, Run, ServerCell
from tests.factories.runs import HOST, SERVER, agreed, health_of, modes_named
from tests.factories.units import MS, US
from tests.factories.visits import PERMITS, Visit, Workload, simulate


def cell_of_visits(
    index: int, mode: str, level: int, repeat: int, workload: Workload, visits: Sequence[Visit]
) -> Cell:
    """The cell that a run with these visits would have measured."""
    messages = workload.messages
    network_ns = 130 * US
    service_ns = [(visit.release_ns - visit.admission_ns) // messages for visit in visits]
    first_wait_ns = [visit.admission_ns - visit.arrival_ns for visit in visits]
    later_wait_ns = [0] * (len(visits) * (messages - 1))
    first_ns = [wait + service + network_ns for wait, service in zip(first_wait_ns, service_ns, strict=True)]
    later_ns = [service + network_ns for service in service_ns for _ in range(messages - 1)]
    answered = len(visits) * messages
    records = [server_record(visit, messages) for visit in visits]
    found = queueing.times_of(records, PERMITS[mode])
    stays = Sojourns.of(records)
    cell = Cell(
        index=index,
        mode=mode,
        level=level,
        repeat=repeat,
        client_mode="free",
        messages_per_connection=messages,
        payload_bytes=workload.payload_bytes,
        seconds=workload.seconds,
        sessions_per_s=len(visits) / workload.seconds,
        messages_per_s=answered / workload.seconds,
        sessions=len(visits),
        messages=Messages(sent=answered, answered=answered),
        ledger=agreed(answered, workload.payload_bytes),
        workers_expected=2,
        workers_reported=2,
        times=counted(
            connect=of_values(visit.arrival_ns - visit.connect_ns for visit in visits),
            first_reply=of_values(first_ns),
            response=of_values(first_ns + later_ns),
            wait=of_values(first_wait_ns + later_wait_ns),
            service=of_values(service_ns * messages),
            network=of_values([network_ns] * answered),
            close=of_values([40 * US] * len(visits)),
            session=of_values(visit.release_ns - visit.connect_ns for visit in visits),
            round_trip=of_values(first_ns + later_ns),
            send_lag=of_values([300 * US] * len(visits)),
        ),
        health=[health_of("worker-1", 0.31), health_of("worker-2", 0.28)],
        server=ServerCell(
            accepted=len(visits),
            received=answered,
            answered=answered,
            bytes_received=answered * workload.payload_bytes,
            bytes_sent=answered * workload.payload_bytes,
            max_in_service=max(step.in_service for step in in_service_steps(records)),
            max_waiting=max(0, level - (PERMITS[mode] or level)),
            inversions=count_inversions(stays),
            holders=len(visits),
            times=found,
            listen_overflows=0,
            littles_law=server_law(records),
            wait_prediction=predict_wait(records, PERMITS[mode], poisson=False),
            fairness=measure_fairness(stays, by_user(visits, records), round(workload.seconds * 250 * MS)),
        ),
    )
    return replace(cell, littles_law=littles_law.at_the_client(cell))


def counted(**times: Distribution | None) -> dict[str, Distribution]:
    """Those of the times of which there are any."""
    return {name: time for name, time in times.items() if time is not None}


def by_user(visits: Sequence[Visit], records: Sequence[ServerRecord]) -> dict[str, list[ServerRecord]]:
    """Each user's connections, in order."""
    known: dict[str, list[ServerRecord]] = {}
    for visit, record in zip(visits, records, strict=True):
        if visit.user is not None:
            known.setdefault(f"worker-1/{visit.user}", []).append(record)
    return known


def server_law(records: Sequence[ServerRecord]) -> Occupancy | None:
    """What the server's counters say of these connections, from the first arrival to the last release."""
    holds = [
        record.release_ns - record.admission_ns
        for record in records
        if record.admission_ns is not None and record.release_ns is not None
    ]
    ends = [record.release_ns for record in records if record.release_ns is not None]
    if not holds:
        return None
    elapsed_ns = max(ends) - min(record.arrival_ns for record in records)
    return littles_law.at_the_server(sum(holds), elapsed_ns, len(holds), sum(holds) / len(holds) / US)


def server_record(visit: Visit, messages: int = 5) -> ServerRecord:
    """The visit as the server would have recorded it."""
    return ServerRecord(
        visit.arrival_ns, visit.admission_ns, visit.release_ns, visit.release_ns, "peer", messages
    )


def connection_of_visit(cell: int, mode: str, number: int, visit: Visit, messages: int) -> Connection:
    """The visit in both views, on one clock."""
    connected_ns = visit.arrival_ns - 30 * US
    client = ClientView(
        connect_start_ns=visit.connect_ns,
        connected_ns=connected_ns,
        first_sent_ns=connected_ns + 10 * US,
        first_reply_ns=visit.admission_ns + (visit.release_ns - visit.admission_ns) // messages,
        close_start_ns=visit.release_ns,
        closed_ns=visit.release_ns + 40 * US,
        outcome="answered",
        messages=messages,
        user=None if visit.user is None else f"worker-1/{visit.user}",
    )
    return Connection(cell, mode, f"127.0.0.1:{20_000 + number}", client, server_record(visit, messages))


@functools.cache
def simulated_run(
    modes: Sequence[str] = ("free", "lock", "semaphore=4", "queue=1"),
    levels: Sequence[int] = (1, 8, 32),
    repeats: int = 3,
    workload: Workload | None = None,
    seed: int = 1,
) -> tuple[Run, list[Connection]]:
    """A plan's run, cells shuffled within each repeat by the seed, with every connection in both views.

    The same one for every test that asks for the same: to be read, and changed by `replace` only.
    """
    workload = workload or Workload()
    rng = random.Random(seed)
    combinations = [(mode, level) for level in levels for mode in modes]
    cells: list[Cell] = []
    connections: list[Connection] = []
    for repeat in range(1, repeats + 1):
        rng.shuffle(combinations)
        for mode, level in combinations:
            index = len(cells)
            visits = simulate(mode, level, workload, rng)
            cells.append(cell_of_visits(index, mode, level, repeat, workload, visits))
            connections += [
                connection_of_visit(index, mode, number, visit, workload.messages)
                for number, visit in enumerate(visits)
            ]
    plan = {
        "modes": list(modes),
        "levels": list(levels),
        "repeats": repeats,
        "seconds": workload.seconds,
        "warmup_s": 0.3,
        "seed": seed,
        "traffic": {
            "scenario": "session",
            "client_mode": "free",
            "messages": workload.messages,
            "payload_bytes": workload.payload_bytes,
        },
    }
    run = Run(
        run_id="20260131-101500-compare",
        kind="plan",
        started="2026-01-31T10:15:00+00:00",
        finished="2026-01-31T10:16:30+00:00",
        interrupted=False,
        command="lockstep compare --modes free,lock,semaphore=4,queue=1 --levels 1,8,32 --seed 1",
        plan=plan,
        server=SERVER,
        hosts=[HOST, {**HOST, "role": "worker", "name": "worker-1"}],
        cells=cells,
        modes=modes_named(*modes),
    )
    return run, connections
