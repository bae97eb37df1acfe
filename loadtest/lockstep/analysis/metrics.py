"""The figures of a cell by name: what gates, verdicts and run-against-run comparisons may speak of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum

from lockstep.runs.measures import Distribution, Fairness
from lockstep.runs.records import CLIENT_TIMES, SERVER_TIMES, Cell

_SERVER_COUNTS = ("max_in_service", "max_waiting", "inversions")
STATISTICS = tuple(field.name for field in fields(Distribution) if field.name != "count")


class Unit(Enum):
    """What a metric's numbers are."""

    PER_S = "per second"
    US = "microseconds"
    COUNT = "count"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a cell. of: its value, in the unit; None where nothing was counted."""

    name: str
    unit: Unit
    more_is_better: bool
    of: Callable[[Cell], float | None]


def _rate(name: str) -> Metric:
    return Metric(name, Unit.PER_S, True, lambda cell: float(getattr(cell, name)))


def _client_time(name: str, statistic: str) -> Metric:
    def of(cell: Cell) -> float | None:
        return _statistic(cell.times.get(name), statistic)

    return Metric(f"{name}_{statistic}", Unit.US, False, of)


def _server_time(name: str, statistic: str) -> Metric:
    def of(cell: Cell) -> float | None:
        return None if cell.server is None else _statistic(cell.server.times.get(name), statistic)

    return Metric(f"{name}_{statistic}", Unit.US, False, of)


def _server_count(name: str) -> Metric:
    def of(cell: Cell) -> float | None:
        count = None if cell.server is None else getattr(cell.server, name)
        return None if count is None else float(count)

    return Metric(name, Unit.COUNT, name == "max_in_service", of)


def _fairness(
    name: str, unit: Unit, of: Callable[[Fairness], float | None], *, more_is_better: bool = False
) -> Metric:
    def of_cell(cell: Cell) -> float | None:
        fairness = None if cell.server is None else cell.server.fairness
        return None if fairness is None else of(fairness)

    return Metric(name, unit, more_is_better, of_cell)


def _count(name: str, of: Callable[[Cell], float]) -> Metric:
    return Metric(name, Unit.COUNT, False, of)


def _statistic(distribution: Distribution | None, statistic: str) -> float | None:
    return None if distribution is None else float(getattr(distribution, statistic))


def _failed(cell: Cell) -> float:
    return cell.messages.sent - cell.messages.answered


def _failed_share(cell: Cell) -> float | None:
    return _failed(cell) / cell.messages.sent if cell.messages.sent else None


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _rate("messages_per_s"),
        _rate("sessions_per_s"),
        *(_client_time(name, statistic) for name in CLIENT_TIMES for statistic in STATISTICS),
        *(_server_time(name, statistic) for name in SERVER_TIMES for statistic in STATISTICS),
        *map(_server_count, _SERVER_COUNTS),
        _fairness("overtaken_share", Unit.SHARE, lambda fairness: fairness.overtaken_share),
        _fairness("jain", Unit.SHARE, lambda fairness: fairness.jain, more_is_better=True),
        _fairness("longest_wait", Unit.US, lambda fairness: fairness.longest_wait_us),
        _count("failed", _failed),
        Metric("failed_share", Unit.SHARE, False, _failed_share),
        _count("late", lambda cell: cell.late),
        _count("dropped", lambda cell: cell.dropped),
    )
}
"""Every metric by its name, in the order in which a reader is told of them."""
