"""Connections that stay are all opened before anybody's first message."""

from __future__ import annotations

from collections.abc import Iterable

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.worker.opening import Opening
from tests.support.hand_clock import settle


def opening(expected: Iterable[int]) -> tuple[Opening, list[float]]:
    """An opening that has begun, and the seconds with which it called."""
    calls: list[float] = []
    door = Opening(1e9, calls.append)
    door.expect(expected)
    assert calls == []
    door.start()
    return door, calls


def test_all_wait_until_the_last_has_opened_its_connection_and_that_is_told_once() -> None:
    door, calls = opening(range(3))
    users = [gevent.spawn(door.await_all, user) for user in range(2)]
    settle()
    assert not any(user.dead for user in users)
    assert (calls, door.over) == ([], False)
    users.append(gevent.spawn(door.await_all, 2))
    settle()
    assert all(user.dead for user in users)
    assert (len(calls), door.over) == (1, True)
    assert calls[0] >= 0


def test_who_comes_when_it_is_over_does_not_wait() -> None:
    door, calls = opening([1])
    door.await_all(1)
    door.await_start(2)
    door.await_all(2)
    assert len(calls) == 1


def test_where_nobody_opens_a_connection_first_it_is_over_at_once() -> None:
    door, calls = opening([])
    assert (len(calls), door.over) == (1, True)


def test_one_that_comes_unexpected_is_waited_for_too() -> None:
    door, calls = opening([1])
    door.await_start(2)
    first = gevent.spawn(door.await_all, 1)
    settle()
    assert (first.dead, door.over) == (False, False)
    door.await_all(2)
    settle()
    assert (first.dead, len(calls)) == (True, 1)


@pytest.mark.parametrize("leavers", [[2], [1], [2, 1], [1, 1, 2]])
def test_who_leaves_is_waited_for_no_longer_whether_it_had_opened_or_not(leavers: list[int]) -> None:
    door, calls = opening([0, 1, 2])
    users = [gevent.spawn(door.await_all, user) for user in (0, 1)]
    settle()
    for user in leavers:
        door.discard(user)
    settle()
    assert (door.over, len(calls)) == (2 in leavers, int(2 in leavers))
    door.discard(2)
    gevent.joinall(users, timeout=5)
    assert all(user.dead for user in users)
    assert len(calls) == 1


@pytest.mark.parametrize("opened", [0, 1])
def test_giving_up_lets_everybody_go_on_and_tells_nobody(opened: int) -> None:
    door, calls = opening(range(2))
    users = [gevent.spawn(door.await_all, user) for user in range(opened)]
    settle()
    door.give_up()
    settle()
    assert all(user.dead for user in users)
    assert (calls, door.over) == ([], True)
    # The last of them comes after all: the cell's time does not begin any more.
    for user in range(opened, 2):
        door.await_all(user)
    assert calls == []


@given(
    expected=st.sets(st.integers(0, 5)),
    steps=st.lists(st.tuples(st.sampled_from(["come", "leave"]), st.integers(0, 8)), max_size=30),
)
def test_whoever_comes_and_goes_in_whatever_order_nobody_who_stays_is_left_waiting(
    expected: set[int], steps: list[tuple[str, int]]
) -> None:
    door, calls = opening(expected)
    here: dict[int, gevent.Greenlet] = {}
    gone: set[int] = set()

    def use(user: int) -> None:
        if not door.over:
            door.await_start(user)
            door.await_all(user)

    def leave(user: int) -> None:
        if user in here:
            here.pop(user).kill()
        door.discard(user)
        gone.add(user)

    for step, user in steps:
        if step == "come" and user not in here | dict.fromkeys(gone):
            here[user] = gevent.spawn(use, user)
            settle()
        elif step == "leave":
            leave(user)
    for user in expected - here.keys() - gone:
        here[user] = gevent.spawn(use, user)
    gevent.joinall(list(here.values()), timeout=5)
    assert door.over
    assert all(user.dead for user in here.values())
    assert len(calls) == 1
