"""How long arrivals at random had to take, by the holds that a search measured: the law of an open load.

An M/G/c queue, first come, first served: Poisson arrivals, holds as they were measured, c permits. No
formula tells its percentiles, so they are simulated: Lindley's recursion (1952) where there is one permit,
and that of Kiefer and Wolfowitz (1955) where there are several. Cells as long as those that were measured,
from an empty server on, for the percentiles of a short cell are less than those of a long one. The same
numbers are drawn for every rate and every report.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from lockstep.analysis.gate_syntax import Condition
from lockstep.analysis.limits import Limit
from lockstep.measure.edges import WARMUP_TURNS, WINDOW_TURNS
from lockstep.runs.measures import STATISTICS, Distribution
from lockstep.runs.records import Cell, Run

RUNS = 40
# Of the curve up to where the permits are half busy, and from there on, where it bends.
POINTS = (5, 10)
# At a higher utilisation a line grows for as long as anybody looks.
MOST_BUSY = 0.99
# The shares below which a summary tells a time, each with its statistic.
_TOLD = ((0.0, "min"), (0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p999"), (1.0, "max"))
_SHARES = {name: share for share, name in _TOLD if 0 < share < 1}

_Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Station:
    """A gate, in seconds. holds_s: at the shares of _TOLD, between which they lie evenly.

    handoff_s: from a release to the next admission where somebody waited; idle_start_s: from an arrival to
    its admission where nobody did. beside_s: what a response takes beside wait and hold, less than 0 where a
    permit is held beyond the reply. warmup_s, seconds: of a cell.
    """

    permits: int
    holds_s: tuple[float, ...]
    handoff_s: float
    idle_start_s: float
    beside_s: float
    warmup_s: float
    seconds: float

    @property
    def most_per_s(self) -> float:
        """At which rate the permits would never be free."""
        # Between two shares lies that part of the holds, in the mean half way.
        told = itertools.pairwise(zip(self.holds_s, _TOLD, strict=True))
        mean_s = sum(
            (hold_s + next_s) / 2 * (above - below) for (hold_s, (below, _)), (next_s, (above, _)) in told
        )
        return self.permits / (mean_s + self.handoff_s)


@dataclass(frozen=True, slots=True)
class ArrivalLaw:
    """Response times of one mode over the rate of arrivals. times_us: by statistic, one for each of rates.

    breaks_at: at which rate the promised time is over its bound; None where it is at none of these.
    """

    mode: str
    permits: int
    rates: tuple[float, ...]
    times_us: Mapping[str, tuple[float, ...]]
    breaks_at: float | None


def arrival_laws(run: Run, found: Sequence[Limit], kept: Condition | None) -> list[ArrivalLaw]:
    """A law for each series of a search by rate of which enough is known; kept: the promised response time.

    Nothing is known of whom no Lockstep server tells, or of messages that wait without their connection.
    """
    laws = []
    for limit in found:
        cells = [cell for trial in limit.trials for cell in trial.cells if _simple(cell)]
        station = _station(run, limit.mode, cells)
        if station is not None:
            tried = [cell.rate_per_s or 0.0 for cell in cells]
            rates = _rates(station.most_per_s, min(tried), max(tried))
            if len(rates) > 1:
                laws.append(_law(limit.mode, station, rates, kept))
    return laws


def _rates(most_per_s: float, low: float, high: float) -> list[float]:
    """Where the curve is drawn: evenly on the logarithm of the rate, and then of what is left to the most."""
    top, half = min(high, MOST_BUSY * most_per_s), max(low, most_per_s / 2)
    rates = {*_spaced(low, min(top, half), POINTS[0])}
    rates |= {most_per_s - left for left in _spaced(most_per_s - top, most_per_s - half, POINTS[1])}
    return sorted(rates)


def _spaced(low: float, high: float, points: int) -> list[float]:
    """Evenly on the logarithm; nothing where nothing lies between."""
    return [low * (high / low) ** (number / (points - 1)) for number in range(points)] if low < high else []


def _simple(cell: Cell) -> bool:
    """Whether one message of a connection waits for a permit, having come at random."""
    one = cell.messages_per_connection == 1 and not cell.keeps_connection
    timed = "response" in cell.times and cell.server is not None and "hold" in cell.server.times
    return cell.arrival == "poisson" and one and timed


def _station(run: Run, mode: str, cells: Sequence[Cell]) -> Station | None:
    """What the cells tell of the mode, each figure the median of theirs."""
    permits = run.mode(mode).permits
    if permits is None or run.mode(mode).by_message or not cells:
        return None
    told = [cell.server.times for cell in cells if cell.server is not None]
    lightest = min(cells, key=lambda cell: cell.rate_per_s or 0.0)
    holds_us = [median(each["hold"].statistic(name) for each in told) for _, name in _TOLD]
    starts_us = _median_of_means(told, "idle_start")
    of_lightest = [cell for cell in cells if cell.rate_per_s == lightest.rate_per_s]
    served_us = median(cell.times["response"].p50 for cell in of_lightest)
    fitted = run.planned.search is not None and any(each.mode == mode for each in run.planned.search.fits)
    seconds = median(cell.seconds for cell in cells)
    return Station(
        permits=permits,
        holds_s=tuple(each / 1e6 for each in holds_us),
        handoff_s=_median_of_means(told, "handoff") / 1e6,
        idle_start_s=starts_us / 1e6,
        beside_s=(served_us - holds_us[1] - starts_us) / 1e6,
        warmup_s=max(run.planned.warmup_s, seconds * WARMUP_TURNS / WINDOW_TURNS if fitted else 0.0),
        seconds=seconds,
    )


def _median_of_means(told: Sequence[Mapping[str, Distribution]], name: str) -> float:
    """In microseconds; 0 where nobody met it: then it adds to nobody's wait."""
    return median([each[name].mean for each in told if name in each] or [0.0])


