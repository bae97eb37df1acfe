"""Hold, hand-off, idle start and inversions, out of records made by hand."""

from __future__ import annotations

import pytest

from loadtest.analysis.overlap import greatest_overlap
from loadtest.analysis.queueing import analyse, count_inversions
from loadtest.results import ServerRecord

US = 1_000


def stay(arrival_us: int, admission_us: int | None, release_us: int | None) -> ServerRecord:
    def ns(value_us: int | None) -> int | None:
        return None if value_us is None else value_us * US

    return ServerRecord(arrival_us * US, ns(admission_us), ns(release_us), ns(release_us), "peer", 1)


def test_a_queue_with_one_server() -> None:
    """The first finds nobody; the second waits for it; the third comes when all is quiet again."""
    said = analyse([stay(0, 10, 110), stay(50, 130, 230), stay(500, 515, 600)], permits=1)
    assert said.hold_us is not None
    assert said.handoff_us is not None
    assert said.idle_start_us is not None
    assert (said.hold_us.count, said.hold_us.min, said.hold_us.max) == (3, 85, 100)
    assert (said.handoff_us.count, said.handoff_us.max) == (1, 20)
    assert (said.idle_start_us.count, said.idle_start_us.min, said.idle_start_us.max) == (2, 10, 15)
    assert said.inversions == 0


def test_two_permits_are_handed_on_only_when_both_were_taken() -> None:
    said = analyse([stay(0, 1, 100), stay(0, 2, 50), stay(10, 57, 90)], permits=2)
    assert said.handoff_us is not None
    assert (said.handoff_us.count, said.handoff_us.max) == (1, 7)


def test_without_a_limit_nobody_is_handed_anything() -> None:
    said = analyse([stay(0, 3, 100), stay(1, 5, 100)], permits=None)
    assert said.handoff_us is None
    assert said.idle_start_us is not None
    assert said.idle_start_us.count == 2


def test_who_was_never_admitted_counts_nowhere() -> None:
    said = analyse([stay(0, None, None)], permits=1)
    assert (said.hold_us, said.handoff_us, said.idle_start_us, said.inversions) == (None, None, None, 0)


@pytest.mark.parametrize(
    ("admissions", "inversions"),
    [([1, 2, 3, 4], 0), ([4, 3, 2, 1], 6), ([2, 1, 4, 3], 2), ([4, 1, 2, 3], 3), ([], 0)],
)
def test_inversions_are_pairs_served_against_their_order_of_arrival(
    admissions: list[int], inversions: int
) -> None:
    records = [stay(arrival, 10 + admission, 100) for arrival, admission in enumerate(admissions)]
    assert count_inversions(records) == inversions


@pytest.mark.parametrize(
    ("stays", "most"),
    [
        ([(0, 0, 10), (0, 10, 20)], 1),  # one leaves as the next is admitted
        ([(0, 0, 11), (0, 10, 20)], 2),
        ([(0, 0, None), (0, 5, None)], 2),
        ([], 0),
    ],
)
def test_overlap_is_how_many_were_in_service_at_one_moment(
    stays: list[tuple[int, int, int | None]], most: int
) -> None:
    assert greatest_overlap([stay(*each) for each in stays]) == most
