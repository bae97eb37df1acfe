"""The load generator: how its workers fared, and what an open load became of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import ABSENT, duration
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import RESULT_BY_NAME, median_of, typical
from lockstep.report.words import rate, whole
from lockstep.runs.measures import Distribution, WorkerHealth
from lockstep.runs.records import Cell

# Times of an open load count from when a message was due; its round trip from when it was sent.
OPEN_LOAD: tuple[Column[Aggregate], ...] = (
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
    return Table.of(OPEN_LOAD, (each for each in aggregates if each.series.rate_per_s is not None))


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
    return table_section(
        "workers",
        "The load generator",
        "Each worker at its worst over all cells; loop lag p50 is the median. Loop lag: how late a worker's "
        "event loop woke a timer.",
        (Topic.GENERATOR,),
        Table.of(WORKERS, workers(material.cells)),
    )


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker over all cells: how it fared in each of them that it told of."""

    name: str
    cells: tuple[WorkerHealth, ...]

    @property
    def lags(self) -> list[Distribution]:
        """How late its event loop woke a timer, in each cell of which that is known."""
        return [health.loop_lag_us for health in self.cells if health.loop_lag_us is not None]


# At its worst, except for the median lag.
WORKERS: tuple[Column[Worker], ...] = (
    Column("worker", "worker", lambda worker: worker.name, text=True),
    Column("cells", "cells", lambda worker: whole(len(worker.cells))),
    Column("cpu", "CPU", lambda worker: f"{max(health.cpu_share for health in worker.cells):.0%}"),
    Column(
        "lag_p50",
        "loop lag p50",
        lambda worker: duration(median(lag.p50 for lag in worker.lags) if worker.lags else None),
    ),
    Column(
        "lag_p99",
        "loop lag p99",
        lambda worker: duration(max((lag.p99 for lag in worker.lags), default=None)),
    ),
    Column(
        "lag_max",
        "loop lag max",
        lambda worker: duration(max((lag.max for lag in worker.lags), default=None)),
    ),
    Column("files", "open files", lambda worker: _files(worker.cells)),
    Column("memory", "memory", lambda worker: _memory(worker.cells)),
    Column("throttled", "throttled, total", lambda worker: _throttled(worker.cells)),
)


def workers(cells: Sequence[Cell]) -> list[Worker]:
    """Each worker that told how it fared, by name."""
    by_name: dict[str, list[WorkerHealth]] = {}
    for cell in cells:
        for health in cell.health:
            by_name.setdefault(health.worker, []).append(health)
    return [Worker(name, tuple(by_name[name])) for name in sorted(by_name)]


def _completed(each: Aggregate) -> float | None:
    """Where connections stay open there are no sessions, and an arrival is a message."""
    return median_of(each.sessions_per_s) or median_of(each.messages_per_s)


def _memory(reports: Sequence[WorkerHealth]) -> str:
    resident = [health.resident_bytes for health in reports if health.resident_bytes is not None]
    return f"{max(resident) / 2**20:,.0f} MiB" if resident else ABSENT


def _throttled(reports: Sequence[WorkerHealth]) -> str:
    stopped_s = [health.throttled_s for health in reports if health.throttled_s is not None]
    return duration(sum(stopped_s) * 1_000_000) if stopped_s else ABSENT


def _files(reports: Sequence[WorkerHealth]) -> str:
    """The most files open, of how many."""
    opened = [health.open_files for health in reports if health.open_files is not None]
    limits = [health.open_files_limit for health in reports if health.open_files_limit is not None]
    if not opened:
        return ABSENT
    return f"{max(opened):,} of {min(limits):,}" if limits else whole(max(opened))
