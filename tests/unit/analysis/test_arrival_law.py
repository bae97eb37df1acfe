"""What arrivals at random take by the holds that were measured, against formulas and against searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lockstep.analysis.arrival_law import Station, arrival_laws, response_times, waits
from lockstep.analysis.limits import limits
from lockstep.analysis.trials import promise_of
from lockstep.measure.queueing import waits_ns
from lockstep.runs.records import Mode, Run
from tests.factories.open_load import searched_rate_run, simulated_open_run

KEEP = "response_p99 < 80ms"
STEADY = Station(1, (0.005,) * 6, 0.0, 0.0, beside_s=0.0, warmup_s=2.0, seconds=60.0)


@pytest.mark.parametrize("permits", [1, 2, 5])
def test_waits_are_those_of_the_recursion_that_every_cell_is_held_against(permits: int) -> None:
    rng = np.random.default_rng(permits)
    arrivals_ns = np.cumsum(rng.integers(0, 2_000_000, (400, 1)), axis=0)
    holds_ns = rng.integers(0, 2_000_000 * permits, (400, 1))
    station = Station(permits, (0.0,) * 6, 30e-6, 110e-6, 0.0, 0.0, 1.0)
    found = waits(station, arrivals_ns / 1e9, holds_ns / 1e9)[:, 0]
    known = waits_ns(arrivals_ns[:, 0].tolist(), holds_ns[:, 0].tolist(), permits, 30_000, 110_000)
    assert found * 1e9 == pytest.approx(known, abs=1.0)


@pytest.mark.parametrize("busy", [0.2, 0.5, 0.8])
def test_in_long_cells_the_mean_is_that_of_pollaczek_and_khinchine(busy: float) -> None:
    """A constant hold of 5 ms: half of rho / (1 - rho) of them in line."""
    expected_s = 0.005 * (1 + busy / (2 * (1 - busy)))
    found = response_times(STEADY, busy / 0.005, ["mean"])
    assert found["mean"] == pytest.approx(expected_s, rel=0.04)


def test_percentiles_of_short_cells_are_less_than_those_of_long_ones() -> None:
    short = replace(STEADY, warmup_s=0.0, seconds=0.5)
    at_once = [response_times(each, 170.0, ["p99"])["p99"] for each in (short, STEADY)]
    assert at_once[0] < at_once[1]


@pytest.mark.parametrize("mode", ["ticket", "semaphore=4"])
def test_a_search_finds_the_rate_at_which_the_law_breaks_the_promise(mode: str) -> None:
    run = searched_rate_run(mode, KEEP)
    (limit,) = found = limits(run)
    (law,) = arrival_laws(run, found, promise_of(limit.search)[0])
    assert law.mode == mode
    assert law.breaks_at is not None
    assert limit.value is not None
    assert limit.value == pytest.approx(law.breaks_at, rel=0.1)


def test_over_all_rates_that_were_tried_the_law_is_near_what_was_measured() -> None:
    run = searched_rate_run("ticket", KEEP)
    (law,) = arrival_laws(run, limits(run), None)
    for trial in limits(run)[0].trials:
        if law.rates[0] <= trial.load <= law.rates[-1]:
            by_law = float(np.interp(trial.load, law.rates, law.times_us["p50"]))
            measured = np.median([cell.times["response"].p50 for cell in trial.cells])
            assert measured == pytest.approx(by_law, rel=0.25)


def without_permits(run: Run) -> Run:
    return replace(run, modes={name: Mode() for name in run.modes})


def without_a_server(run: Run) -> Run:
    return replace(run, cells=[replace(cell, server=None) for cell in run.cells])


def evenly(run: Run) -> Run:
    return replace(run, cells=[replace(cell, arrival="constant") for cell in run.cells])


@pytest.mark.parametrize("unknown", [without_permits, without_a_server, evenly])
def test_there_is_no_law_of_whom_too_little_is_known(unknown: Callable[[Run], Run]) -> None:
    run = unknown(searched_rate_run("ticket", KEEP))
    assert arrival_laws(run, limits(run), None) == []


def test_where_nothing_was_looked_for_there_is_none() -> None:
    run = simulated_open_run()
    assert arrival_laws(run, limits(run), None) == []
