"""Who gets which arrival: in order, once, delayed or dropped as the rules say. Moments in ms."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.worker.arrivals import Constant
from lockstep.worker.pacer import ArrivalQueue, Iteration

MS = 1_000_000
START = 1000


def arrivals(patience_ms: int = 25) -> ArrivalQueue[str]:
    """Arrivals at START, START + 10, START + 20 ...; they wait for patience_ms."""
    return ArrivalQueue(Constant(100, 0, 1), START * MS, patience_ms * MS)


def given_at(queue: ArrivalQueue[str], now_ms: int) -> list[tuple[str, int, bool]]:
    """Who gets what: user, when it was due in ms after START, delayed."""
    given = queue.assign((START + now_ms) * MS)
    return [(user, iteration.due_ns // MS - START, iteration.delayed) for user, iteration in given]


def joined(queue: ArrivalQueue[str], *users: tuple[str, int]) -> ArrivalQueue[str]:
    for user, at_ms in users:
        queue.join(user, (START + at_ms) * MS)
    return queue


def counts(queue: ArrivalQueue[str]) -> tuple[int, int, int]:
    return queue.taken, queue.delayed, queue.dropped


@pytest.mark.parametrize(
    ("users", "now_ms", "expected", "taken_delayed_dropped"),
    [
        pytest.param([("a", -5)], -1, [], (0, 0, 0), id="nothing is due yet"),
        pytest.param([("a", -5)], 0, [("a", 0, False)], (1, 0, 0), id="due this very moment"),
        pytest.param([("a", 0)], 0, [("a", 0, False)], (1, 0, 0), id="came at that very moment"),
        pytest.param([("a", -5), ("b", -4)], 3, [("a", 0, False)], (1, 0, 0), id="who came first gets it"),
        pytest.param(
            [("a", -5), ("b", -4), ("c", -3)],
            12,
            [("a", 0, False), ("b", 10, False)],
            (2, 0, 0),
            id="two are due when the clock is looked at",
        ),
        pytest.param([("a", 4)], 4, [("a", 0, True)], (1, 1, 0), id="nobody was idle"),
        pytest.param(
            [("a", -5), ("b", 4), ("c", 13)],
            21,
            [("a", 0, False), ("b", 10, False), ("c", 20, False)],
            (3, 0, 0),
            id="woken late, but idle when it was due",
        ),
        pytest.param([("a", 25)], 25, [("a", 0, True)], (1, 1, 0), id="just young enough"),
        pytest.param([("a", 26)], 26, [("a", 10, True)], (1, 1, 1), id="the first is too old"),
        pytest.param(
            [("a", 55), ("b", 55)], 55, [("a", 30, True), ("b", 40, True)], (2, 2, 3), id="three are too old"
        ),
        pytest.param([("a", -5)], 500, [("a", 0, False)], (1, 0, 0), id="who was idle gets it, however late"),
    ],
)
def test_an_arrival_goes_to_who_has_been_idle_longest(
    users: list[tuple[str, int]],
    now_ms: int,
    expected: list[tuple[str, int, bool]],
    taken_delayed_dropped: tuple[int, int, int],
) -> None:
    queue = joined(arrivals(), *users)
    assert given_at(queue, now_ms) == expected
    assert counts(queue) == taken_delayed_dropped


def test_who_left_is_passed_over() -> None:
    queue = joined(arrivals(), ("a", -5), ("b", -4))
    queue.leave("a")
    assert given_at(queue, 15) == [("b", 0, False)]


def test_what_is_given_back_goes_to_the_next_before_anything_younger() -> None:
    queue = joined(arrivals(), ("a", -5), ("b", -4), ("c", -3))
    iterations = dict(queue.assign(START * MS + 12 * MS))
    queue.give_back(iterations["b"])
    queue.give_back(iterations["a"])
    assert counts(queue) == (0, 0, 0)
    joined(queue, ("d", 13))
    assert given_at(queue, 13) == [("c", 0, False), ("d", 10, True)]
    assert counts(queue) == (2, 1, 0)


def test_what_is_given_back_too_late_is_dropped() -> None:
    queue = joined(arrivals(), ("a", -5))
    ((_, iteration),) = queue.assign(START * MS)
    queue.give_back(iteration)
    joined(queue, ("b", 30))
    assert given_at(queue, 30) == [("b", 10, True)]
    assert counts(queue) == (1, 1, 1)


def test_a_delayed_arrival_that_is_given_back_counts_as_neither() -> None:
    queue = joined(arrivals(), ("a", 4))
    ((_, iteration),) = queue.assign(START * MS + 4 * MS)
    assert iteration == Iteration(START * MS, delayed=True)
    queue.give_back(iteration)
    assert counts(queue) == (0, 0, 0)


@pytest.mark.parametrize(
    ("users", "now_ms", "wake_ms"),
    [
        pytest.param([], -5, 0, id="before the start"),
        pytest.param([], 5, None, id="an arrival pends"),
        pytest.param([("a", -5)], 5, 10, id="nobody is left, the next is to come"),
        pytest.param([("a", -5), ("b", -5)], 5, 10, id="one is left"),
        pytest.param([("a", -5)], 15, None, id="the second pends"),
    ],
)
def test_the_pacer_sleeps_until_the_next_arrival_unless_one_pends(
    users: list[tuple[str, int]], now_ms: int, wake_ms: int | None
) -> None:
    queue = joined(arrivals(), *users)
    given_at(queue, now_ms)
    wake_ns = queue.wake_ns((START + now_ms) * MS)
    assert wake_ns == (None if wake_ms is None else (START + wake_ms) * MS)


def test_the_close_drops_what_was_due_and_sends_idle_users_home() -> None:
    queue = joined(arrivals(), ("a", -5), ("b", -4), ("c", -3))
    (_, (_, second)) = queue.assign(START * MS + 10 * MS)
    queue.give_back(second)
    assert queue.close(START * MS + 30 * MS) == ["c"]
    assert counts(queue) == (1, 0, 2)


def test_what_is_given_back_after_the_close_is_dropped() -> None:
    queue = joined(arrivals(), ("a", -5))
    ((_, iteration),) = queue.assign(START * MS)
    queue.close(START * MS + 5 * MS)
    queue.give_back(iteration)
    assert counts(queue) == (0, 0, 1)


steps = st.lists(
    st.tuples(st.sampled_from(["join", "join", "assign", "leave", "give back"]), st.integers(0, 30)),
    max_size=60,
)


@settings(deadline=None)
@given(steps, st.integers(0, 60))
def test_every_arrival_is_taken_or_dropped_and_none_twice(
    steps: list[tuple[str, int]], patience_ms: int
) -> None:
    queue = arrivals(patience_ms)
    now_ms = -20
    held: dict[str, Iteration] = {}
    standing: list[str] = []
    for number, (step, wait_ms) in enumerate(steps):
        now_ms += wait_ms
        if step == "join":
            queue.join(str(number), (START + now_ms) * MS)
            standing.append(str(number))
        elif step == "leave" and standing:
            queue.leave(standing.pop(wait_ms % len(standing)))
        elif step == "give back" and held:
            queue.give_back(held.pop(sorted(held)[wait_ms % len(held)]))
        given = queue.assign((START + now_ms) * MS)
        assert [user for user, _ in given] == standing[: len(given)]
        del standing[: len(given)]
        held.update(given)
        assert all(iteration.due_ns <= (START + now_ms) * MS for _, iteration in given)
    # One nanosecond on, so that what was due at this very moment is counted.
    assert queue.close((START + now_ms) * MS + 1) == standing
    assert queue.taken == len(held) == len({iteration.due_ns for iteration in held.values()})
    assert queue.delayed == sum(iteration.delayed for iteration in held.values())
    assert queue.taken + queue.dropped == Constant(100, 0, 1).count_before(now_ms * MS + 1)
