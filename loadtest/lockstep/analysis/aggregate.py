"""Repeats of one series and level, as one: the repeat is the sample, percentiles are never pooled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from hdrh.histogram import HdrHistogram

from lockstep.analysis.series import Place, Series, SeriesIndex
from lockstep.runs.measures import STATISTICS, Distribution
from lockstep.runs.records import STEP_ROWS, UNKNOWN_MODE, Cell, Mode
from lockstep.scenario import answered


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over the repeats: their median, least and greatest."""

    median: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One series at one level over its repeats; None where nothing was counted.

    repeats: how many cells are in it. cut_short: how many were left out because they were stopped early.
    failures: messages that were sent and not answered, over all repeats, cut short or not.
    late, dropped: arrivals, over all repeats. handshakes: of TLS, over all repeats; resumed: those of them
    that went on with an earlier session. kind: what is known of the mode. times: name -> statistic -> its
    spread in microseconds, the clients' and the server's. under_way: the time average of messages that were,
    the median of the repeats. steps_per_s: how many of STEP_ROWS went well, without those that never did.
    """

    series: Series
    level: int
    repeats: int
    cut_short: int
    sent: int
    failures: int
    messages_per_s: Spread | None
    sessions_per_s: Spread | None
    max_in_service: int | None
    late: int = 0
    dropped: int = 0
    handshakes: int = 0
    resumed: int = 0
    kind: Mode = UNKNOWN_MODE
    times: Mapping[str, Mapping[str, Spread]] = field(default_factory=dict)
    under_way: float | None = None
    steps_per_s: Mapping[str, Spread] = field(default_factory=dict)

    def time(self, name: str, statistic: str) -> Spread | None:
        """A statistic of one of the times, over the repeats: `time("response", "p99")`."""
        return self.times.get(name, {}).get(statistic)

    @property
    def sending(self) -> float | None:
        """The part of its users' time that sending takes, 0 to 1; None where that is not all they do."""
        if self.under_way is None or answered(self.series.settings.scenario):
            return None
        return min(self.under_way / self.level, 1.0)


def aggregate(cells: Sequence[Cell], modes: Mapping[str, Mode]) -> list[Aggregate]:
    """One Aggregate for each series and level: series in the order of `modes`, levels ascending."""
    return aggregates_among(SeriesIndex(cells, modes), cells, modes)


def aggregates_among(index: SeriesIndex, cells: Iterable[Cell], modes: Mapping[str, Mode]) -> list[Aggregate]:
    """The same of some of the index's cells, their series called as the index calls them."""
    return [
        _aggregate(place, modes.get(place.series.mode, UNKNOWN_MODE), group)
        for place, group in index.groups(cells).items()
    ]


def _aggregate(place: Place, kind: Mode, group: Sequence[Cell]) -> Aggregate:
    whole = [cell for cell in group if cell.whole]
    under_way = [cell.littles_law.counted for cell in whole if cell.littles_law is not None]
    peaks = [cell.server.max_in_service for cell in whole if cell.server is not None]
    return Aggregate(
        series=place.series,
        level=place.level,
        repeats=len(whole),
        cut_short=len(group) - len(whole),
        sent=sum(cell.messages.sent for cell in group),
        failures=sum(cell.messages.sent - cell.messages.answered for cell in group),
        messages_per_s=_spread([cell.messages_per_s for cell in whole]),
        sessions_per_s=_spread([cell.sessions_per_s for cell in whole]),
        max_in_service=max(peaks, default=None),
        late=sum(cell.late for cell in group),
        dropped=sum(cell.dropped for cell in group),
        handshakes=sum(cell.handshakes for cell in group),
        resumed=sum(cell.resumed for cell in group),
        kind=kind,
        times=_times(whole),
        under_way=median(under_way) if under_way else None,
        steps_per_s=_steps(whole),
    )


def _steps(cells: Sequence[Cell]) -> dict[str, Spread]:
    rates = {
        name: [
            cell.requests[name].messages.answered / cell.seconds
            for cell in cells
            if name in cell.requests and cell.seconds
        ]
        for name in STEP_ROWS
    }
    return {name: _spread_of(each) for name, each in rates.items() if any(each)}


def _times(cells: Sequence[Cell]) -> dict[str, dict[str, Spread]]:
    """Every statistic of every time, over the cells that have it."""
    by_name: dict[str, list[Distribution]] = {}
    for cell in cells:
        for name, each in cell.all_times.items():
            by_name.setdefault(name, []).append(each)
    return {
        name: {
            statistic: _spread_of([each.statistic(statistic) for each in group]) for statistic in STATISTICS
        }
        for name, group in by_name.items()
    }


def _spread(values: Sequence[float]) -> Spread | None:
    return _spread_of(values) if values else None


def _spread_of(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


NS_PER_US = 1_000
# A percentile of which fewer values lie beyond is the luck of a few.
MIN_BEYOND = 5
_STEPS_PER_NINE = 20


@dataclass(frozen=True, slots=True)
class Percentile:
    """One point: nines is -log10 of the share beyond it (0 is the least, 1 is p90, 2 is p99, 3 is p99.9)."""

    nines: float
    value_us: float


def curve(histograms_ns: Sequence[HdrHistogram]) -> list[Percentile]:
    """The percentiles of several repeats, percentile by percentile the median over them; never pooled.

    histograms_ns: nanoseconds, one histogram a repeat; those without a value are left out. Twenty points for
    each nine, up to where each repeat still has MIN_BEYOND values beyond. Empty where none has as many.
    """
    counts = [count for each in histograms_ns if (count := each.get_total_count())]
    if not counts or min(counts) <= MIN_BEYOND:
        return []
    max_nines = np.log10(min(counts) / MIN_BEYOND)
    nines = [step / _STEPS_PER_NINE for step in range(int(max_nines * _STEPS_PER_NINE) + 1)]
    repeats = [list(_values_us(each, nines)) for each in histograms_ns if each.get_total_count()]
    return [
        Percentile(each, median(values))
        for each, values in zip(nines, zip(*repeats, strict=True), strict=True)
    ]


def _values_us(histogram_ns: HdrHistogram, nines: Sequence[float]) -> Iterator[float]:
    """The percentile at each of the nines: the upper end of the bucket that HdrHistogram would name."""
    counts = np.frombuffer(histogram_ns.counts, dtype=np.uint64)
    reached = np.cumsum(counts)
    total = int(reached[-1])
    max_ns = histogram_ns.get_max_value()
    for each in nines:
        rank = max(1, int(total * (1 - 10.0**-each) + 0.5))
        index = int(np.searchsorted(reached, rank))
        upper_ns = histogram_ns.get_highest_equivalent_value(histogram_ns.get_value_from_index(index))
        yield min(upper_ns, max_ns) / NS_PER_US
