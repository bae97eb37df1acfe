"""How long users wait before they try a peer again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.tcp.dialling import FIRST_NS, LONGEST_NS, BackOff
from lockstep.tcp.samples import Outcome

MS = 1_000_000
CHANCES = st.floats(0, 1, exclude_max=True)


def test_nobody_waits_before_the_first_try() -> None:
    assert BackOff().left_ns(5) == 0


@pytest.mark.parametrize(("chance", "waits_ms"), [(0.0, [5, 10, 20, 40, 80]), (0.5, [7.5, 15, 30, 60, 120])])
def test_each_failure_doubles_the_wait(chance: float, waits_ms: list[float]) -> None:
    back_off = BackOff()
    for wait_ms in waits_ms:
        back_off.failed(100, chance)
        assert back_off.left_ns(100) == wait_ms * MS


@given(st.lists(st.tuples(st.integers(0, LONGEST_NS), CHANCES), min_size=1, max_size=200))
def test_a_wait_is_never_longer_than_a_second_nor_shorter_than_half_of_the_first(
    failures: list[tuple[int, float]],
) -> None:
    back_off, now_ns = BackOff(), 0
    for later_ns, chance in failures:
        now_ns += later_ns
        back_off.failed(now_ns, chance)
        assert FIRST_NS // 2 <= back_off.left_ns(now_ns) <= LONGEST_NS


@given(st.lists(CHANCES, min_size=12, max_size=12))
def test_in_the_long_run_a_user_tries_twice_a_second_at_most(chances: list[float]) -> None:
    back_off = BackOff()
    for chance in chances:
        back_off.failed(0, chance)
    assert back_off.longest
    assert back_off.left_ns(0) >= LONGEST_NS // 2


def test_the_wait_runs_from_the_failure() -> None:
    back_off = BackOff()
    back_off.failed(0, 0.0)
    assert [back_off.left_ns(now_ms * MS) for now_ms in (1, 5, 9)] == [4 * MS, 0, 0]


@pytest.mark.parametrize(
    ("outcome", "answered", "waits"),
    [
        (Outcome.ANSWERED, 0, False),  # closed in peace, nothing said: a health check
        (Outcome.ANSWERED, 5, False),
        (Outcome.RESET, 0, True),
        (Outcome.SHORT, 0, True),
        (Outcome.RESET, 1, False),
        (Outcome.SHORT, 1, False),
        (Outcome.MISMATCH, 0, False),  # it answers, if wrongly
        (Outcome.TIMEOUT, 0, False),  # has cost its time already
    ],
)
def test_a_connection_that_was_of_use_is_forgiven_and_one_broken_off_at_once_is_not(
    outcome: Outcome, answered: int, waits: bool
) -> None:
    back_off = BackOff()
    back_off.failed(0, 0.0)
    back_off.ended(outcome, answered, 0, 0.0)
    assert (back_off.left_ns(0) > 0) is waits
    back_off.failed(0, 0.0)
    assert back_off.left_ns(0) == (20 * MS if waits else 5 * MS)


def test_what_was_stopped_from_here_says_nothing_of_the_peer() -> None:
    back_off = BackOff()
    back_off.failed(0, 0.0)
    back_off.ended(Outcome.ABORTED, 3, 0, 0.0)
    assert back_off.left_ns(0) == 5 * MS
