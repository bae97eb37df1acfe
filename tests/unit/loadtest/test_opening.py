"""Connections that stay are all opened before anybody's first message."""

from __future__ import annotations

import gevent
import pytest

from loadtest.worker.opening import Opening
from tests.unit.loadtest.hand_clock import settle


def opening(expected: int) -> tuple[Opening, list[float]]:
    """An opening, and what it has told."""
    told: list[float] = []
    return Opening(expected, 1e9, told.append), told


def test_all_wait_until_the_last_has_opened_its_connection_and_that_is_told_once() -> None:
    door, told = opening(3)
    users = [gevent.spawn(door.one_more) for _ in range(2)]
    settle()
    assert not any(user.dead for user in users)
    assert (told, door.over) == ([], False)
    users.append(gevent.spawn(door.one_more))
    settle()
    assert all(user.dead for user in users)
    assert (len(told), door.over) == (1, True)
    assert told[0] >= 0


def test_who_comes_when_it_is_over_does_not_wait() -> None:
    door, told = opening(1)
    door.one_more()
    door.one_more()
    assert len(told) == 1


def test_where_nobody_opens_a_connection_first_it_is_over_at_once() -> None:
    door, told = opening(0)
    assert (len(told), door.over) == (1, True)


@pytest.mark.parametrize("opened", [0, 1])
def test_giving_up_lets_everybody_go_on_and_tells_nobody(opened: int) -> None:
    door, told = opening(2)
    users = [gevent.spawn(door.one_more) for _ in range(opened)]
    settle()
    door.give_up()
    settle()
    assert all(user.dead for user in users)
    assert (told, door.over) == ([], True)
    # The last of them comes after all: the cell's time does not begin any more.
    for _ in range(2 - opened):
        door.one_more()
    assert told == []
