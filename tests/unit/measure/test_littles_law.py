"""Little's law: in exact numbers where nothing is cut, and what edges may and may not excuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.measure import littles_law
from lockstep.runs.histograms import of_values
from lockstep.runs.measures import Occupancy
from lockstep.runs.records import Cell
from tests.factories.runs import with_times
from tests.factories.simulated import counted, simulated_run
from tests.factories.units import MS, US


@pytest.fixture(scope="module")
def cell() -> Cell:
    """Ten users; a session takes 9 ms and 1 ms lies before the next; a message takes 3 ms."""
    some = simulated_run(modes=("lock",), levels=(1,), repeats=1)[0].cells[0]
    return replace(
        some,
        level=10,
        seconds=2.0,
        sessions_per_s=1_000.0,
        messages_per_s=2_500.0,
        times=counted(
            session=of_values([9 * MS]),
            response=of_values([3_500 * US]),
            round_trip=of_values([3 * MS]),
            send_lag=of_values([1 * MS]),
        ),
    )


def both(law: Occupancy | None) -> tuple[float, float]:
    assert law is not None
    return law.counted, law.computed


def test_users_that_go_round_are_as_many_as_throughput_times_their_round(cell: Cell) -> None:
    assert both(littles_law.at_the_client(cell)) == pytest.approx((10, 10))


def test_where_connections_stay_open_a_round_is_a_message(cell: Cell) -> None:
    said = littles_law.at_the_client(replace(cell, scenario="persistent"))
    assert both(said) == pytest.approx((10, 2_500 * 0.004))


def test_where_no_round_trip_was_recorded_the_response_stands_for_it(cell: Cell) -> None:
    said = littles_law.at_the_client(with_times(replace(cell, scenario="persistent"), round_trip=None))
    assert both(said) == pytest.approx((10, 2_500 * 0.0045))


def test_under_open_load_the_number_in_flight_is_held_against_the_exchanges_alone(cell: Cell) -> None:
    opened = replace(cell, arrival="poisson", rate_per_s=1_000.0)
    assert both(littles_law.at_the_client(opened, in_flight=9.1)) == pytest.approx((9.1, 9.0))
    assert littles_law.at_the_client(opened) is None


def test_without_a_time_there_is_no_law(cell: Cell) -> None:
    assert littles_law.at_the_client(with_times(cell, session=None)) is None
    assert littles_law.at_the_server(5, 0, 5, 5.0) is None


def test_the_server_adds_up_the_nanoseconds_in_service() -> None:
    said = littles_law.at_the_server(
        in_service_ns=3_000 * MS, elapsed_ns=2_000 * MS, released=500, hold_mean_us=6_000
    )
    assert both(said) == pytest.approx((1.5, 1.5))


@pytest.mark.parametrize(
    ("counted", "computed", "completed", "holds"),
    [
        (10, 10.2, 100_000, True),
        (10, 10.31, 100_000, False),  # 3% is the limit
        (10, 9.69, 100_000, False),
        (10, 10.5, 1_000, False),  # a hundred rounds leave 1% to the edges: 5% is not excused
        (10, 10.39, 1_000, True),
        (10, 10.9, 140, True),  # fourteen rounds of each user: one more or less is 7%
        (10, 12, 140, False),
        (0, 0, 0, True),
        (3, 0, 0, False),
    ],
)
def test_a_difference_is_excused_by_one_exchange_a_user_and_no_more(
    counted: float, computed: float, completed: float, holds: bool
) -> None:
    assert littles_law.agrees(Occupancy(counted, computed), completed) is holds


@pytest.mark.parametrize("phase", range(0, 100, 7))
@pytest.mark.parametrize("rounds", [3, 10, 60])
def test_edges_alone_never_break_the_law(rounds: int, phase: int) -> None:
    """Ten users go round in 100 ms without a pause, all at once: the worst that a window's edges can cut."""
    window_ms = rounds * 100 + 50
    starts = [phase - 100 + 100 * number for number in range(rounds + 3)]
    ended = 10 * sum(0 <= start + 100 < window_ms for start in starts)
    law = littles_law.closed_load(10, ended * 1_000 / window_ms, 100_000, 0)
    assert littles_law.agrees(law, ended)
