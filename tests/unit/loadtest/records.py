"""Orders, samples and clocks for tests of what is recorded and collected."""

from __future__ import annotations

from typing import Any

from loadtest.orders import CellOrder
from loadtest.plan import Traffic
from loadtest.recorder import CellRecorder
from loadtest.results import ClientView
from loadtest.samples import Outcome, Phase, Sample

MS = 1_000_000
S = 1_000_000_000
START_NS = 1_000 * S


def order(
    warmup_s: float = 1.0, seconds: float | None = 2.0, run_id: str = "run", cell: int = 0
) -> CellOrder:
    """An order whose window runs from 1 s to 3 s after START_NS."""
    return CellOrder(
        run_id, cell, "lock", "127.0.0.1", 8889, "length", True, "echo", Traffic(), warmup_s, seconds
    )


def message(
    start_s: float, end_s: float, outcome: Outcome = Outcome.ANSWERED, phase: Phase = Phase.MESSAGE
) -> Sample:
    """A sample from so many to so many seconds after START_NS."""
    return Sample(phase, outcome, START_NS + round(start_s * S), START_NS + round(end_s * S))


def view(start_ns: int) -> ClientView:
    """A connection of 50 ms."""
    return ClientView(
        start_ns, start_ns + MS, start_ns + 2 * MS, start_ns + 9 * MS, None, start_ns + 50 * MS, "answered", 1
    )


def report_of(
    samples: list[Sample], worker: str = "w1", cell_order: CellOrder | None = None, *, final: bool = True
) -> dict[str, Any]:
    """The report of a worker that has recorded these samples, as it comes over the wire."""
    recorder = CellRecorder(cell_order or order(), START_NS)
    for sample in samples:
        recorder.record(sample)
    return sent(recorder, worker, final=final)


def sent(recorder: CellRecorder, worker: str, *, final: bool) -> dict[str, Any]:
    """What a recorder hands over, with what the agent adds."""
    return {**recorder.take(worker, final), "host": {"role": "worker", "name": worker}}
