"""Workers' pulses merged: rates, percentiles and splits of the last seconds."""

from __future__ import annotations

import pytest

from lockstep.master.live import Pulses, Split, merged, moment, recent
from tests.factories.pulses import came, pulse
from tests.factories.units import S


def test_workers_rates_and_connections_are_added_each_over_its_own_time() -> None:
    seen = merged(
        [
            pulse("w1", 100, connections=7),
            pulse("w1", 300, connections=5),
            pulse("w2", 100, span_ns=S // 2, failures={"reset": 1}),
        ]
    )
    assert seen is not None
    assert seen.answered_per_s == pytest.approx(400 / 2 + 100 / 0.5)
    assert seen.failed_per_s == pytest.approx(2.0)
    assert seen.connections == 5 + 1
    assert seen.covered_s == 2.0


def test_means_are_over_all_answers_that_came_with_the_servers_times() -> None:
    first = pulse(timed=1, network_ns=1000, wait_ns=4000, service_ns=2000)
    second = pulse("w2", timed=3, network_ns=3000, wait_ns=0, service_ns=2000)
    seen = merged([first, second, pulse()])
    assert seen is not None
    assert seen.split == Split(network_us=1.0, wait_us=1.0, service_us=1.0)


def test_where_the_server_tells_no_times_there_is_no_split_and_without_answers_no_percentile() -> None:
    seen = merged([pulse(answered=0)])
    assert seen is not None
    assert (seen.split, seen.p50_us, seen.p99_us, seen.answered_per_s) == (None, None, None, 0.0)
    assert merged([]) is None


def test_now_is_the_last_five_seconds_of_the_cell_that_was_last_told_of() -> None:
    received = [
        came(1, pulse(answered=999)),
        came(7, pulse(answered=50)),
        came(8, pulse(answered=10, cell=1)),
    ]
    assert recent(received, 8 * S)[1].answered_per_s == 10  # type: ignore[index]
    cell, seen = recent(received[:2], 7 * S) or pytest.fail("nothing")
    assert (cell, seen.answered_per_s) == (0, 50)


def test_nothing_is_now_once_nobody_has_told_anything_for_five_seconds() -> None:
    assert recent([came(1, pulse())], 6 * S) is None
    assert recent([], S) is None


def test_a_moment_is_the_two_seconds_before_it_whoever_told_of_them() -> None:
    received = [
        came(1.0, pulse("gone", 1000)),
        came(3.0, pulse("w1", 10)),
        came(3.9, pulse("w1", 20)),
        came(4.0, pulse("w2", 30)),
        came(4.1, pulse("w1", 40)),
    ]
    seen = moment(received, 4 * S)
    assert seen is not None
    assert seen.answered_per_s == 15 + 30
    assert moment(received, S // 2) is None


def test_pulses_are_kept_for_a_minute_and_told_apart_by_their_run() -> None:
    arrivals_ns = iter((0, S, 63 * S, 63 * S))
    pulses = Pulses(lambda: next(arrivals_ns))
    for run_id in ("run", "run", "run", "another"):
        pulses.add(pulse(run_id=run_id))
    assert [each.at_ns for each in pulses.of_run("run")] == [S, 63 * S]
    assert len(pulses.of_run("another")) == 1
