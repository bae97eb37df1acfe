"""Orders, samples and clocks for tests of what is recorded and collected."""

from __future__ import annotations

import time
from typing import Any

import msgpack

from lockstep.control import CellOrder, Health, Report, Standing
from lockstep.record.journal import Journal
from lockstep.record.recorder import CellRecorder
from lockstep.runs.connections import ClientView
from lockstep.runs.histograms import encoded, new_histogram
from lockstep.tcp.samples import ABSENT, Meter, Outcome, Phase, Sample, tag_of
from lockstep.traffic import Arrival, Traffic
from tests.factories.units import MS, S

# Early, for the recorder asks the real clock how much of the window is over.
START_NS = S
OPEN = Traffic(arrival=Arrival("constant", 100.0))


def order(
    warmup_s: float = 1.0,
    seconds: float | None = 2.0,
    run_id: str = "run",
    cell: int = 0,
    traffic: Traffic | None = None,
) -> CellOrder:
    """An order whose window runs from 1 s to 3 s after START_NS."""
    traffic = traffic or Traffic()
    return CellOrder(
        run_id, cell, "lock", "tcp://127.0.0.1:8889", "length", True, "echo", traffic, warmup_s, seconds
    )


def at(seconds: float) -> int:
    """So many seconds after START_NS."""
    return START_NS + round(seconds * S)


def message(
    start_s: float, end_s: float, outcome: Outcome = Outcome.ANSWERED, phase: Phase = Phase.MESSAGE
) -> Sample:
    """A sample from so many to so many seconds after START_NS."""
    return Sample(phase, outcome, at(start_s), at(end_s))


def view(start_ns: int) -> ClientView:
    """A connection of 50 ms."""
    return ClientView(
        start_ns, start_ns + MS, start_ns + 2 * MS, start_ns + 9 * MS, None, start_ns + 50 * MS, "answered", 1
    )


def begun(cell_order: CellOrder) -> CellRecorder:
    """The recorder of a cell whose time began at START_NS."""
    recorder = CellRecorder(cell_order)
    recorder.begin(START_NS)
    return recorder


def journal_of(recorder: CellRecorder, max_connections: int = 0) -> Journal:
    """The journal of one worker, as a running cell makes it."""
    return Journal((recorder.absorb,), (recorder.fail,), recorder.keep_connection, max_connections)


def tell(meter: Meter, sample: Sample, due_ns: int = ABSENT) -> None:
    """Tell a meter of this sample, as a client would."""
    if sample.outcome is not Outcome.ANSWERED:
        meter.failure(sample)
    elif sample.phase is Phase.MESSAGE:
        wait_ns = ABSENT if sample.wait_ns is None else sample.wait_ns
        service_ns = ABSENT if sample.service_ns is None else sample.service_ns
        tag = tag_of(sample.name or None, checked=True)
        rest = (wait_ns, service_ns, sample.sent_bytes, sample.received_bytes, tag)
        meter.message((due_ns, sample.start_ns, sample.end_ns, *rest))
    else:
        meter.step(sample.phase, sample.start_ns, sample.end_ns)


def report_of(
    samples: list[Sample],
    worker: str = "w1",
    cell_order: CellOrder | None = None,
    *,
    final: bool = True,
    **standing: Any,
) -> Report:
    """The report of a worker that has recorded these samples and stands like this, as the master reads it."""
    return report_of_due(
        [(sample, ABSENT) for sample in samples], worker, cell_order, final=final, **standing
    )


def report_of_due(
    samples: list[tuple[Sample, int]],
    worker: str = "w1",
    cell_order: CellOrder | None = None,
    *,
    final: bool = True,
    **standing: Any,
) -> Report:
    """As report_of, each sample with when it was due, in monotonic nanoseconds."""
    recorder = begun(cell_order or order())
    journal = journal_of(recorder)
    for sample, due_ns in samples:
        tell(journal, sample, due_ns)
    journal.flush()
    return sent(recorder, worker, final=final, **standing)


def health(cpu_share: float = 0.5) -> Health:
    """What a worker tells of itself."""
    return Health(cpu_share=cpu_share, loop_lag=encoded(new_histogram()))


def sent(recorder: CellRecorder, worker: str, *, final: bool, **standing: Any) -> Report:
    """A worker's next report, sent as bytes and read again. standing: where it is other than usual."""
    usual = {
        "window_s": recorder.window_s(time.monotonic_ns()),
        "delayed": 0,
        "dropped": 0,
        "backed_off": 0,
        "port_waits": 0,
        "handshakes": 0,
        "resumed": 0,
        "addresses": [],
        "users": 2,
        "health": health(),
    }
    report = Report(
        run_id=recorder.order.run_id,
        cell=recorder.order.cell,
        worker=worker,
        final=final,
        host={"role": "worker", "name": worker},
        counts=recorder.take(),
        standing=Standing(**{**usual, **standing}),
    )
    return Report.from_message(msgpack.unpackb(msgpack.packb(report.to_message()), strict_map_key=False))
