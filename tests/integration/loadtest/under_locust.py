"""What can only be tested in a process that Locust has taken over: a script, given a case's
name, that ends with 0 if it holds. Kept out of the tests' own process, whose threads Locust would replace.
"""

from __future__ import annotations

import locust.stats  # isort: skip - replaces the standard library's blocking calls: before anybody imports them

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent.server import StreamServer
from locust.env import Environment
from locust.stats import RequestStats

from lockstep.control import HURRIED_DRAIN_S, OPENED, PULSE, REPORT, CellOrder
from lockstep.master.workers import Workers
from lockstep.plan import Traffic
from lockstep.record import locust_numbers
from lockstep.record.histograms import decoded
from lockstep.record.locust_feed import LocustFeed
from lockstep.tcp.samples import Outcome
from lockstep.worker.agent import Agent

PATIENCE_S = 20
OUTCOMES = {outcome.value for outcome in Outcome}


class Runner:
    """Stands in for Locust's: keeps what is sent."""

    client_id = "w1"

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.opened: list[dict[str, Any]] = []
        self.pulses: list[dict[str, Any]] = []

    def send_message(self, kind: str, message: dict[str, Any]) -> None:
        {REPORT: self.reports, OPENED: self.opened, PULSE: self.pulses}[kind].append(message)

    def outcomes(self) -> dict[str, int]:
        """How messages ended, of all reports together."""
        totals: dict[str, int] = {}
        for report in self.reports:
            for outcome in OUTCOMES & set(report["ledger"]):
                totals[outcome] = totals.get(outcome, 0) + report["ledger"][outcome]
        return totals


class Echo:
    """A peer that echoes, and knows how many connections it has. mute: never answers."""

    def __init__(self, mute: bool = False, delay_s: float = 0.001) -> None:
        self.mute = mute
        self.delay_s = delay_s
        self.open = self.most_open = self.accepted = self.heard = 0
        self.server = StreamServer(("127.0.0.1", 0), self._serve)

    def _serve(self, link: socket.socket, _: object) -> None:
        self.open += 1
        self.accepted += 1
        self.most_open = max(self.most_open, self.open)
        while data := link.recv(65536):
            self.heard += 1
            if not self.mute:
                gevent.sleep(self.delay_s)
                link.sendall(data)
        self.open -= 1


@contextmanager
def crew(peer: Echo, users: int = 3) -> Iterator[tuple[Agent, Runner, RequestStats]]:
    """An agent whose users take their turns until the context is left, and Locust's table."""
    environment = Environment()
    environment.create_local_runner()
    runner = Runner()
    agent = Agent(runner, LocustFeed(environment))

    def use() -> None:
        place = agent.new_place()
        try:
            while True:
                agent.work(place)
        finally:
            agent.give_up(place)

    peer.server.start()
    greenlets = [gevent.spawn(use) for _ in range(users)]
    gevent.sleep(0)
    try:
        with gevent.Timeout(PATIENCE_S):
            yield agent, runner, environment.stats
    finally:
        gevent.killall(greenlets)
        peer.server.stop()


def order(
    peer: Echo, cell: int = 0, seconds: float | None = None, timeout_s: float = 10.0, **traffic: Any
) -> CellOrder:
    return CellOrder(
        run_id="run",
        cell=cell,
        mode="free",
        host="127.0.0.1",
        port=peer.server.server_port,
        framing="raw",
        timing=False,
        reply="echo",
        traffic=Traffic(**traffic),
        warmup_s=0.0,
        seconds=seconds,
        timeout_s=timeout_s,
    )


def messages_in(table: RequestStats) -> int:
    """Answered and failed messages that Locust knows of."""
    return int(table.get("free", "message").num_requests)


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        gevent.sleep(0.001)


def users_wait_between_cells_and_all_begin_with_one() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, table):
        gevent.sleep(0.02)
        assert (peer.accepted, table.total.num_requests) == (0, 0)
        agent.begin(order(peer))
        until(lambda: peer.most_open == 3)
        agent.end()
        accepted = peer.accepted
        gevent.sleep(0.02)
        assert peer.accepted == accepted
        agent.begin(order(peer, cell=1))
        until(lambda: peer.accepted > accepted)
        agent.end()
        assert [(report["cell"], report["final"]) for report in runner.reports] == [(0, True), (1, True)]
        assert {name for name, _ in table.entries} == {"free"}


def what_is_in_flight_may_finish_and_is_counted() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, table):
        agent.begin(order(peer, messages=1))
        until(lambda: peer.accepted > 5)
        agent.end()
        assert set(runner.outcomes()) == {"answered"}
        assert runner.outcomes()["answered"] == messages_in(table) == peer.heard
        assert peer.open == 0


def what_does_not_finish_is_stopped_and_counted_as_aborted() -> None:
    peer = Echo(mute=True)
    with crew(peer) as (agent, runner, table):
        agent.begin(order(peer))
        until(lambda: peer.heard == 3)
        agent.end(drain_s=0.05)
        assert runner.outcomes() == {"aborted": 3}
        # Not the server's doing: Locust hears of neither an answer nor a failure.
        assert messages_in(table) == table.get("free", "message").num_failures == 0
        assert runner.reports[-1]["final"]


