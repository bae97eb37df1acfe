"""Hold, hand-off and idle start, out of records made by hand."""

from __future__ import annotations

from lockstep.measure.queueing import times_of
from lockstep.runs.connections import ServerRecord

US = 1_000


def stay(arrival_us: int, admission_us: int | None, release_us: int | None) -> ServerRecord:
    def ns(value_us: int | None) -> int | None:
        return None if value_us is None else value_us * US

    return ServerRecord(arrival_us * US, ns(admission_us), ns(release_us), ns(release_us), "peer", 1)


def test_a_queue_with_one_server() -> None:
    """The first finds nobody; the second waits for it; the third comes when all is quiet again."""
    said = times_of([stay(0, 10, 110), stay(50, 130, 230), stay(500, 515, 600)], permits=1)
    assert (said["hold"].count, said["hold"].min, said["hold"].max) == (3, 85, 100)
    assert (said["handoff"].count, said["handoff"].max) == (1, 20)
    assert (said["idle_start"].count, said["idle_start"].min, said["idle_start"].max) == (
        2,
        10,
        15,
    )


def test_two_permits_are_handed_on_only_when_both_were_taken() -> None:
    said = times_of([stay(0, 1, 100), stay(0, 2, 50), stay(10, 57, 90)], permits=2)
    assert (said["handoff"].count, said["handoff"].max) == (1, 7)


def test_without_a_limit_nobody_is_handed_anything() -> None:
    said = times_of([stay(0, 3, 100), stay(1, 5, 100)], permits=None)
    assert "handoff" not in said
    assert said["idle_start"].count == 2


def test_who_was_never_admitted_counts_nowhere() -> None:
    said = times_of([stay(0, None, None)], permits=1)
    assert said == {}


def test_who_slips_in_while_another_waits_is_handed_the_permit_all_the_same() -> None:
    """The second waits all the time; the third comes after the release, and is admitted before it."""
    said = times_of([stay(0, 1, 100), stay(50, 230, 330), stay(110, 120, 220)], permits=1)
    assert (said["handoff"].count, said["handoff"].min, said["handoff"].max) == (2, 10, 20)
    assert said["idle_start"].count == 1


def test_who_was_never_released_keeps_the_permit() -> None:
    said = times_of([stay(0, 1, None), stay(5, 40, 50), stay(60, 61, 70)], permits=1)
    assert "handoff" not in said
    assert (said["idle_start"].count, said["idle_start"].max) == (2, 1)
