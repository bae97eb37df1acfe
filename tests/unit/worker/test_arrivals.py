"""Schedules: even to the nanosecond, random as promised, the same again, and whole when put together."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from statistics import fmean, variance

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.errors import PlanError
from lockstep.traffic import ARRIVALS, Arrival
from lockstep.worker.arrivals import BLOCK, SCHEDULES, Constant, Poisson, Schedule, schedule_of

S = 1_000_000_000

rates = st.floats(0.001, 1_000_000, allow_nan=False)
teams = st.integers(1, 40).flatmap(lambda workers: st.tuples(st.just(workers), st.integers(0, workers - 1)))


def gaps(moments: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(moments)]


@settings(deadline=None)
@given(rates, st.integers(1, 40), st.integers(0, 10**9))
def test_the_workers_constant_schedules_together_are_evenly_spaced(
    rate: float, workers: int, start: int
) -> None:
    schedules = [Constant(rate, worker, workers) for worker in range(workers)]
    merged = sorted(schedule.due_ns(k) for k in range(start, start + 3) for schedule in schedules)
    exact = [Fraction(start * workers + n) * S / Fraction(str(rate)) for n in range(3 * workers)]
    assert merged == [int(moment) for moment in exact]


@pytest.mark.parametrize(
    ("rate", "k", "due_ns"),
    [
        (1000, 10**9, 10**9 * 1_000_000),
        (3, 3 * 10**9, 10**9 * S),
        (0.1, 10**9, 10**10 * S),
        (0.001, 5, 5000 * S),
        (1_000_000, 10**12, 10**15),
    ],
)
def test_a_constant_schedule_has_not_drifted_after_a_long_time(rate: float, k: int, due_ns: int) -> None:
    assert Constant(rate, 0, 1).due_ns(k) == due_ns


def assert_counts_are_those_of_the_moments(schedule: Schedule, first: int) -> None:
    for k in (first, first + 1, first + 2):
        due_ns = schedule.due_ns(k)
        assert schedule.count_before(due_ns) <= k
        assert schedule.count_before(due_ns + 1) >= k + 1
        before = schedule.count_before(due_ns)
        assert schedule.due_ns(before) == due_ns
        assert before == 0 or schedule.due_ns(before - 1) < due_ns


@settings(deadline=None)
@given(rates, teams, st.integers(0, 10**9))
def test_a_constant_schedule_counts_what_is_due_before_a_moment(
    rate: float, team: tuple[int, int], first: int
) -> None:
    workers, worker = team
    assert_counts_are_those_of_the_moments(Constant(rate, worker, workers), first)


@settings(deadline=None)
@given(rates, teams, st.integers(0, 4 * BLOCK), st.integers(0, 99))
def test_a_poisson_schedule_counts_what_is_due_before_a_moment(
    rate: float, team: tuple[int, int], first: int, seed: int
) -> None:
    workers, worker = team
    assert_counts_are_those_of_the_moments(Poisson(rate, worker, workers, seed), first)


@pytest.mark.parametrize("schedule", [Constant(5, 1, 3), Poisson(5, 1, 3, 7)])
@pytest.mark.parametrize("elapsed_ns", [-5, 0])
def test_nothing_is_due_before_the_start(schedule: Schedule, elapsed_ns: int) -> None:
    assert schedule.count_before(elapsed_ns) == 0


@settings(deadline=None)
@given(st.lists(st.integers(0, 5 * BLOCK), min_size=1), st.integers(0, 2**40))
def test_a_poisson_schedule_is_the_same_in_whatever_order_it_is_asked(order: list[int], seed: int) -> None:
    straight = Poisson(1000, 2, 4, seed)
    in_order = [straight.due_ns(k) for k in range(max(order) + 1)]
    assert in_order == sorted(in_order)
    jumping = Poisson(1000, 2, 4, seed)
    assert [jumping.due_ns(k) for k in order] == [in_order[k] for k in order]


def test_worker_and_seed_each_change_a_poisson_schedule() -> None:
    firsts = {Poisson(1000, worker, 2, seed).due_ns(0) for worker in (0, 1) for seed in (0, 1)}
    assert len(firsts) == 4


# Of 20,000 exponential gaps the mean strays by 0.7 % and the variance by 2 % (one standard error each): the
# bounds are five of those. The correlation of neighbours strays by 0.7 %.
@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("rate", [0.5, 10_000])
def test_the_workers_poisson_schedules_together_are_poisson_at_the_full_rate(
    workers: int, rate: float
) -> None:
    horizon_ns = round(20_000 / rate * S)
    merged: list[int] = []
    for worker in range(workers):
        schedule = Poisson(rate, worker, workers, seed=11)
        merged += [schedule.due_ns(k) for k in range(schedule.count_before(horizon_ns))]
    between = gaps(sorted(merged))
    mean_ns = S / rate
    assert fmean(between) == pytest.approx(mean_ns, rel=0.035)
    assert variance(between) == pytest.approx(mean_ns**2, rel=0.1)
    products = [(a - mean_ns) * (b - mean_ns) for a, b in pairwise(between)]
    assert abs(fmean(products)) / mean_ns**2 < 0.035


def test_a_poisson_schedule_keeps_its_rate_over_a_million_arrivals() -> None:
    assert Poisson(1000, 0, 1, seed=3).due_ns(10**6) == pytest.approx(1000 * S, rel=0.005)


@pytest.mark.parametrize(
    ("arrival", "kind"),
    [
        (Arrival(), type(None)),
        (Arrival("constant", 5.0), Constant),
        (Arrival("poisson", 5.0), Poisson),
    ],
)
def test_a_plans_arrival_has_its_schedule(arrival: Arrival, kind: type) -> None:
    assert type(schedule_of(arrival, 0, 1, 0)) is kind


def test_every_kind_of_arrivals_that_a_plan_may_ask_for_has_a_schedule_of_its_own() -> None:
    assert {"closed", *SCHEDULES} == set(ARRIVALS)


def test_a_kind_that_is_unknown_here_is_an_error_and_no_other_kind() -> None:
    arrival = Arrival("constant", 5.0)
    object.__setattr__(arrival, "kind", "bursty")
    with pytest.raises(KeyError, match="bursty"):
        schedule_of(arrival, 0, 1, 0)


@pytest.mark.parametrize(
    ("kind", "rate", "what", "remedy"),
    [
        ("dance", None, "arrival", "choose from closed, constant, poisson"),
        ("poisson", None, "rate", "--rate 100"),
        ("constant", None, "rate", "--rate 100"),
        ("closed", 5.0, "rate", "leave it out"),
        ("constant", 0.0, "rate", "give 0.001 to 1000000"),
        ("constant", -1.0, "rate", "give 0.001"),
        ("poisson", 2_000_000.0, "rate", "give 0.001"),
        ("poisson", float("nan"), "rate", "give 0.001"),
    ],
)
def test_an_arrival_that_makes_no_sense_names_its_flag_and_the_remedy(
    kind: str, rate: float | None, what: str, remedy: str
) -> None:
    with pytest.raises(PlanError) as refusal:
        Arrival(kind, rate)
    assert refusal.value.what == what
    assert remedy in str(refusal.value)