def _law(mode: str, station: Station, rates: Sequence[float], kept: Condition | None) -> ArrivalLaw:
    statistic = None if kept is None else kept.metric.name.removeprefix("response_")
    wanted = dict.fromkeys(["p50", *([statistic] if statistic in (*_SHARES, "mean") else [])])
    simulated = [response_times(station, rate, wanted) for rate in rates]
    times_us = {name: tuple(each[name] * 1e6 for each in simulated) for name in wanted}
    breaks_at = None
    if kept is not None and statistic in times_us:
        breaks_at = _crossing(rates, times_us[statistic], kept.bound)
    return ArrivalLaw(mode, station.permits, tuple(rates), times_us, breaks_at)


def _crossing(rates: Sequence[float], times_us: Sequence[float], bound_us: float) -> float | None:
    """Where the time comes to the bound, by straight lines through logs."""
    points = zip(rates, times_us, strict=True)
    for (rate, time_us), (next_rate, next_us) in itertools.pairwise(points):
        if time_us < bound_us <= next_us:
            share = math.log(bound_us / time_us) / math.log(next_us / time_us)
            return float(rate * (next_rate / rate) ** share)
    return None


def response_times(
    station: Station, rate_per_s: float, statistics: Sequence[str] | Mapping[str, None], seed: int = 1
) -> dict[str, float]:
    """Statistics of the response time in the middle one of RUNS cells, in seconds. statistics: of STATISTICS.

    What ends in a cell's window counts. A percentile is the time of a nearest rank.
    """
    assert set(statistics) <= set(STATISTICS)
    rng = np.random.default_rng(seed)
    over_s = station.warmup_s + station.seconds
    # A few more than come by then, in all but one of some ten thousand cells.
    count = math.ceil(rate_per_s * over_s + 4 * math.sqrt(rate_per_s * over_s)) + 4
    arrivals = np.cumsum(rng.exponential(1 / rate_per_s, (count, RUNS)), axis=0)
    holds = np.interp(rng.random((count, RUNS)), [share for share, _ in _TOLD], station.holds_s)
    responses = waits(station, arrivals, holds) + holds + station.beside_s
    ends = arrivals + responses
    counted = np.where((ends >= station.warmup_s) & (ends < over_s), responses, np.nan)
    counted = counted[:, ~np.all(np.isnan(counted), axis=0)]
    return {name: _middle(counted, name) for name in statistics}


def _middle(counted: _Vector, statistic: str) -> float:
    """The median over all cells; 0 where nothing ended in any of them."""
    if not counted.size:
        return 0.0
    if statistic == "mean":
        return float(np.median(np.nanmean(counted, axis=0)))
    of_each = np.nanquantile(counted, _SHARES[statistic], axis=0, method="inverted_cdf")
    return float(np.median(of_each))


def waits(station: Station, arrivals: _Vector, holds: _Vector) -> _Vector:
    """From each arrival to its admission, in seconds.

    Both: rows in order of arrival, a column for each cell.
    """
    cells = np.arange(arrivals.shape[1])
    free = np.full((arrivals.shape[1], station.permits), -np.inf)
    waited = np.empty_like(arrivals)
    for row, (arrival, hold) in enumerate(zip(arrivals, holds, strict=True)):
        first = free.argmin(axis=1)
        earliest = free[cells, first]
        start = np.where(earliest > arrival, earliest + station.handoff_s, arrival + station.idle_start_s)
        waited[row] = start - arrival
        free[cells, first] = start + hold
    return waited
