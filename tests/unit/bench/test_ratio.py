"""Ratios: how sure they are, the direction that is wanted, how many turns they take, and who goes first."""

from __future__ import annotations

import itertools
import math
import random
from functools import partial

import pytest

from bench.findings import Figure
from bench.processes import ToolError
from bench.ratio import Better, Ratio, Verdict, in_turn, ratios_in_turn
from bench.settings import Settings

REACHED, MISSED, UNSURE = Verdict.REACHED, Verdict.MISSED, Verdict.UNSURE


@pytest.mark.parametrize(
    ("ours", "better", "wanted", "verdict"),
    [
        ([5.0, 5.1, 4.9], Better.HIGHER, 2.0, REACHED),
        ([4.0, 6.0, 5.0], Better.HIGHER, 2.0, UNSURE),
        ([3.0, 3.1, 3.0], Better.HIGHER, 2.0, MISSED),
        ([2.4, 2.5, 2.4], Better.LOWER, 1.3, REACHED),
        ([2.0, 2.6, 9.0], Better.LOWER, 1.3, UNSURE),
        ([2.8, 2.9, 2.8], Better.LOWER, 1.3, MISSED),
        ([5.0], Better.HIGHER, 2.0, UNSURE),
    ],
)
def test_what_is_wanted_is_reached_or_missed_by_the_whole_interval_or_it_is_unsure(
    ours: list[float], better: Better, wanted: float, verdict: Verdict
) -> None:
    theirs = [2.0] * len(ours)
    assert Ratio("name", "unit", ours, theirs, wanted, better).verdict is verdict


def test_a_ratio_is_taken_within_its_turn_and_not_between_sides() -> None:
    ratio = Ratio("name", "unit", [2.0, 20.0, 200.0], [1.0, 10.0, 100.0])
    assert ratio.ratios == [2.0, 2.0, 2.0]
    assert ratio.estimate.ratio == pytest.approx(2.0)
    assert ratio.estimate.within(0.01)


def test_a_side_that_gave_nothing_is_refused_by_the_ratios_name() -> None:
    with pytest.raises(ToolError, match="quick / slow"):
        Ratio("quick / slow", "unit", [1.0, 0.0], [1.0, 1.0])


def test_where_nothing_was_wanted_nothing_is_reached_or_missed() -> None:
    assert Ratio("name", "unit", [1.0], [1.0]).verdict is None
    assert Figure("name", "unit", [1.0]).verdict is None


def test_sides_whose_turns_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError):
        _ = Ratio("name", "unit", [1.0, 2.0], [1.0]).ratios


@pytest.mark.parametrize(
    ("values", "verdict"), [([7.0, 9.0, 8.0], REACHED), ([8.5], MISSED), ([0.0], REACHED)]
)
def test_a_figure_with_a_limit_must_not_pass_it(values: list[float], verdict: Verdict) -> None:
    assert Figure("name", "s", values, 8.0).verdict is verdict


def test_the_order_is_reversed_every_other_turn_and_everybody_has_his_turns() -> None:
    called: list[str] = []

    def contestant(name: str, turn: int) -> str:
        called.append(name)
        return f"{name}{turn}"

    given = next(itertools.islice(in_turn([partial(contestant, "a"), partial(contestant, "b")]), 2, None))
    assert given == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
    assert "".join(called) == "abbaab"


def in_turns(settings: Settings, spread: float) -> Ratio:
    """The ratio of two sides, 2, whose turns spread so much."""
    rng = random.Random(1)

    def side(base: float, _: int) -> float:
        return base * math.exp(rng.gauss(0, spread))

    sides = [partial(side, 2.0), partial(side, 1.0)]
    (ratio,) = ratios_in_turn(sides, settings, lambda given: [Ratio("name", "unit", given[0], given[1])])
    return ratio


def test_as_many_turns_are_taken_as_were_asked_for() -> None:
    assert len(in_turns(Settings(pairs=4), spread=0.3).ratios) == 4


def test_turns_are_added_until_the_ratio_is_as_sure_as_was_asked_for() -> None:
    ratio = in_turns(Settings(pairs=2, until=0.1, most=100), spread=0.1)
    assert ratio.looked_at
    assert ratio.estimate.within(0.1)
    assert 3 <= len(ratio.ratios) < 100


def test_no_more_turns_are_added_than_may_be_and_the_ratio_is_as_sure_as_it_is() -> None:
    ratio = in_turns(Settings(pairs=2, until=0.01, most=7), spread=0.3)
    assert len(ratio.ratios) == 7
    assert not ratio.estimate.within(0.01)


def test_a_ratio_that_was_looked_at_after_each_turn_has_the_wider_interval_that_this_takes() -> None:
    sides = ([4.0, 4.2, 4.1, 4.3], [2.0, 2.0, 2.1, 2.0])
    once, often = Ratio("once", "unit", *sides), Ratio("often", "unit", *sides, looked_at=True)
    assert once.estimate.ratio == often.estimate.ratio
    assert once.estimate.high is not None
    assert often.estimate.high is not None
    assert often.estimate.high > once.estimate.high
