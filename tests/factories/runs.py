"""Cells with the figures that a test chooses, runs of them, and what a test makes of a run; no simulation."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from lockstep.analysis.series import Series, SeriesIndex
from lockstep.runs.earlier import mode_named
from lockstep.runs.histograms import of_values
from lockstep.runs.measures import Count, Distribution, Ledger, WorkerHealth
from lockstep.runs.records import Cell, Messages, Mode, Run, ServerCell, TargetRecord
from lockstep.runs.watched import Watched
from tests.factories.units import MS, US

BOOT_ID = "5b1d3c2a-0000-4000-8000-000000000001"
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

SENT = 1_000


def make_cell(
    mode: str,
    level: int = 8,
    repeat: int = 1,
    messages_per_s: float = 100.0,
    p50_us: float = 2_000.0,
    p99_us: float = 9_000.0,
    **more: Any,
) -> Cell:
    """A cell with these figures; `more` sets any field of Cell. Its index is given by `run_of`."""
    times_us = Distribution(SENT, p50_us / 2, p50_us, p50_us, p50_us, p99_us, p99_us, p99_us)
    cell = Cell(
        index=0,
        mode=mode,
        level=level,
        repeat=repeat,
        client_mode="free",
        messages_per_connection=5,
        payload_bytes=64,
        seconds=1.0,
        sessions_per_s=messages_per_s / 5,
        messages_per_s=messages_per_s,
        sessions=SENT // 5,
        messages=Messages(sent=SENT, answered=SENT),
        ledger=agreed(SENT, 64),
        times={"response": times_us},
    )
    return replace(cell, **more)


def watched_for(until_ms: float = 1_000.0, seen: float = 1.0, **more: Any) -> Watched:
    """A stretch from a cell's beginning on; `more` sets any figure, others are of who is idle."""
    idle: dict[str, Any] = dict.fromkeys(("on_cpu", "delayed", "runnable", "voluntary", "involuntary"), 0.0)
    lasting = more.get("on_cpu", 0.0) * seen
    return Watched(0.0, until_ms, **{"processes": 1, "threads": 1, "lasting": lasting, **idle, **more})


def series_named(mode: str, rate_per_s: float | None = None) -> Series:
    """The series of such cells; one with a rate is called by it: `lock, 148/s`."""
    if rate_per_s is None:
        cell = make_cell(mode)
        return SeriesIndex([cell]).of(cell)
    cells = [make_cell(mode, arrival="poisson", rate_per_s=rate) for rate in (rate_per_s, 2 * rate_per_s)]
    return SeriesIndex(cells).of(cells[0])


def modes_named(*names: str) -> dict[str, Mode]:
    """What our own server's listeners of these names do."""
    return {name: mode_named(name) for name in names}


def with_times(cell: Cell, **times: Distribution | None) -> Cell:
    """The cell with these of its times in place of its own; None for one of which nothing was counted."""
    return replace(
        cell, times={name: time for name, time in (cell.times | times).items() if time is not None}
    )


def agreed(messages: int, payload_bytes: int) -> Ledger:
    """A ledger on which both ends agree: so many messages, echoed."""
    count = Count(messages, messages)
    size = Count(messages * payload_bytes, messages * payload_bytes)
    return Ledger(sent=count, answered=count, bytes_sent=size, bytes_received=size)


def health_of(worker: str, cpu_share: float) -> WorkerHealth:
    """A worker that is well."""
    lag_us = of_values([80 * US] * 98 + [400 * US, 900 * US])
    return WorkerHealth(worker, cpu_share, lag_us, 0.0, 48, 1024, 71 << 20)


def run_of(cells: Iterable[Cell], modes: Sequence[str] = (), **more: Any) -> Run:
    """A plan's run of these cells, in their order; `more` sets any field of Run."""
    numbered = [replace(cell, index=index) for index, cell in enumerate(cells)]
    named = list(modes or dict.fromkeys(cell.mode for cell in numbered))
    run = Run(
        run_id="20260131-101500-0001",
        kind="plan",
        started="2026-01-31T10:15:00+00:00",
        finished="2026-01-31T10:16:30+00:00",
        interrupted=False,
        command="lockstep compare",
        plan={"modes": named},
        server=SERVER,
        hosts=[HOST, {**HOST, "role": "worker", "name": "worker-1"}],
        cells=numbered,
        modes=modes_named(*named, *(cell.mode for cell in numbered)),
    )
    return replace(run, **more)


def silent(cell: Cell) -> Cell:
    """The cell with every message refused."""
    return replace(
        cell,
        sessions=0,
        sessions_per_s=0.0,
        messages_per_s=0.0,
        messages=Messages(sent=cell.messages.sent, refused=cell.messages.sent),
        ledger=replace(agreed(0, 0), failed=cell.messages.sent),
        littles_law=None,
        times={name: time for name, time in cell.times.items() if name in ("round_trip", "send_lag")},
        server=None if cell.server is None else ServerCell(0, 0, 0, 0, 0),
    )


def degraded(run: Run) -> Run:
    """The run with a message in its first cell that the server alone counted."""
    first, *rest = run.cells
    answered = replace(first.ledger.answered, server=SENT + 1)
    return replace(run, cells=[replace(first, ledger=replace(first.ledger, answered=answered)), *rest])


def of_somebody_else(run: Run, framing: str, reply: str | None) -> Run:
    """The same run against services that are no Lockstep servers, one for each mode."""
    target = TargetRecord("tcp://127.0.0.1:6379", framing, reply)
    return replace(run, targets={cell.mode: target for cell in run.cells})


def without_server(run: Run) -> Run:
    """The same run against a server that tells nothing: no admin port, no timing header."""
    cells = [
        replace(
            cell,
            server=None,
            times={
                name: time for name, time in cell.times.items() if name not in ("wait", "service", "network")
            },
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
    return replace(run, cells=[silent(cell) for cell in run.cells])


def noisy_run(rng: random.Random, repeats: int, slower: float = 1.0, **more: Any) -> Run:
    """`free` and `lock` at two levels under noise such as machines make. slower: by what factor all is.

    Figures vary by factors, p99 most and to one side. The cells of a repeat share its drift, the figures of a
    cell its luck, and one cell in twenty is slow.
    """
    cells = []
    for repeat in range(1, repeats + 1):
        drift = math.exp(rng.gauss(0, 0.02))
        for mode, level, rate, p99_us in (
            ("free", 1, 430.0, 2_500.0),
            ("lock", 1, 430.0, 2_500.0),
            ("free", 8, 3_300.0, 4_000.0),
            ("lock", 8, 430.0, 85_000.0),
        ):
            slow = drift * slower * (1.3 if rng.random() < 0.05 else 1.0) * math.exp(rng.gauss(0, 0.02))
            cells.append(
                make_cell(
                    mode,
                    level,
                    repeat,
                    messages_per_s=rate / slow,
                    p50_us=2_150 * slow * math.exp(rng.gauss(0, 0.005)),
                    p99_us=p99_us * slow * math.exp(rng.expovariate(5)),
                )
            )
    return run_of(cells, **more)
