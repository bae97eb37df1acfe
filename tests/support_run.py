"""A run as a real one would look, made by a small simulation instead of sockets."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lockstep.measure import littles_law, queueing
from lockstep.measure.distribution import of_values
from lockstep.measure.fairness import count_inversions, measure_fairness
from lockstep.measure.overlap import Span, in_service_steps, overlap_over
from lockstep.measure.queueing import predict_wait
from lockstep.measure.sojourns import Sojourns
from lockstep.runs.connections import ClientView, Connection, ServerRecord
from lockstep.runs.folder import RunFolder
from lockstep.runs.measures import Occupancy, Overlap
from lockstep.runs.records import Cell, CellDetail, Count, Ledger, Messages, Run, ServerCell, WorkerHealth
from tests.support_visits import MS, PERMITS, US, Visit, Workload, simulate

BOOT_ID = "5b1d3c2a-0000-4000-8000-000000000001"


def make_cell(
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
    found = queueing.analyse(records, PERMITS[mode])
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
        connect_us=of_values(visit.arrival_ns - visit.connect_ns for visit in visits),
        first_reply_us=of_values(first_ns),
        response_us=of_values(first_ns + later_ns),
        wait_us=of_values(first_wait_ns + later_wait_ns),
        service_us=of_values(service_ns * messages),
        network_us=of_values([network_ns] * answered),
        close_us=of_values([40 * US] * len(visits)),
        session_us=of_values(visit.release_ns - visit.connect_ns for visit in visits),
        round_trip_us=of_values(first_ns + later_ns),
        send_lag_us=of_values([300 * US] * len(visits)),
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
            hold_us=found.hold_us,
            handoff_us=found.handoff_us,
            idle_start_us=found.idle_start_us,
            listen_overflows=0,
            littles_law=server_law(records),
            wait_prediction=predict_wait(records, PERMITS[mode], poisson=False),
            fairness=measure_fairness(stays, by_user(visits, records), round(workload.seconds * 250 * MS)),
        ),
    )
    return replace(cell, littles_law=littles_law.at_the_client(cell))


def by_user(visits: Sequence[Visit], records: Sequence[ServerRecord]) -> dict[str, list[ServerRecord]]:
    """Each user's connections, in order."""
    known: dict[str, list[ServerRecord]] = {}
    for visit, record in zip(visits, records, strict=True):
        if visit.user is not None:
            known.setdefault(f"worker-1/{visit.user}", []).append(record)
    return known


def agreed(messages: int, payload_bytes: int) -> Ledger:
    """A ledger on which both ends agree: so many messages, echoed."""
    count = Count(messages, messages)
    size = Count(messages * payload_bytes, messages * payload_bytes)
    return Ledger(sent=count, answered=count, bytes_sent=size, bytes_received=size)


def health_of(worker: str, cpu_share: float) -> WorkerHealth:
    """A worker that is well."""
    lag_us = of_values([80 * US] * 98 + [400 * US, 900 * US])
    return WorkerHealth(worker, cpu_share, lag_us, 0.0, 48, 1024, 71 << 20)


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


def make_connection(cell: int, mode: str, number: int, visit: Visit, messages: int) -> Connection:
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


def make_run(
    modes: Sequence[str] = ("free", "lock", "semaphore=4", "queue=1"),
    levels: Sequence[int] = (1, 8, 32),
    repeats: int = 3,
    workload: Workload | None = None,
    seed: int = 1,
) -> tuple[Run, list[Connection]]:
    """A plan's run, cells shuffled within each repeat by the seed, with every connection in both views."""
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
            cells.append(make_cell(index, mode, level, repeat, workload, visits))
            connections += [
                make_connection(index, mode, number, visit, workload.messages)
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
    )
    return run, connections


SERVER = {
    "version": "0.1.0",
    "python": "3.13.1",
    "implementation": "CPython",
    "gil": True,
    "boot_id": BOOT_ID,
    "cpu_count": 2,
    "platform": "Linux-6.1-x86_64",
    "framing": "length",
    "reply": "echo",
    "timing": True,
    "hold_ns": 2 * MS,
    "work": "sleep",
    "pause_ns": 0,
    "accept": "blocking",
    "backlog": 128,
}
HOST = {
    "role": "master",
    "name": "bench",
    "python": "3.13.1",
    "locust": "2.47.0",
    "cpu_count": 2,
    "boot_id": BOOT_ID,
}


def write_run(out: Path, run: Run, connections: Sequence[Connection] = ()) -> Path:
    """Save the run as its own folder below `out`; the folder's path is returned."""
    folder = RunFolder.create(out, run.run_id)
    folder.save_run(run)
    for cell in run.cells:
        per_second = [{"second": 0, "answered": cell.messages.answered, "failed": 0}]
        folder.save_cell(CellDetail(cell.index, {}, per_second, overlap_of(cell, connections)))
    folder.add_connections(list(connections))
    return folder.path


def overlap_of(cell: Cell, connections: Sequence[Connection]) -> Overlap | None:
    """The cell's overlap, had the warm-up been a quarter of it."""
    records = [each.server for each in connections if each.cell == cell.index and each.server is not None]
    length_ns = round(cell.seconds * 1_000 * MS)
    return overlap_over(Sojourns.of(records), Span(0, length_ns // 4, length_ns))


def without_server(run: Run) -> Run:
    """The same run against a server that tells nothing: no admin port, no timing header."""
    cells = [
        replace(
            cell,
            server=None,
            wait_us=None,
            service_us=None,
            network_us=None,
            ledger=Ledger(
                Count(cell.ledger.sent.client),
                Count(cell.ledger.answered.client),
                Count(cell.ledger.bytes_sent.client),
                Count(cell.ledger.bytes_received.client),
            ),
        )
        for cell in run.cells
    ]
    return replace(run, server={}, cells=cells)


def all_failed(run: Run) -> Run:
    """The same run with every message refused."""
    cells = [
        replace(
            cell,
            sessions=0,
            sessions_per_s=0.0,
            messages_per_s=0.0,
            messages=Messages(sent=cell.messages.sent, refused=cell.messages.sent),
            ledger=replace(agreed(0, 0), failed=cell.messages.sent),
            littles_law=None,
            connect_us=None,
            first_reply_us=None,
            response_us=None,
            wait_us=None,
            service_us=None,
            network_us=None,
            close_us=None,
            session_us=None,
            server=ServerCell(0, 0, 0, 0, 0),
        )
        for cell in run.cells
    ]
    return replace(run, cells=cells)
