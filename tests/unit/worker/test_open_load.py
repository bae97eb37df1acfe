"""An open load's arrivals."""

from __future__ import annotations

import functools

from lockstep.runs.histograms import decoded
from lockstep.traffic import Arrival
from lockstep.worker.arrivals import Constant
from tests.support.crew import Echo, crew, order, until


def test_every_arrival_of_an_open_load_is_taken_or_dropped() -> None:
    """One user who needs 10 ms cannot start 500 a second: most are delayed, the oldest are dropped."""
    peer = Echo(delay_s=0.01)
    with crew(peer, users=1) as (agent, runner):
        agent.begin(order(peer.port, timeout_s=0.2, messages=1, arrival=Arrival("constant", 500.0)))
        until(lambda: peer.heard >= 40)
        agent.end()
        (report,) = runner.reports
        due = Constant(500.0, 0, 1).count_before(round(report.standing.window_s * 1e9))
        taken = sum(runner.outcomes().values())
        assert taken + report.standing.dropped == due
        assert 0 < report.standing.delayed <= taken
        assert report.standing.dropped > 0


def test_an_open_loads_response_runs_from_when_it_was_due() -> None:
    for scenario in ("session", "persistent"):
        peer = Echo(delay_s=0.01)
        with crew(peer, users=1) as (agent, runner):
            arrival = Arrival("constant", 500.0)
            agent.begin(order(peer.port, scenario=scenario, messages=1, arrival=arrival))
            until(functools.partial(lambda peer: peer.heard >= 20, peer))
            agent.end()
            times = {name: decoded(text) for name, text in runner.reports[-1].counts.histograms.items()}
            # The twentieth was due 40 ms after the first, and came no sooner than after nineteen others.
            assert times["response"].get_max_value() > 10 * times["round_trip"].get_min_value()
            assert times["send_lag"].get_max_value() > 0
            assert times["response"].get_total_count() == times["round_trip"].get_total_count()


def test_users_that_idle_take_their_arrivals_in_time() -> None:
    peer = Echo()
    with crew(peer, users=8) as (agent, runner):
        agent.begin(order(peer.port, scenario="persistent", arrival=Arrival("constant", 100.0)))
        until(lambda: peer.heard >= 20)
        agent.end()
        (report,) = runner.reports
        due = Constant(100.0, 0, 1).count_before(round(report.standing.window_s * 1e9))
        assert sum(runner.outcomes().values()) + report.standing.dropped == due
        assert set(runner.outcomes()) == {"answered"}


def test_a_closed_load_has_no_late_or_dropped_arrivals() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner):
        agent.begin(order(peer.port))
        until(lambda: peer.heard > 20)
        agent.end()
        (report,) = runner.reports
        assert (report.standing.delayed, report.standing.dropped) == (0, 0)
        assert "round_trip" not in report.counts.histograms
        assert decoded(report.counts.histograms["send_lag"]).get_total_count() > 0
