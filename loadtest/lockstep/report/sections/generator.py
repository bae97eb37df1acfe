"""The load generator: how its workers fared, and what an open load became of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.check import Topic
from lockstep.report.material import Material
from lockstep.report.numbers import ABSENT, duration, rate, whole
from lockstep.report.section import Section, table_of, table_section
from lockstep.report.sections.figures import median_of
from lockstep.runs.records import Cell, WorkerHealth


def load_section(material: Material) -> Section | None:
    """What an open load became of."""
    heads = (
        *("mode", "at once", "offered/s", "completed/s", "response p50", "p99"),
        *("round trip p50", "p99", "send lag p99", "late", "dropped"),
    )
    return table_section(
        "load",
        "The open load",
        "Messages are due whether or not earlier ones were answered. Response counts from when they were "
        "due, round trip from when they were sent, and send lag lies between. Late: no user was free when "
        "due; dropped: none ever was. Medians of the repeats, counts over all.",
        (Topic.TIMES, Topic.GENERATOR),
        table_of(heads, load_rows(material.aggregates)),
    )


def workers_section(material: Material) -> Section | None:
    """How the load generator fared."""
    heads = (
        *("worker", "cells", "processor", "loop lag p50", "p99", "max"),
        *("open files", "memory", "throttled, in all"),
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


@dataclass(frozen=True, slots=True)
class LoadRow:
    """One series at one level under open load, ready to be printed: times from when due and from the send."""

    series: str
    level: str
    offered: str
    achieved: str
    response_p50: str
    response_p99: str
    round_trip_p50: str
    round_trip_p99: str
    send_lag_p99: str
    late: str
    dropped: str


def worker_rows(cells: Sequence[Cell]) -> list[WorkerRow]:
    """A row for each worker that told how it fared, by name."""
    told: dict[str, list[WorkerHealth]] = {}
    for cell in cells:
        for health in cell.health:
            told.setdefault(health.worker, []).append(health)
    return [_worker_row(worker, told[worker]) for worker in sorted(told)]


def load_rows(aggregates: Sequence[Aggregate]) -> list[LoadRow]:
    """A row for each series and level whose load was open, in the order of the plan."""
    return [
        LoadRow(
            series=each.series,
            level=whole(each.level),
            offered=rate(each.rate_per_s),
            # Where connections stay open there are no sessions, and an arrival is a message.
            achieved=rate(median_of(each.sessions_per_s) or median_of(each.messages_per_s)),
            response_p50=duration(median_of(each.time("response", "p50"))),
            response_p99=duration(median_of(each.time("response", "p99"))),
            round_trip_p50=duration(median_of(each.time("round_trip", "p50"))),
            round_trip_p99=duration(median_of(each.time("round_trip", "p99"))),
            send_lag_p99=duration(median_of(each.time("send_lag", "p99"))),
            late=whole(each.late),
            dropped=whole(each.dropped),
        )
        for each in aggregates
        if each.rate_per_s is not None
    ]


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
