"""The wait that had to be: theory against theory, and against records made by hand."""

from __future__ import annotations

import random
from itertools import accumulate, pairwise
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.measure.queueing import MIN_CONNECTIONS, Admitted, predict_wait, starts_of, waits_ns
from lockstep.runs.connections import ServerRecord
from tests.factories.units import MS, US

SERVICE_NS = 2 * MS
ARRIVALS = 200_000

stays = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 90)), min_size=1, max_size=60)


def lindley(gaps: list[int], holds: list[int]) -> list[int]:
    """W' = max(0, W + S - A), as the textbooks write it."""
    waits = [0]
    for gap, hold in zip(gaps[1:], holds, strict=False):
        waits.append(max(0, waits[-1] + hold - gap))
    return waits


def mean_wait_ns(permits: int, utilisation: float, constant: bool) -> float:
    """Of many Poisson arrivals with exponential or constant holds."""
    rng = random.Random(7)
    rate = utilisation * permits / SERVICE_NS
    arrivals = list(accumulate(round(rng.expovariate(rate)) for _ in range(ARRIVALS)))
    holds = [SERVICE_NS if constant else round(rng.expovariate(1 / SERVICE_NS)) for _ in range(ARRIVALS)]
    waits = waits_ns(arrivals, holds, permits)
    return sum(waits) / len(waits)


def erlang_c_wait_ns(permits: int, utilisation: float) -> float:
    """Erlang (1917): the share that waits, times what the line takes to move up."""
    load = utilisation * permits
    all_taken = load**permits / factorial(permits) / (1 - utilisation)
    share = all_taken / (sum(load**k / factorial(k) for k in range(permits)) + all_taken)
    return share * SERVICE_NS / (permits * (1 - utilisation))


@pytest.mark.parametrize("permits", [1, 2, 4, 8])
@pytest.mark.parametrize("utilisation", [0.5, 0.8])
def test_exponential_holds_wait_as_long_as_erlang_says(permits: int, utilisation: float) -> None:
    expected = erlang_c_wait_ns(permits, utilisation)
    assert mean_wait_ns(permits, utilisation, constant=False) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("utilisation", [0.5, 0.8])
def test_constant_holds_wait_half_as_long_as_exponential_ones(utilisation: float) -> None:
    expected = erlang_c_wait_ns(1, utilisation) / 2
    assert mean_wait_ns(1, utilisation, constant=True) == pytest.approx(expected, rel=0.06)


@given(stays)
def test_with_one_permit_it_is_lindleys_recursion(each: list[tuple[int, int]]) -> None:
    gaps, holds = [gap for gap, _ in each], [hold for _, hold in each]
    assert waits_ns(list(accumulate(gaps)), holds, 1) == lindley(gaps, holds)


@given(stays, st.integers(1, 6), st.integers(0, 9), st.integers(0, 9))
def test_nobody_waits_less_than_nothing(
    each: list[tuple[int, int]], permits: int, handoff_ns: int, idle_start_ns: int
) -> None:
    arrivals, holds = list(accumulate(gap for gap, _ in each)), [hold for _, hold in each]
    waits = waits_ns(arrivals, holds, permits, handoff_ns, idle_start_ns)
    assert min(waits) >= 0
    assert len(waits) == len(each)


@given(stays, st.integers(1, 5))
def test_one_permit_more_makes_nobody_wait_longer(each: list[tuple[int, int]], permits: int) -> None:
    arrivals, holds = list(accumulate(gap for gap, _ in each)), [hold for _, hold in each]
    fewer, more = waits_ns(arrivals, holds, permits), waits_ns(arrivals, holds, permits + 1)
    assert all(late >= early for late, early in zip(fewer, more, strict=True))


def test_who_waits_pays_a_hand_off_and_who_finds_a_free_permit_an_idle_start() -> None:
    assert waits_ns([0, 50, 500], [100, 100, 100], 1, handoff_ns=20, idle_start_ns=10) == [10, 80, 10]
    assert waits_ns([0, 10, 20], [100, 100, 100], 2, handoff_ns=20, idle_start_ns=5) == [5, 5, 105]


@given(stays, st.integers(0, 20), st.integers(0, 20))
def test_overheads_are_read_back_out_of_the_waits_that_they_made(
    each: list[tuple[int, int]], handoff_ns: int, idle_start_ns: int
) -> None:
    arrivals, holds = list(accumulate(gap for gap, _ in each)), [hold for _, hold in each]
    waits = waits_ns(arrivals, holds, 1, handoff_ns, idle_start_ns)
    admissions = [round(arrival + wait) for arrival, wait in zip(arrivals, waits, strict=True)]
    releases = [admission + hold for admission, hold in zip(admissions, holds, strict=True)]
    handoffs, idle_starts = starts_of(list(map(Admitted, arrivals, admissions, releases)), 1)
    assert len(handoffs) + len(idle_starts) == len(each)
    assert set(handoffs) <= {handoff_ns}
    assert set(idle_starts) <= {idle_start_ns}


