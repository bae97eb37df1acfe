"""`lockstep find` against theory: the limit that it finds is the one that had to be.

No time of this machine is asserted: theory is given the turns that the server's own records of the same run
tell, hand-overs and pauses of the machine included, and says from them where the promise has to break.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.truth.queue_theory import Answer, Asked, closed_limit, open_limit, search

# How near find and theory have to come.
AGREES = 0.1

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize(
    ("hold_ms", "times_hold", "modes"),
    [
        (2, 20, ("lock", "queue=4")),
        (5, 20, ("ticket", "semaphore=4")),
        (20, 8, ("lock", "semaphore=2")),
    ],
)
def test_as_many_users_are_found_as_turns_fit_into_what_is_promised(
    tmp_path: Path, hold_ms: float, times_hold: int, modes: tuple[str, ...]
) -> None:
    bound_s = hold_ms * times_hold / 1000
    # A dozen rounds of as many users as the promise allows.
    asked = Asked(hold_ms, "response_mean", bound_s, seconds=max(12 * bound_s, 0.8), at_most_s=150)
    for each in search(tmp_path, modes, asked):
        # Of users there are whole numbers only: the greatest that holds is up to one less.
        assert_agrees(each, closed_limit(each.slowest, bound_s) - 1, closed_limit(each.fastest, bound_s))


def test_a_rate_is_found_at_which_simulated_arrivals_wait_as_long_as_is_promised(tmp_path: Path) -> None:
    asked = Asked(5, "response_p99", 0.05, seconds=4.0, at_most_s=300, by="rate")
    for each in search(tmp_path, ("ticket", "queue=4"), asked):
        least, most = (open_limit(turns, 0.99, asked) for turns in (each.slowest, each.fastest))
        assert_agrees(each, least, most)


def assert_agrees(answer: Answer, least: float, most: float) -> None:
    """The interval meets what theory says, and where it is as narrow as was asked for, the answer is near it.

    least, most: between them lies the limit, as fast as the machine was near it.
    """
    assert least * (1 - AGREES) <= answer.high, answer
    assert answer.low <= most * (1 + AGREES), answer
    if answer.found:
        assert least * (1 - AGREES) <= answer.told <= most * (1 + AGREES), answer
