"""Cells with the figures that a test chooses, and runs of them: nothing is simulated, all books agree."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from lockstep.runs.measures import Distribution
from lockstep.runs.records import Cell, Messages, Run
from tests.support_run import HOST, SERVER, agreed

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
    """A cell with these figures; `more` sets any field of Cell. Its index is given by `make_run`."""
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
        response_us=times_us,
    )
    return replace(cell, **more)


def silent(cell: Cell) -> Cell:
    """The cell with every message refused."""
    return replace(
        cell,
        messages_per_s=0.0,
        sessions_per_s=0.0,
        messages=Messages(sent=SENT, refused=SENT),
        ledger=replace(agreed(0, 0), failed=SENT),
        response_us=None,
    )


def make_run(cells: Iterable[Cell], modes: Sequence[str] = (), **more: Any) -> Run:
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
    )
    return replace(run, **more)


def degraded(run: Run) -> Run:
    """The run with a message in its first cell that the server alone counted."""
    first, *rest = run.cells
    answered = replace(first.ledger.answered, server=SENT + 1)
    return replace(run, cells=[replace(first, ledger=replace(first.ledger, answered=answered)), *rest])


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
    return make_run(cells, **more)
