"""The load generator: how its workers fared, and what an open load became of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.check import Topic
from lockstep.report.material import Material
from lockstep.report.numbers import ABSENT, duration, rate, whole
from lockstep.report.section import Column, Section, Table, table_of, table_section
from lockstep.report.sections.figures import RESULT_BY_NAME, median_of, typical
from lockstep.runs.records import Cell, WorkerHealth

# Times of an open load count from when a message was due; its round trip from when it was sent.
LOAD: tuple[Column[Aggregate], ...] = (
    *(RESULT_BY_NAME[name] for name in ("series", "level")),
    Column("offered", "offered/s", lambda each: rate(each.series.rate_per_s)),
    Column("completed", "completed/s", lambda each: rate(_completed(each))),
    *(RESULT_BY_NAME[name] for name in ("response_p50", "response_p99")),
    Column("round_trip_p50", "round trip p50", lambda each: typical(each, "round_trip", "p50")),
    Column("round_trip_p99", "round trip p99", lambda each: typical(each, "round_trip", "p99")),
    Column("send_lag_p99", "send lag p99", lambda each: typical(each, "send_lag", "p99")),
    Column("late", "late", lambda each: whole(each.late)),
    Column("dropped", "dropped", lambda each: whole(each.dropped)),
)


def load_table(aggregates: Sequence[Aggregate]) -> Table:
    """A row for each series and level whose load was open, in the order of the plan."""
    return Table.of(LOAD, (each for each in aggregates if each.series.rate_per_s is not None))


def load_section(material: Material) -> Section | None:
    """What an open load became of."""
    return table_section(
        "load",
        "The open load",
        "Messages are due whether or not earlier ones were answered. Response counts from when they were "
        "due, round trip from when they were sent, and send lag lies between. Late: no user was free when "
        "due; dropped: none ever was. Medians of the repeats, counts over all.",
        (Topic.TIMES, Topic.GENERATOR),
        load_table(material.aggregates),
    )


def workers_section(material: Material) -> Section | None:
    """How the load generator fared."""
    heads = (
        *("worker", "cells", "CPU", "loop lag p50", "loop lag p99", "loop lag max"),
        *("open files", "memory", "throttled, total"),
    )
    return table_section(
        "workers",
        "The load generator",
        "Each worker at its worst over all cells; loop lag p50 is the median. Loop lag: how late a worker's "
        "event loop woke a timer.",
        (Topic.GENERATOR,),
        table_of(heads, worker_rows(material.cells)),
    )


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker over all cells, ready to be printed: at its worst, except for the median loop lag."""

    worker: str
    cells: str
    cpu: str
    lag_p50: str
    lag_p99: str
    lag_max: str
    open_files: str
    memory: str
    throttled: str


def worker_rows(cells: Sequence[Cell]) -> list[WorkerRow]:
    """A row for each worker that told how it fared, by name."""
    told: dict[str, list[WorkerHealth]] = {}
    for cell in cells:
        for health in cell.health:
            told.setdefault(health.worker, []).append(health)
    return [_worker_row(worker, told[worker]) for worker in sorted(told)]


def _completed(each: Aggregate) -> float | None:
    """Where connections stay open there are no sessions, and an arrival is a message."""
    return median_of(each.sessions_per_s) or median_of(each.messages_per_s)


def _worker_row(worker: str, told: Sequence[WorkerHealth]) -> WorkerRow:
    lags = [health.loop_lag_us for health in told if health.loop_lag_us is not None]
    stopped_s = [health.throttled_s for health in told if health.throttled_s is not None]
    resident = [health.resident_bytes for health in told if health.resident_bytes is not None]
    return WorkerRow(
        worker=worker,
        cells=whole(len(told)),
        cpu=f"{max(health.cpu_share for health in told):.0%}",
        lag_p50=duration(median(lag.p50 for lag in lags) if lags else None),
        lag_p99=duration(max((lag.p99 for lag in lags), default=None)),
        lag_max=duration(max((lag.max for lag in lags), default=None)),
        open_files=_files(told),
        memory=f"{max(resident) / 2**20:,.0f} MiB" if resident else ABSENT,
        throttled=duration(sum(stopped_s) * 1_000_000) if stopped_s else ABSENT,
    )


def _files(told: Sequence[WorkerHealth]) -> str:
    """The most files open, of how many."""
    opened = [health.open_files for health in told if health.open_files is not None]
    limits = [health.open_files_limit for health in told if health.open_files_limit is not None]
    if not opened:
        return ABSENT
    return f"{max(opened):,} of {min(limits):,}" if limits else whole(max(opened))
