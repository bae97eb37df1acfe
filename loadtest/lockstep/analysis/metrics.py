"""The figures of a cell by name: what gates, verdicts and run-against-run comparisons may speak of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from lockstep.runs.measures import STATISTICS, Fairness
from lockstep.runs.records import CLIENT_TIMES, SERVER_TIMES, Cell, Requests, ServerCell


class Unit(Enum):
    """What a metric's numbers are."""

    PER_S = "per second"
    US = "microseconds"
    COUNT = "count"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a cell. of: its value, in the unit; None where nothing was counted.

    request: of the messages of this name alone, "" where it is of all.
    """

    name: str
    unit: Unit
    more_is_better: bool
    of: Callable[[Cell], float | None]
    request: str = ""

    @property
    def counted(self) -> bool:
        """Whether the worst repeat is what counts: what went wrong once went wrong, and no mean hides it."""
        return self.unit in (Unit.COUNT, Unit.SHARE)


def _rate(name: str, of: Callable[[Cell], float]) -> Metric:
    return Metric(name, Unit.PER_S, True, of)


def _time(name: str, statistic: str) -> Metric:
    def of(cell: Cell) -> float | None:
        distribution = cell.all_times.get(name)
        return None if distribution is None else distribution.statistic(statistic)

    return Metric(f"{name}_{statistic}", Unit.US, False, of)


def _server_count(
    name: str, of: Callable[[ServerCell], int | None], *, more_is_better: bool = False
) -> Metric:
    def of_cell(cell: Cell) -> float | None:
        return None if cell.server is None else of(cell.server)

    return Metric(name, Unit.COUNT, more_is_better, of_cell)


def _fairness(
    name: str, unit: Unit, of: Callable[[Fairness], float | None], *, more_is_better: bool = False
) -> Metric:
    def of_cell(cell: Cell) -> float | None:
        fairness = None if cell.server is None else cell.server.fairness
        return None if fairness is None else of(fairness)

    return Metric(name, unit, more_is_better, of_cell)


def _count(name: str, of: Callable[[Cell], float]) -> Metric:
    return Metric(name, Unit.COUNT, False, of)


def _failed_share(cell: Cell) -> float | None:
    return cell.messages.failed / cell.messages.sent if cell.messages.sent else None


def _resumed_share(cell: Cell) -> float | None:
    return cell.resumed / cell.handshakes if cell.handshakes else None


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _rate("messages_per_s", lambda cell: cell.messages_per_s),
        _rate("sessions_per_s", lambda cell: cell.sessions_per_s),
        *(_time(name, statistic) for name in (*CLIENT_TIMES, *SERVER_TIMES) for statistic in STATISTICS),
        _server_count("max_in_service", lambda server: server.max_in_service, more_is_better=True),
        _server_count("max_waiting", lambda server: server.max_waiting),
        _server_count("inversions", lambda server: server.inversions),
        _fairness("overtaken_share", Unit.SHARE, lambda fairness: fairness.overtaken_share),
        _fairness("jain", Unit.SHARE, lambda fairness: fairness.jain, more_is_better=True),
        _fairness("longest_wait", Unit.US, lambda fairness: fairness.longest_wait_us),
        _count("failed", lambda cell: cell.messages.failed),
        Metric("failed_share", Unit.SHARE, False, _failed_share),
        Metric("resumed_share", Unit.SHARE, True, _resumed_share),
        _count("late", lambda cell: cell.late),
        _count("dropped", lambda cell: cell.dropped),
    )
}
"""Every metric by its name, in the order in which a reader is told of them."""

_OfRequests = Callable[[Requests, Cell], float | None]


def _response(statistic: str) -> _OfRequests:
    return lambda requests, _: None if requests.response is None else requests.response.statistic(statistic)


def _request_rate(requests: Requests, cell: Cell) -> float | None:
    return requests.messages.answered / cell.seconds if cell.seconds else None


def _request_share(requests: Requests, _: Cell) -> float | None:
    messages = requests.messages
    return messages.failed / messages.sent if messages.sent else None


REQUEST_METRICS: Mapping[str, _OfRequests] = {
    "messages_per_s": _request_rate,
    **{f"response_{statistic}": _response(statistic) for statistic in STATISTICS},
    "failed": lambda requests, _: requests.messages.failed,
    "failed_share": _request_share,
}
"""What can be asked of the messages of one name: `GET.response_p99`. Each is a metric of all messages too."""


def metric_named(text: str) -> Metric | None:
    """The metric that a gate calls so, of all messages or of those of a name; None where there is none."""
    if text in METRICS:
        return METRICS[text]
    request, _, name = text.rpartition(".")
    if not request or name not in REQUEST_METRICS:
        return None
    own = REQUEST_METRICS[name]

    def of(cell: Cell) -> float | None:
        requests = cell.requests.get(request)
        return None if requests is None else own(requests, cell)

    return replace(METRICS[name], name=text, of=of, request=request)