def quitting_sends_the_last_report_first() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer))
        until(lambda: peer.accepted > 3)
        agent.quit()
        assert [report["final"] for report in runner.reports] == [True]
        agent.quit()
        assert len(runner.reports) == 1


def locked_clients_are_connected_one_at_a_time() -> None:
    peer = Echo()
    with crew(peer, users=4) as (agent, _, _):
        agent.begin(order(peer, client_mode="locked"))
        until(lambda: peer.accepted > 8)
        agent.end()
        assert peer.most_open == 1


def persistent_connections_last_as_long_as_their_cell() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer, scenario="persistent"))
        until(lambda: peer.heard > 30)
        agent.end()
        assert peer.accepted == 3
        until(lambda: peer.open == 0)
        assert set(runner.outcomes()) == {"answered"}
        assert runner.opened == []


def connections_that_stay_are_all_open_before_anybody_talks() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer, seconds=60.0, scenario="persistent"))
        until(lambda: runner.opened != [])
        until(lambda: peer.accepted == 3)
        until(lambda: peer.heard > 9)
        agent.end()
        (told,) = runner.opened
        assert (told["run_id"], told["cell"], told["worker"]) == ("run", 0, "w1")
        assert told["opened_s"] >= 0
        assert peer.accepted == 3
        connects = decoded(runner.reports[-1]["histograms"]["connect"])
        assert connects.get_total_count() == 3


def users_that_leave_are_not_waited_for() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        # Stopped already, but not yet gone: as where a plan's level falls.
        leaving = [agent.new_place() for _ in range(2)]
        agent.begin(order(peer, seconds=60.0, scenario="persistent"))
        until(lambda: peer.accepted == 3)
        assert (runner.opened, peer.heard) == ([], 0)
        for place in leaving:
            agent.give_up(place)
        until(lambda: peer.heard > 9)
        assert len(runner.opened) == 1
        agent.end()
        assert runner.reports[-1]["users"] == 3


class Deaf(Echo):
    """Answers, and never closes."""

    def _serve(self, link: socket.socket, address: object) -> None:
        super()._serve(link, address)
        gevent.sleep(10 * PATIENCE_S)


def a_hurried_end_waits_for_no_peer_that_does_not_close() -> None:
    peer = Deaf()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer, scenario="persistent", timeout_s=10 * PATIENCE_S))
        until(lambda: peer.heard > 9)
        agent.end(HURRIED_DRAIN_S)
        assert runner.reports[-1]["final"]
        assert set(runner.outcomes()) == {"answered"}


def a_cell_of_a_plan_waits_for_users_that_still_come_or_go() -> None:
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


def a_worker_pulses_while_its_cell_runs_and_once_more_at_its_end() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer, scenario="persistent"))
        until(lambda: len(runner.pulses) == 2)
        agent.end()
        first, second, last = runner.pulses
        assert (first["run_id"], first["cell"], first["worker"]) == ("run", 0, "w1")
        assert first["connections"] == second["connections"] == 3
        assert min(first["answered"], second["answered"]) > 0
        # What a pulse counts is counted once, and only what is in flight at the end is in none.
        answered = sum(pulse["answered"] for pulse in (first, second, last))
        assert 0 <= runner.outcomes()["answered"] - answered <= 3
        assert answered == sum(sum(pulse["responses"]) for pulse in (first, second, last))
        gevent.sleep(1.2)
        assert len(runner.pulses) == 3


def a_cell_of_less_than_a_second_pulses_all_the_same() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, _):
        agent.begin(order(peer))
        until(lambda: peer.heard > 3)
        agent.end()
        (pulse,) = runner.pulses
        assert pulse["answered"] > 0


def buckets_keep_three_digits_of_a_millisecond() -> None:
    table = {0.12345: 0.123, 1.2345: 1.23, 12.345: 12.3, 123.45: 123.0, 5678.9: 5680.0, 0.0: 0.0, -1.0: 0.0}
    for given, kept in table.items():
        assert locust_numbers.three_digits(given) == kept, given
    locust_numbers.install()
    entry = locust.stats.StatsEntry(
        locust.stats.RequestStats(), "free", "message", use_response_times_cache=False
    )
    entry.log(0.12345, 0)  # type: ignore[arg-type]  # Locust's own users log fractions
    assert entry.response_times == {0.123: 1}
    assert entry.to_dict()["min_response_time"] == 0.123


CASES = {
    case.__name__: case
    for case in (
        users_wait_between_cells_and_all_begin_with_one,
        what_is_in_flight_may_finish_and_is_counted,
        what_does_not_finish_is_stopped_and_counted_as_aborted,
        quitting_sends_the_last_report_first,
        locked_clients_are_connected_one_at_a_time,
        persistent_connections_last_as_long_as_their_cell,
        connections_that_stay_are_all_open_before_anybody_talks,
        users_that_leave_are_not_waited_for,
        a_hurried_end_waits_for_no_peer_that_does_not_close,
        a_cell_of_a_plan_waits_for_users_that_still_come_or_go,
        a_worker_pulses_while_its_cell_runs_and_once_more_at_its_end,
        a_cell_of_less_than_a_second_pulses_all_the_same,
        buckets_keep_three_digits_of_a_millisecond,
    )
}

if __name__ == "__main__":
    CASES[sys.argv[1]]()
