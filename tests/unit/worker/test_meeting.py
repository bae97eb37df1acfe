"""A worker's users wait for everybody else's, and begin at one moment."""

from __future__ import annotations

import time

import gevent
import pytest

from lockstep.worker.meeting import Meeting

Told = list[tuple[int, int, int, float]]


def meeting_of(users: int) -> tuple[Meeting, Told]:
    told: Told = []
    return Meeting(lambda: users, lambda *said: told.append(said)), told


def come(meeting: Meeting, count: int) -> list[gevent.Greenlet[[], int | None]]:
    users = [gevent.spawn(meeting.meet, 5.0) for _ in range(count)]
    gevent.sleep(0)
    return users


def test_the_master_is_told_of_the_first_and_of_the_last_to_come() -> None:
    meeting, told = meeting_of(3)
    users = come(meeting, 3)
    assert told == [(0, 1, 3, 5.0), (0, 3, 3, 5.0)]
    meeting.close()
    gevent.joinall(users)


def test_all_begin_at_the_moment_that_was_said() -> None:
    meeting, _ = meeting_of(3)
    users = come(meeting, 3)
    at_ns = time.monotonic_ns() + 20_000_000
    meeting.go(0, at_ns)
    assert time.monotonic_ns() >= at_ns
    gevent.joinall(users)
    assert [user.value for user in users] == [at_ns] * 3
    assert (meeting.rounds, meeting.missed) == (1, 0)


def test_who_comes_too_late_has_missed_the_round_and_waits_for_the_next() -> None:
    meeting, told = meeting_of(3)
    early = come(meeting, 2)
    meeting.go(0, None)
    (late,) = come(meeting, 1)
    gevent.joinall(early)
    assert meeting.missed == 1
    assert not late.ready()
    assert told[-1] == (1, 1, 3, 5.0)
    meeting.go(1, None)
    gevent.joinall([late])
    assert (meeting.rounds, meeting.missed) == (2, 3)


@pytest.mark.parametrize("number", [-1, 1, 7])
def test_a_word_of_another_round_moves_nobody(number: int) -> None:
    meeting, _ = meeting_of(1)
    (user,) = come(meeting, 1)
    meeting.go(number, None)
    gevent.sleep(0)
    assert not user.ready()
    meeting.close()
    gevent.joinall([user])


def test_once_the_cell_is_over_nobody_begins_and_nobody_has_missed_anything() -> None:
    meeting, _ = meeting_of(2)
    users = come(meeting, 2)
    meeting.close()
    gevent.joinall(users)
    assert [user.value for user in users] == [None, None]
    meeting.go(0, None)
    assert (meeting.rounds, meeting.missed) == (0, 0)
    assert meeting.meet(5.0) is None


def test_a_user_that_is_stopped_while_it_waits_is_not_counted_as_there() -> None:
    meeting, told = meeting_of(2)
    gevent.killall(come(meeting, 1))
    users = come(meeting, 2)
    assert told[-1] == (0, 2, 2, 5.0)
    meeting.close()
    gevent.joinall(users)
