"""What comparisons are made of without a process: listeners, simulated repeats, simulated searches."""

from __future__ import annotations

import pytest

from bench.comparisons.find import simulated
from bench.comparisons.modes import listener
from bench.comparisons.until import FIRST, WITHIN, fixed_repeats, pairs, until_sure
from bench.findings import Figure
from bench.ratio import Ratio
from lockstep.analysis.intervals import paired_ratio
from lockstep_server.grammar import parse_listener
from lockstep_server.modes import MODES


@pytest.mark.parametrize("name", MODES)
def test_each_mode_of_the_servers_table_is_a_listener_that_serves_one_connection(name: str) -> None:
    text = listener(name, MODES[name], 1)
    assert text is not None
    assert parse_listener(f"{text}:0").mode == name


@pytest.mark.parametrize("name", MODES)
def test_over_many_connections_a_mode_admits_them_all_or_each_message_or_is_left_out(name: str) -> None:
    text = listener(name, MODES[name], 50)
    if text is None:
        assert name == "iterative"
        return
    spec = parse_listener(f"{text}:0")
    permits = MODES[name].permits(spec.n)
    assert spec.scope == "message" or permits is None or permits >= 50


def test_repeats_end_with_the_first_interval_that_is_narrow_enough_or_with_the_last() -> None:
    values, base = pairs(spread=0.02, count=30, seed=1)
    ended = until_sure(values, base)
    assert FIRST <= ended.repeats < 30
    assert ended.estimate.within(WITHIN)
    before = until_sure(values[: ended.repeats - 1], base[: ended.repeats - 1])
    assert not before.estimate.within(WITHIN)
    assert before.repeats == ended.repeats - 1


def test_the_number_that_has_to_be_fixed_beforehand_gives_that_width() -> None:
    count = round(fixed_repeats(0.05))
    narrow = sum(
        estimate.within(WITHIN)
        for seed in range(100)
        if (estimate := paired_ratio(*pairs(0.05, count, seed))) is not None
    )
    assert 40 <= narrow <= 90


def test_fewer_repeats_than_the_first_are_refused() -> None:
    with pytest.raises(ValueError, match="2 repeats"):
        until_sure([1.0, 1.0], [1.0, 1.0])


def test_simulated_searches_hold_more_limits_than_those_by_hand_in_fewer_cells_than_a_staircase() -> None:
    found = list(simulated(servers=20))
    cells = next(each for each in found if isinstance(each, Ratio) and "staircase" in each.name)
    assert cells.estimate.high is not None
    assert cells.estimate.high < 1
    its, *by_hand = (each.median for each in found if isinstance(each, Figure))
    assert its > max(by_hand)
