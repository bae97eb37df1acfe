"""One server with Poisson arrivals: the mean wait by formula, and how far one run may stray from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RUNS = 400
# Beyond this many arrivals a mean is as good as normal: its spread falls with the root of their number.
MAX_SIMULATED = 10_000
# 95 of 100 runs lie between these percentiles.
_LOW, _HIGH = 2.5, 97.5
_CHUNK = 1_000


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
