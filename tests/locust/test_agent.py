"""Users between and within cells."""

from __future__ import annotations

import socket

import gevent
from locust.env import Environment

from lockstep.control import HURRIED_DRAIN_S
from lockstep.master.workers import Workers
from lockstep.record.histograms import decoded
from tests.locust.crew import PATIENCE_S, Echo, crew, messages_in, order, until


def test_users_wait_between_cells_and_all_begin_with_one() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, table):
        gevent.sleep(0.02)
        assert (peer.accepted, table.total.num_requests) == (0, 0)
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
        assert {name for name, _ in table.entries} == {"free"}


def test_what_is_in_flight_may_finish_and_is_counted() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, table):
        agent.begin(order(peer.port, messages=1))
        until(lambda: peer.accepted > 5)
        agent.end()
        assert set(runner.outcomes()) == {"answered"}
        assert runner.outcomes()["answered"] == messages_in(table) == peer.heard
        assert peer.open == 0


def test_what_does_not_finish_is_stopped_and_counted_as_aborted() -> None:
    peer = Echo(mute=True)
    with crew(peer) as (agent, runner, table):
        agent.begin(order(peer.port))
        until(lambda: peer.heard == 3)
        agent.end(drain_s=0.05)
        assert runner.outcomes() == {"aborted": 3}
        # Not the server's doing: Locust hears of neither an answer nor a failure.
        assert messages_in(table) == table.get("free", "message").num_failures == 0
        assert runner.reports[-1].final


def test_quitting_sends_the_last_report_first() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer.port))
        until(lambda: peer.accepted > 3)
        agent.quit()
        assert [report.final for report in runner.reports] == [True]
        agent.quit()
        assert len(runner.reports) == 1


def test_locked_clients_are_connected_one_at_a_time() -> None:
    peer = Echo()
    with crew(peer, users=4) as (agent, _, _):
        agent.begin(order(peer.port, client_mode="locked"))
        until(lambda: peer.accepted > 8)
        agent.end()
        assert peer.most_open == 1


def test_persistent_connections_last_as_long_as_their_cell() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer.port, scenario="persistent"))
        until(lambda: peer.heard > 30)
        agent.end()
        assert peer.accepted == 3
        until(lambda: peer.open == 0)
        assert set(runner.outcomes()) == {"answered"}
        assert runner.opened == []


def test_connections_that_stay_are_all_open_before_anybody_talks() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer.port, seconds=60.0, scenario="persistent"))
        until(lambda: runner.opened != [])
        until(lambda: peer.accepted == 3)
        until(lambda: peer.heard > 9)
        agent.end()
        (told,) = runner.opened
        assert (told.run_id, told.cell, told.worker) == ("run", 0, "w1")
        assert told.opened_s >= 0
        assert peer.accepted == 3
        connects = decoded(runner.reports[-1].counts.histograms["connect"])
        assert connects.get_total_count() == 3


def test_users_that_leave_are_not_waited_for() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
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
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer.port, scenario="persistent", timeout_s=10 * PATIENCE_S))
        until(lambda: peer.heard > 9)
        agent.end(HURRIED_DRAIN_S)
        assert runner.reports[-1].final
        assert set(runner.outcomes()) == {"answered"}


def test_a_cell_of_a_plan_waits_for_users_that_still_come_or_go() -> None:
    runner = Environment().create_local_runner()
    workers = Workers(runner)
    come = [runner.user_greenlets.spawn(gevent.sleep, PATIENCE_S) for _ in range(2)]
    waits = gevent.spawn(workers.await_users, 1)
    gevent.sleep(0.05)
    assert not waits.dead
    come[0].kill()
    waits.join(PATIENCE_S)
    assert waits.dead
    assert runner.user_count == 1
    come[1].kill()


def test_a_worker_pulses_while_its_cell_runs_and_once_more_at_its_end() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
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
        gevent.sleep(1.2)
        assert len(runner.pulses) == 3


def test_a_cell_of_less_than_a_second_pulses_all_the_same() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer.port))
        until(lambda: peer.heard > 3)
        agent.end()
        (pulse,) = runner.pulses
        assert pulse.answered > 0
