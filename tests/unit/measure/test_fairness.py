"""Order and fairness, out of records made by hand."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.measure.connections import (
    Sojourns,
    count_inversions,
    count_overtaken,
    jains_index,
    measure_fairness,
)
from lockstep.runs.connections import ServerRecord

US = 1_000


def stay(
    arrival_us: int, admission_us: int | None, release_us: int | None, messages: int = 1
) -> ServerRecord:
    def ns(value_us: int | None) -> int | None:
        return None if value_us is None else value_us * US

    return ServerRecord(arrival_us * US, ns(admission_us), ns(release_us), ns(release_us), "peer", messages)


def admitted_at(admissions: list[int]) -> Sojourns:
    """One arrival a microsecond, admitted then."""
    records = [stay(arrival, 100 + each, 1_000) for arrival, each in enumerate(admissions)]
    random.Random(1).shuffle(records)
    return Sojourns.of(records)


@pytest.mark.parametrize(
    ("admissions", "inversions", "overtaken"),
    [
        ([1, 2, 3, 4], 0, 0),
        ([4, 3, 2, 1], 6, 3),
        ([2, 1, 4, 3], 2, 2),
        ([4, 1, 2, 3], 3, 1),  # one is overtaken by three
        ([2, 3, 4, 1], 3, 3),  # one overtakes three
        ([5, 5, 5], 0, 0),
        ([], 0, 0),
    ],
)
def test_inversions_are_pairs_and_the_overtaken_are_connections(
    admissions: list[int], inversions: int, overtaken: int
) -> None:
    stays = admitted_at(admissions)
    assert (count_inversions(stays), count_overtaken(stays)) == (inversions, overtaken)


@given(st.lists(st.integers(0, 20), max_size=40))
def test_inversions_and_the_overtaken_are_what_looking_at_every_pair_finds(admissions: list[int]) -> None:
    pairs = [
        (one, two) for (one, first), (two, last) in combinations(enumerate(admissions), 2) if first > last
    ]
    stays = admitted_at(admissions)
    assert count_inversions(stays) == len(pairs)
    assert count_overtaken(stays) == len({one for one, _ in pairs})


@pytest.mark.parametrize(
    ("shares", "index"),
    [
        ([3.0, 3.0, 3.0], 1.0),
        ([1.0, 0.0, 0.0, 0.0], 0.25),
        ([2.0, 2.0, 0.0, 0.0], 0.5),
        ([0.0], None),
        ([], None),
    ],
)
def test_jains_index_is_the_part_that_shares_evenly(shares: list[float], index: float | None) -> None:
    assert jains_index(np.array(shares)) == index


def test_a_connections_share_is_its_messages_over_the_time_from_arrival_to_release() -> None:
    """Ten messages in 100 us and twenty in 200 are alike; one that is still served has no share yet."""
    records = [stay(0, 0, 100, 10), stay(0, 100, 200, 20), stay(0, 200, None, 7)]
    said = measure_fairness(Sojourns.of(records), {}, 0)
    assert said is not None
    assert said.jain == pytest.approx(1.0)
    assert said.connections == 3


def test_who_came_before_the_window_has_no_part_in_jains_index() -> None:
    """The first meets an empty server; the others wait for one another alike."""
    records = [stay(0, 0, 10), stay(50, 100, 150), stay(60, 110, 160)]
    whole = measure_fairness(Sojourns.of(records), {}, 0)
    steady = measure_fairness(Sojourns.of(records), {}, 50 * US)
    nobody = measure_fairness(Sojourns.of(records), {}, 70 * US)
    assert whole is not None
    assert steady is not None
    assert nobody is not None
    assert (steady.jain, nobody.jain) == (1.0, None)
    assert whole.jain is not None
    assert whole.jain < 0.5
    assert steady.connections == 3


def test_the_longest_wait_is_from_arrival_to_admission() -> None:
    said = measure_fairness(Sojourns.of([stay(0, 5, 10), stay(3, 50, 60), stay(40, 60, 70)]), {}, 0)
    assert said is not None
    assert (said.longest_wait_us, said.overtaken_share) == (47, 0)


def test_a_user_is_back_when_its_next_connection_is_admitted_and_never_before_it_left() -> None:
    visits = {
        "w/1": [stay(0, 5, 10), stay(12, 30, 40), stay(41, 45, None)],
        "w/2": [stay(0, 0, 90), stay(80, 85, 95)],  # back before its last permit was
        "w/3": [stay(0, 0, None), stay(80, 85, 95)],  # never released: nothing to be back from
    }
    records = [record for each in visits.values() for record in each]
    said = measure_fairness(Sojourns.of(records), visits, 0)
    assert said is not None
    assert said.reacquire_us is not None
    assert (said.reacquire_us.count, said.reacquire_us.min, said.reacquire_us.max) == (3, 0, 20)


def test_where_nobody_was_admitted_or_known_nothing_is_told() -> None:
    assert measure_fairness(Sojourns.of([stay(0, None, None)]).admitted, {}, 0) is None
    said = measure_fairness(Sojourns.of([stay(0, 1, 2)]), {}, 0)
    assert said is not None
    assert said.reacquire_us is None
