"""What the server's connection records say of its queue, and the wait that theory derives from them.

For one permit under Poisson arrivals that is a formula (Pollaczek and Khinchine), with how far one run may
stray from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush, heapreplace
from operator import attrgetter
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lockstep.runs import histograms as distribution
from lockstep.runs.connections import ServerRecord
from lockstep.runs.measures import Distribution, WaitPrediction

# Before any arrival: when a permit that was never taken became free.
_ALWAYS = -1
RUNS = 400
# Beyond this many arrivals a mean is as good as normal: its spread falls with the root of their number.
MAX_SIMULATED = 10_000
# 95 of 100 runs lie between these percentiles.
_LOW, _HIGH = 2.5, 97.5
_CHUNK = 1_000
NS_PER_US = 1_000
NS_PER_S = 1_000_000_000
US_PER_S = 1_000_000
# With fewer connections a mean says nothing that a law could be held against.
MIN_CONNECTIONS = 50


class Admitted(NamedTuple):
    """A connection that was admitted; monotonic nanoseconds. release_ns: None while it keeps its permit."""

    arrival_ns: int
    admission_ns: int
    release_ns: int | None

    @property
    def hold_ns(self) -> int | None:
        """How long it had its permit; None while it keeps it."""
        return None if self.release_ns is None else self.release_ns - self.admission_ns


class Starts(NamedTuple):
    """How long admissions took to begin, in nanoseconds: permits handed on, and permits that lay free."""

    handoffs_ns: list[int]
    idle_starts_ns: list[int]


def times_of(records: Sequence[ServerRecord], permits: int | None) -> dict[str, Distribution]:
    """How one cell's connections passed the gate: times by name, without those of which nothing was counted.

    hold: admission to release. handoff: a release to the next admission while somebody waited. idle_start:
    arrival to admission where a permit lay free.
    records: in any order. permits: how many may be in service, None for no limit. Connections that were never
    admitted count nowhere; those not yet released keep their permit.
    """
    admitted = in_order_of_admission(records)
    starts = starts_of(admitted, permits)
    holds_ns = [each.hold_ns for each in admitted if each.hold_ns is not None]
    values_ns = {"hold": holds_ns, "handoff": starts.handoffs_ns, "idle_start": starts.idle_starts_ns}
    summaries = ((name, distribution.of_values(values)) for name, values in values_ns.items())
    return {name: each for name, each in summaries if each is not None}


def starts_of(admitted: Sequence[Admitted], permits: int | None) -> Starts:
    """Hand-offs and idle starts of connections in order of admission.

    The k-th admission is held against the k-th arrival, whoever came in: then that many had arrived, and one
    fewer had been admitted, so somebody waited. It takes the permit that has been free longest. If that
    permit was released after that arrival, it was handed on; if it lay free already, the server had only to
    start. With one permit this is exact; with several, which of two free permits was taken is not recorded,
    but taking the oldest never calls a late start a hand-off. An admission beyond the permits (its
    predecessor's record was dropped) counts as neither; who was not released keeps its permit. Where nothing
    limits, every start is idle.
    """
    if permits is None:
        return Starts([], [each.admission_ns - each.arrival_ns for each in admitted])
    arrivals_ns = sorted(each.arrival_ns for each in admitted)
    free_at_ns = [_ALWAYS] * permits
    starts = Starts([], [])
    for arrival_ns, (_, admission_ns, release_ns) in zip(arrivals_ns, admitted, strict=True):
        if free_at_ns and free_at_ns[0] <= admission_ns:
            free_ns = heappop(free_at_ns)
            if free_ns >= arrival_ns:
                starts.handoffs_ns.append(admission_ns - free_ns)
            else:
                starts.idle_starts_ns.append(admission_ns - arrival_ns)
        if release_ns is not None:
            heappush(free_at_ns, release_ns)
    return starts


def in_order_of_admission(records: Sequence[ServerRecord]) -> list[Admitted]:
    """Those that were admitted."""
    admitted = (
        Admitted(record.arrival_ns, record.admission_ns, record.release_ns)
        for record in records
        if record.admission_ns is not None
    )
    return sorted(admitted, key=attrgetter("admission_ns"))


def predict_wait(
    records: Sequence[ServerRecord], permits: int | None, *, poisson: bool, seed: int = 1
) -> WaitPrediction | None:
    """The mean wait that had to be, beside the one that was, over the same connections.

    records: one cell's, in any order, complete from an empty server on, of a mode that admits connections.
    permits: how many may be in service. poisson: whether arrivals at the server are (under open load they
    are; with `iterative` and `process=N` they are not, the kernel holds them back until somebody is free).
    None where nothing limits, or fewer than MIN_CONNECTIONS connections were admitted and released.

    The k-th hold, in order of admission, goes to the k-th arrival: in whatever order the waiting are served,
    admissions fall at the same times, and the mean wait is the mean admission less the mean arrival.
    Hand-off and idle start are the means that the same records show (`starts_of`). Utilisation is the part
    of the time, from the first arrival to the last release, in which a permit was held or being handed on.
    """
    released = [each for each in in_order_of_admission(records) if each.release_ns is not None]
    if permits is None or len(released) < MIN_CONNECTIONS:
        return None
    arrivals_ns = sorted(each.arrival_ns for each in released)
    holds_ns = [each.hold_ns for each in released if each.hold_ns is not None]
    last_ns = max(each.admission_ns + hold_ns for each, hold_ns in zip(released, holds_ns, strict=True))
    starts = starts_of(released, permits)
    handoff_ns, idle_start_ns = _mean(starts.handoffs_ns), _mean(starts.idle_starts_ns)
    span_ns = max(last_ns - arrivals_ns[0], 1)
    predicted_ns = waits_ns(arrivals_ns, holds_ns, permits, handoff_ns, idle_start_ns)
    prediction = WaitPrediction(
        connections=len(released),
        permits=permits,
        utilisation=(sum(holds_ns) + sum(starts.handoffs_ns)) / (permits * span_ns),
        measured_us=(fmean(each.admission_ns for each in released) - fmean(arrivals_ns)) / NS_PER_US,
        predicted_us=fmean(predicted_ns) / NS_PER_US,
        hold_only_us=fmean(waits_ns(arrivals_ns, holds_ns, permits)) / NS_PER_US,
    )
    if not poisson or permits != 1:
        return prediction
    station = Station(
        rate_per_s=(len(arrivals_ns) - 1) * NS_PER_S / max(arrivals_ns[-1] - arrivals_ns[0], 1),
        holds_s=[hold_ns / NS_PER_S for hold_ns in holds_ns],
        handoff_s=handoff_ns / NS_PER_S,
        idle_start_s=idle_start_ns / NS_PER_S,
    )
    return _with_formula(prediction, station, seed)


def waits_ns(
    arrivals_ns: Sequence[int],
    holds_ns: Sequence[int],
    permits: int,
    handoff_ns: float = 0.0,
    idle_start_ns: float = 0.0,
) -> list[float]:
    """Every arrival's wait for one of the permits, first come, first served, in nanoseconds.

    Lindley's (1952) recursion for one permit, Kiefer and Wolfowitz's (1955) for several: an arrival takes the
    permit that is free first. arrivals_ns ascend; holds_ns are in order of admission.

    An arrival that finds its permit free starts after idle_start_ns, one that finds it taken is admitted
    handoff_ns after the release. One that comes just before the release is in truth still starting its thread
    when the permit falls free, and is not woken; it is counted with the waiting all the same, because
    `starts_of` counts it so where the mean hand-off comes from: what such arrivals save or lose is in that
    mean, and the sum of all waits comes out right. A rule of its own here would count it twice.
    """
    free_at_ns = [float("-inf")] * permits
    waits = []
    for arrival_ns, hold_ns in zip(arrivals_ns, holds_ns, strict=True):
        ahead_ns = free_at_ns[0] - arrival_ns
        wait_ns = ahead_ns + handoff_ns if ahead_ns >= 0 else idle_start_ns
        waits.append(wait_ns)
        heapreplace(free_at_ns, arrival_ns + wait_ns + hold_ns)
    return waits


def _with_formula(prediction: WaitPrediction, station: Station, seed: int) -> WaitPrediction:
    """With the Pollaczek-Khinchine mean and its interval, where there is a steady state."""
    mean_s = mean_wait_s(station)
    within_s = interval_s(station, prediction.connections, seed)
    if mean_s is None or within_s is None:
        return prediction
    low_s, high_s = within_s
    return replace(
        prediction,
        khinchine_us=mean_s * US_PER_S,
        khinchine_low_us=low_s * US_PER_S,
        khinchine_high_us=high_s * US_PER_S,
    )


def _mean(values_ns: Sequence[int]) -> float:
    """Their mean; 0 where nobody met it: then it adds to nobody's wait."""
    return fmean(values_ns) if values_ns else 0.0


@dataclass(frozen=True, slots=True)
class Station:
    """One permit under Poisson arrivals, in seconds.

    rate_per_s: arrivals. holds_s: holds as they were measured. handoff_s: added to the wait of whoever found
    the permit taken. idle_start_s: the wait of whoever found it free.
    """

    rate_per_s: float
    holds_s: Sequence[float]
    handoff_s: float = 0.0
    idle_start_s: float = 0.0


def mean_wait_s(station: Station) -> float | None:
    """The mean wait from arrival to admission, in seconds; None where there is no steady state.

    Pollaczek (1930) and Khinchine (1932) for service times of hold + hand-off. Whoever finds the permit free
    pays an idle start in place of the hand-off: Welch's (1964) generalisation, which weighs either by the
    share of arrivals that meet it. Where both are equal, or 0, it is the plain formula.
    """
    rate = station.rate_per_s
    later_mean, later_square = _moments(station.holds_s, station.handoff_s)
    first_mean, first_square = _moments(station.holds_s, station.idle_start_s)
    free = 1 - rate * later_mean
    if free <= 0:
        return None
    weight = free + rate * first_mean
    ahead_s = rate * later_square / (2 * free) + rate * (first_square - later_square) / (2 * weight)
    found_free = free / weight
    return ahead_s + found_free * station.idle_start_s + (1 - found_free) * station.handoff_s


def interval_s(station: Station, arrivals: int, seed: int) -> tuple[float, float] | None:
    """Between which mean waits 95 of 100 runs of so many arrivals fall, in seconds.

    None where there is no steady state. RUNS runs from an empty server are simulated, the holds drawn anew
    from the measured ones (Efron, 1979); the same seed gives the same interval.
    """
    expected = mean_wait_s(station)
    if expected is None:
        return None
    simulated = min(arrivals, MAX_SIMULATED)
    means = simulate_means_s(station, simulated, RUNS, np.random.default_rng(seed))
    low, high = np.percentile(means, (_LOW, _HIGH))
    narrower = (simulated / arrivals) ** 0.5
    return expected + (float(low) - expected) * narrower, expected + (float(high) - expected) * narrower


def simulate_means_s(
    station: Station, arrivals: int, runs: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The mean wait of each of several simulated runs, in seconds: Lindley (1952), all runs side by side."""
    holds = np.asarray(station.holds_s, dtype=np.float64)
    # How long, seen from an arrival, the permit stays taken; at or below 0 it lies free.
    ahead = np.zeros(runs)
    total = np.zeros(runs)
    for begun in range(0, arrivals, _CHUNK):
        count = min(_CHUNK, arrivals - begun)
        gaps = rng.exponential(1 / station.rate_per_s, (count, runs))
        drawn = holds[rng.integers(0, len(holds), (count, runs))]
        for gap, hold in zip(gaps, drawn, strict=True):
            ahead -= gap
            wait = np.where(ahead > 0, ahead + station.handoff_s, station.idle_start_s)
            total += wait
            np.add(wait, hold, out=ahead)
    return total / arrivals


def _moments(holds_s: Sequence[float], added_s: float) -> tuple[float, float]:
    """Mean and mean square of the holds, each with so much added."""
    times = np.asarray(holds_s, dtype=np.float64) + added_s
    return float(times.mean()), float(np.square(times).mean())
