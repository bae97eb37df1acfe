"""Users between and within cells."""

from __future__ import annotations

import socket

import gevent
import pytest

from lockstep.control import HURRIED_DRAIN_S
from lockstep.runs.histograms import decoded
from lockstep.traffic import Arrival
from lockstep.worker import agent as agents
from lockstep.worker.arrivals import Constant
from tests.support.crew import PATIENCE_S, Echo, crew, order, until


def test_users_wait_between_cells_and_all_begin_with_one() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner):
        gevent.sleep(0.02)
        assert peer.accepted == 0
        agent.begin(order(peer.port))
        until(lambda: peer.most_open == 3)
        agent.end()
        accepted = peer.accepted
        gevent.sleep(0.02)
        assert peer.accepted == accepted
        agent.begin(order(peer.port, cell=1))
        until(lambda: peer.accepted > accepted)
        agent.end()
        assert [(report.cell, report.final) for report in runner.reports] == [(0, True), (1, True)]


def test_what_is_in_flight_may_finish_and_is_counted() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner):
        agent.begin(order(peer.port, messages=1))
        until(lambda: peer.accepted > 5)
        agent.end()
        assert set(runner.outcomes()) == {"answered"}
        assert runner.outcomes()["answered"] == peer.heard
        assert peer.open == 0


def test_what_does_not_finish_is_stopped_and_counted_as_aborted() -> None:
    peer = Echo(mute=True)
    with crew(peer) as (agent, runner):
        agent.begin(order(peer.port))
        until(lambda: peer.heard == 3)
        agent.end(drain_s=0.05)
        assert runner.outcomes() == {"aborted": 3}
        assert runner.reports[-1].final


def test_quitting_sends_the_last_report_first() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner):
        agent.begin(order(peer.port))
        until(lambda: peer.accepted > 3)
        agent.quit()
        assert [report.final for report in runner.reports] == [True]
        agent.quit()
        assert len(runner.reports) == 1


def test_locked_clients_are_connected_one_at_a_time() -> None:
    peer = Echo()
    with crew(peer, users=4) as (agent, _):
        agent.begin(order(peer.port, client_mode="locked"))
        until(lambda: peer.accepted > 8)
        agent.end()
        assert peer.most_open == 1


def test_persistent_connections_last_as_long_as_their_cell() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner):
        agent.begin(order(peer.port, scenario="persistent"))
        until(lambda: peer.heard > 30)
        agent.end()
        assert peer.accepted == 3
        until(lambda: peer.open == 0)
        assert set(runner.outcomes()) == {"answered"}
        assert runner.opened == []


def test_connections_that_stay_are_all_open_before_anybody_talks() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner):
        agent.begin(order(peer.port, seconds=60.0, scenario="persistent"))
        until(lambda: runner.opened != [])
        until(lambda: peer.accepted == 3)
        until(lambda: peer.heard > 9)
        agent.end()
        (opened,) = runner.opened
        assert (opened.run_id, opened.cell, opened.worker) == ("run", 0, "w1")
        assert opened.opened_s >= 0
        assert peer.accepted == 3
        connects = decoded(runner.reports[-1].counts.histograms["connect"])
        assert connects.get_total_count() == 3


def test_users_that_leave_are_not_waited_for() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner):
        # Stopped already, but not yet gone: as where a plan's level falls.
        leaving = [agent.add_user() for _ in range(2)]
        agent.begin(order(peer.port, seconds=60.0, scenario="persistent"))
        until(lambda: peer.accepted == 3)
        assert (runner.opened, peer.heard) == ([], 0)
        for state in leaving:
            agent.remove_user(state)
        until(lambda: peer.heard > 9)
        assert len(runner.opened) == 1
        agent.end()
        assert runner.reports[-1].standing.users == 3


class Deaf(Echo):
    """Answers, and never closes."""

    def _serve(self, link: socket.socket, address: object) -> None:
        super()._serve(link, address)
        gevent.sleep(10 * PATIENCE_S)


def test_a_hurried_end_waits_for_no_peer_that_does_not_close() -> None:
    peer = Deaf()
    with crew(peer) as (agent, runner):
        agent.begin(order(peer.port, scenario="persistent", timeout_s=10 * PATIENCE_S))
        until(lambda: peer.heard > 9)
        agent.end(HURRIED_DRAIN_S)
        assert runner.reports[-1].final
        assert set(runner.outcomes()) == {"answered"}


def test_a_worker_pulses_while_its_cell_runs_and_once_more_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agents, "PULSE_INTERVAL_S", 0.2)
    peer = Echo()
    with crew(peer) as (agent, runner):
        agent.begin(order(peer.port, scenario="persistent"))
        until(lambda: len(runner.pulses) == 2)
        agent.end()
        first, second, last = runner.pulses
        assert (first.run_id, first.cell, first.worker) == ("run", 0, "w1")
        assert first.connections == second.connections == 3
        assert min(first.answered, second.answered) > 0
        # What a pulse counts is counted once, and only what is in flight at the end is in none.
        answered = sum(pulse.answered for pulse in (first, second, last))
        assert 0 <= runner.outcomes()["answered"] - answered <= 3
        assert answered == sum(sum(pulse.responses) for pulse in (first, second, last))
        gevent.sleep(0.5)
        assert len(runner.pulses) == 3


def test_a_cell_of_less_than_a_second_pulses_all_the_same() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner):
        agent.begin(order(peer.port))
        until(lambda: peer.heard > 3)
        agent.end()
        (pulse,) = runner.pulses
        assert pulse.answered > 0


def closed_port() -> socket.socket:
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder


def test_users_of_a_closed_load_back_off_from_a_closed_port_and_the_cells_end_wakes_them() -> None:
    with closed_port() as holder, crew(users=4) as (agent, runner):
        agent.begin(order(holder.getsockname()[1]))
        gevent.sleep(1.0)
        agent.end()
        last = runner.reports[-1]
        refused = last.counts.ledger["refused"]
        # At the earliest after 5, 10, 20, ... ms: less than a dozen times in a second.
        assert 4 * 4 <= refused <= 4 * 12, refused
        # A wait that was over before its user came to wait is none.
        assert 0 < last.standing.backed_off <= refused
        assert last.standing.addresses == []
        # Nobody sleeps on into the next cell.
        agent.begin(order(holder.getsockname()[1]))
        gevent.sleep(0.05)
        agent.end()
        assert runner.reports[-1].counts.ledger["refused"] >= 4


def test_arrivals_of_an_open_load_stay_due_where_a_port_is_closed() -> None:
    with closed_port() as holder, crew(users=4) as (agent, runner):
        agent.begin(order(holder.getsockname()[1], arrival=Arrival("constant", 200.0)))
        gevent.sleep(0.5)
        agent.end()
        last = runner.reports[-1]
        refused, standing = last.counts.ledger["refused"], last.standing
        due = Constant(200.0, 0, 1).count_before(round(standing.window_s * 1e9))
        assert standing.backed_off == 0
        # What had no time left before the end is dropped.
        assert refused + standing.dropped == due
        assert refused > 50