def records_of(mean_gap_us: int, handoff_us: int, count: int = 400, permits: int = 1) -> list[ServerRecord]:
    """Poisson arrivals with holds of 1 to 3 ms, handed on and started as told; not in order."""
    rng = random.Random(5)
    arrivals = list(accumulate(round(rng.expovariate(1 / mean_gap_us)) * US for _ in range(count)))
    holds = [rng.randrange(MS, 3 * MS) for _ in range(count)]
    waits = waits_ns(arrivals, holds, permits, handoff_us * US, 90 * US)
    admissions = [round(arrival + wait) for arrival, wait in zip(arrivals, waits, strict=True)]
    records = [
        ServerRecord(arrival, admission, admission + hold, admission + hold, "peer", 1)
        for arrival, admission, hold in zip(arrivals, admissions, holds, strict=True)
    ]
    rng.shuffle(records)
    return records


@pytest.mark.parametrize(("permits", "handoff_us"), [(1, 5), (1, 120), (1, 900), (3, 5), (3, 120)])
def test_a_server_that_keeps_the_model_waits_as_predicted(permits: int, handoff_us: int) -> None:
    said = predict_wait(records_of(3_000 // permits, handoff_us, permits=permits), permits, poisson=True)
    assert said is not None
    assert (said.connections, said.permits) == (400, permits)
    assert said.predicted_us == pytest.approx(said.measured_us, rel=0.001)
    assert said.hold_only_us < said.predicted_us
    assert 0 < said.utilisation < 1


def test_two_that_overtake_each_other_change_no_mean() -> None:
    """The lock is a lottery, but a hold is worked off at the same time whoever's it is."""
    records = sorted(records_of(2_300, 100), key=lambda record: record.arrival_ns)
    fair = predict_wait(records, 1, poisson=False)
    place = next(
        number
        for number, (one, other) in enumerate(pairwise(records))
        if one.admission_ns is not None and other.arrival_ns < one.admission_ns - 200 * US
    )
    one, other = records[place : place + 2]
    records[place : place + 2] = [
        ServerRecord(one.arrival_ns, *times(other)),
        ServerRecord(other.arrival_ns, *times(one)),
    ]
    unfair = predict_wait(records, 1, poisson=False)
    assert fair is not None
    assert unfair is not None
    assert unfair.measured_us == pytest.approx(fair.measured_us)
    assert unfair.predicted_us == pytest.approx(fair.predicted_us, rel=0.01)


def times(record: ServerRecord) -> tuple[int | None, int | None, int | None, str | None, int]:
    return record.admission_ns, record.release_ns, record.close_ns, record.cause, record.messages


def test_hand_offs_that_grow_with_the_line_show_as_a_difference() -> None:
    """What the model leaves out must not vanish in it: the mean hand-off is too short where it counts."""
    arrivals = sorted(record.arrival_ns for record in records_of(2_500, 0))
    free_at_ns, records = 0, []
    for arrival_ns in arrivals:
        line = sum(arrival_ns < other_ns <= free_at_ns for other_ns in arrivals)
        admission_ns = max(arrival_ns, free_at_ns + line * 60 * US)
        free_at_ns = admission_ns + 2 * MS
        records.append(ServerRecord(arrival_ns, admission_ns, free_at_ns, free_at_ns, "peer", 1))
    said = predict_wait(records, 1, poisson=True)
    assert said is not None
    assert said.predicted_us < 0.97 * said.measured_us


def test_formula_and_interval_are_there_for_one_permit_and_poisson_arrivals_only() -> None:
    one = predict_wait(records_of(3_000, 50), 1, poisson=True)
    closed = predict_wait(records_of(3_000, 50), 1, poisson=False)
    several = predict_wait(records_of(1_000, 50, permits=3), 3, poisson=True)
    assert one is not None
    assert closed is not None
    assert several is not None
    assert one.khinchine_us is not None
    assert one.khinchine_low_us is not None
    assert one.khinchine_high_us is not None
    assert one.khinchine_low_us < one.measured_us < one.khinchine_high_us
    assert (closed.khinchine_us, closed.khinchine_low_us, several.khinchine_high_us) == (None, None, None)


def test_beyond_saturation_there_is_a_prediction_but_no_formula() -> None:
    said = predict_wait(records_of(1_500, 50), 1, poisson=True)
    assert said is not None
    assert said.predicted_us == pytest.approx(said.measured_us, rel=0.001)
    assert said.khinchine_us is None


@pytest.mark.parametrize(
    ("count", "permits", "there"),
    [(MIN_CONNECTIONS - 1, 1, False), (MIN_CONNECTIONS, 1, True), (400, None, False)],
)
def test_too_few_connections_or_no_limit_is_no_prediction(
    count: int, permits: int | None, there: bool
) -> None:
    said = predict_wait(records_of(3_000, 50, count), permits, poisson=True)
    assert (said is not None) is there


def test_who_was_not_admitted_or_not_released_is_in_no_mean() -> None:
    records = records_of(3_000, 50)
    last_ns = max(record.arrival_ns for record in records)
    waiting = ServerRecord(last_ns + 1, None, None, None, None, 0)
    held = ServerRecord(last_ns, last_ns + 900 * MS, None, None, None, 0)
    assert predict_wait(records, 1, poisson=True) == predict_wait([*records, waiting, held], 1, poisson=True)
