"""Ratios: the direction that is wanted, the middle one of the turns, and who goes first."""

from __future__ import annotations

import pytest

from bench.findings import Figure
from bench.ratio import Better, Ratio, in_turn


@pytest.mark.parametrize(
    ("ours", "better", "wanted", "reached"),
    [
        ([4.0, 6.0, 5.0], Better.HIGHER, 2.0, True),
        ([4.0, 3.0, 3.0], Better.HIGHER, 2.0, False),
        ([2.0, 2.0, 2.0], Better.HIGHER, 1.0, True),
        ([2.0, 2.6, 9.0], Better.LOWER, 1.3, True),
        ([2.0, 2.8, 9.0], Better.LOWER, 1.3, False),
        ([2.0, 2.0, 2.0], Better.LOWER, 1.0, True),
    ],
)
def test_the_median_is_held_against_what_is_wanted_in_its_own_direction(
    ours: list[float], better: Better, wanted: float, reached: bool
) -> None:
    assert Ratio("name", "unit", ours, [2.0, 2.0, 2.0], wanted, better).reached is reached


def test_a_ratio_is_taken_within_its_turn_and_not_between_medians() -> None:
    ratio = Ratio("name", "unit", [1.0, 20.0, 300.0], [1.0, 10.0, 100.0])
    assert ratio.ratios == [1.0, 2.0, 3.0]
    assert ratio.median == 2.0


def test_where_nothing_was_wanted_nothing_is_reached_or_missed() -> None:
    assert Ratio("name", "unit", [1.0], [1.0]).reached is None
    assert Figure("name", "unit", [1.0]).reached is None


def test_sides_whose_turns_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError):
        _ = Ratio("name", "unit", [1.0, 2.0], [1.0]).ratios


@pytest.mark.parametrize(("values", "reached"), [([7.0, 9.0, 8.0], True), ([8.5], False), ([0.0], True)])
def test_a_figure_with_a_limit_must_not_pass_it(values: list[float], reached: bool) -> None:
    assert Figure("name", "s", values, 8.0).reached is reached


def test_the_order_is_reversed_every_other_turn_and_everybody_has_his_turns() -> None:
    called: list[str] = []

    def contestant(name: str, turn: int) -> str:
        called.append(name)
        return f"{name}{turn}"

    given = in_turn([lambda turn: contestant("a", turn), lambda turn: contestant("b", turn)], 3)
    assert given == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
    assert "".join(called) == "abbaab"
