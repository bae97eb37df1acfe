"""Who gets which arrival: in order, once, late or dropped as the rules say. Moments in ms."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.worker.arrival_queue import Allotter, Turn
from lockstep.worker.arrivals import Constant

MS = 1_000_000
START = 1000


def allotter(patience_ms: int = 25) -> Allotter[str]:
    """Arrivals at START, START + 10, START + 20 ...; they wait for patience_ms."""
    return Allotter(Constant(100, 0, 1), START * MS, patience_ms * MS)


def given_at(line: Allotter[str], now_ms: int) -> list[tuple[str, int, bool]]:
    """Who gets what: user, when it was due in ms after START, late."""
    return [(user, turn.due_ns // MS - START, turn.late) for user, turn in line.allot((START + now_ms) * MS)]


def joined(line: Allotter[str], *users: tuple[str, int]) -> Allotter[str]:
    for user, at_ms in users:
        line.join(user, (START + at_ms) * MS)
    return line


def counts(line: Allotter[str]) -> tuple[int, int, int]:
    return line.taken, line.late, line.dropped


@pytest.mark.parametrize(
    ("users", "now_ms", "expected", "taken_late_dropped"),
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
    taken_late_dropped: tuple[int, int, int],
) -> None:
    line = joined(allotter(), *users)
    assert given_at(line, now_ms) == expected
    assert counts(line) == taken_late_dropped


def test_who_left_the_line_is_passed_over() -> None:
    line = joined(allotter(), ("a", -5), ("b", -4))
    line.leave("a")
    assert given_at(line, 15) == [("b", 0, False)]


def test_what_is_given_back_goes_to_the_next_before_anything_younger() -> None:
    line = joined(allotter(), ("a", -5), ("b", -4), ("c", -3))
    turns = dict(line.allot(START * MS + 12 * MS))
    line.give_back(turns["b"])
    line.give_back(turns["a"])
    assert counts(line) == (0, 0, 0)
    joined(line, ("d", 13))
    assert given_at(line, 13) == [("c", 0, False), ("d", 10, True)]
    assert counts(line) == (2, 1, 0)


def test_what_is_given_back_too_late_is_dropped() -> None:
    line = joined(allotter(), ("a", -5))
    ((_, turn),) = line.allot(START * MS)
    line.give_back(turn)
    joined(line, ("b", 30))
    assert given_at(line, 30) == [("b", 10, True)]
    assert counts(line) == (1, 1, 1)


def test_a_late_arrival_that_is_given_back_was_neither_taken_nor_late() -> None:
    line = joined(allotter(), ("a", 4))
    ((_, turn),) = line.allot(START * MS + 4 * MS)
    assert turn == Turn(START * MS, late=True)
    line.give_back(turn)
    assert counts(line) == (0, 0, 0)


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
    line = joined(allotter(), *users)
    given_at(line, now_ms)
    wake_ns = line.wake_ns((START + now_ms) * MS)
    assert wake_ns == (None if wake_ms is None else (START + wake_ms) * MS)


def test_the_close_drops_what_was_due_and_sends_the_line_home() -> None:
    line = joined(allotter(), ("a", -5), ("b", -4), ("c", -3))
    (_, (_, second)) = line.allot(START * MS + 10 * MS)
    line.give_back(second)
    assert line.close(START * MS + 30 * MS) == ["c"]
    assert counts(line) == (1, 0, 2)


def test_what_is_given_back_after_the_close_is_dropped() -> None:
    line = joined(allotter(), ("a", -5))
    ((_, turn),) = line.allot(START * MS)
    line.close(START * MS + 5 * MS)
    line.give_back(turn)
    assert counts(line) == (0, 0, 1)


steps = st.lists(
    st.tuples(st.sampled_from(["join", "join", "allot", "leave", "give back"]), st.integers(0, 30)),
    max_size=60,
)


@settings(deadline=None)
@given(steps, st.integers(0, 60))
def test_every_arrival_is_taken_or_dropped_and_none_twice(
    steps: list[tuple[str, int]], patience_ms: int
) -> None:
    line = allotter(patience_ms)
    now_ms = -20
    held: dict[str, Turn] = {}
    standing: list[str] = []
    for number, (step, wait_ms) in enumerate(steps):
        now_ms += wait_ms
        if step == "join":
            line.join(str(number), (START + now_ms) * MS)
            standing.append(str(number))
        elif step == "leave" and standing:
            line.leave(standing.pop(wait_ms % len(standing)))
        elif step == "give back" and held:
            line.give_back(held.pop(sorted(held)[wait_ms % len(held)]))
        given = line.allot((START + now_ms) * MS)
        assert [user for user, _ in given] == standing[: len(given)]
        del standing[: len(given)]
        held.update(given)
        assert all(turn.due_ns <= (START + now_ms) * MS for _, turn in given)
    # One nanosecond on, so that what was due at this very moment is counted.
    assert line.close((START + now_ms) * MS + 1) == standing
    assert line.taken == len(held) == len({turn.due_ns for turn in held.values()})
    assert line.late == sum(turn.late for turn in held.values())
    assert line.taken + line.dropped == Constant(100, 0, 1).count_before(now_ms * MS + 1)
