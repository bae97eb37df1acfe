"""The formula against a simulation that knows nothing of it."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from lockstep.measure.queueing import (
    MAX_SIMULATED,
    Station,
    interval_s,
    mean_wait_s,
    simulate_means_s,
)

HOLD_S = 0.002


def exponential(rng: random.Random) -> float:
    return rng.expovariate(1 / HOLD_S)


def constant(_: random.Random) -> float:
    return HOLD_S


def two_kinds(rng: random.Random) -> float:
    return rng.choice((0.0005, 0.0005, 0.005))


def station(
    hold: Callable[[random.Random], float], utilisation: float, handoff_s: float = 0, idle_start_s: float = 0
) -> Station:
    rng = random.Random(3)
    holds_s = [hold(rng) for _ in range(2_000)]
    rate_per_s = utilisation / (sum(holds_s) / len(holds_s) + handoff_s)
    return Station(rate_per_s, holds_s, handoff_s, idle_start_s)


def test_with_constant_holds_it_is_the_textbooks_formula() -> None:
    """M/D/1: utilisation over 2 (1 - utilisation), in holds."""
    assert mean_wait_s(station(constant, 0.8)) == pytest.approx(0.8 / (2 * 0.2) * HOLD_S)


def test_one_and_the_same_overhead_for_everybody_is_a_longer_service_begun_by_that_overhead() -> None:
    plain = mean_wait_s(Station(200, [0.0025]))
    split = mean_wait_s(Station(200, [0.002], handoff_s=0.0005, idle_start_s=0.0005))
    assert plain is not None
    assert split == pytest.approx(plain + 0.0005)


@pytest.mark.parametrize("hold", [exponential, constant, two_kinds])
@pytest.mark.parametrize("utilisation", [0.3, 0.7])
@pytest.mark.parametrize(("handoff_s", "idle_start_s"), [(0, 0), (0.0004, 0.0001), (0.0001, 0.0009)])
def test_many_simulated_runs_wait_as_long_as_the_formula_says(
    hold: Callable[[random.Random], float], utilisation: float, handoff_s: float, idle_start_s: float
) -> None:
    at = station(hold, utilisation, handoff_s, idle_start_s)
    means = simulate_means_s(at, 2_000, 300, np.random.default_rng(11))
    assert float(means.mean()) == pytest.approx(mean_wait_s(at), rel=0.03)


def test_about_95_of_100_other_runs_fall_into_the_interval() -> None:
    at = station(exponential, 0.6, 0.0001, 0.0001)
    said = interval_s(at, 1_500, seed=1)
    assert said is not None
    others = simulate_means_s(at, 1_500, 400, np.random.default_rng(99))
    inside = float(np.mean((others >= said[0]) & (others <= said[1])))
    assert 0.92 <= inside <= 0.98


def test_a_longer_run_strays_less_also_beyond_what_is_simulated() -> None:
    at = station(exponential, 0.6)
    widths = [
        high - low
        for count in (1_000, MAX_SIMULATED, 4 * MAX_SIMULATED)
        if (said := interval_s(at, count, seed=1)) is not None
        for low, high in [said]
    ]
    assert widths[0] > widths[1] > widths[2]
    assert widths[2] == pytest.approx(widths[1] / 2)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    at = station(exponential, 0.6)
    assert interval_s(at, 500, seed=1) == interval_s(at, 500, seed=1) != interval_s(at, 500, seed=2)


@pytest.mark.parametrize("utilisation", [1.0001, 1.7])
def test_without_a_steady_state_there_is_neither_mean_nor_interval(utilisation: float) -> None:
    assert mean_wait_s(station(constant, utilisation)) is None
    assert interval_s(station(constant, utilisation), 100, seed=1) is None
