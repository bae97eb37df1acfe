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

from loadtest import buckets
from loadtest.agent import Agent
from loadtest.orders import CellOrder
from loadtest.plan import Traffic
from loadtest.samples import Outcome, Sample

PATIENCE_S = 20


class Runner:
    """Stands in for Locust's: keeps what is sent."""

    client_id = "w1"

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []

    def send_message(self, _kind: str, report: dict[str, Any]) -> None:
        self.reports.append(report)

    def total(self, name: str) -> dict[str, int]:
        """A count of all reports together."""
        totals: dict[str, int] = {}
        for report in self.reports:
            for outcome, count in report[name].items():
                totals[outcome] = totals.get(outcome, 0) + count
        return totals


class Echo:
    """A peer that echoes, and knows how many connections it has. mute: never answers."""

    def __init__(self, mute: bool = False) -> None:
        self.mute = mute
        self.open = self.most_open = self.accepted = 0
        self.server = StreamServer(("127.0.0.1", 0), self._serve)

    def _serve(self, link: socket.socket, _: object) -> None:
        self.open += 1
        self.accepted += 1
        self.most_open = max(self.most_open, self.open)
        while data := link.recv(65536):
            if not self.mute:
                gevent.sleep(0.001)
                link.sendall(data)
        self.open -= 1


@contextmanager
def crew(peer: Echo, users: int = 3) -> Iterator[tuple[Agent, Runner, list[tuple[str, Sample]]]]:
    """An agent whose users take their turns until the context is left, and what Locust was told."""
    told: list[tuple[str, Sample]] = []
    runner = Runner()
    agent = Agent(runner, lambda name, sample: told.append((name, sample)))

    def use() -> None:
        place = agent.new_place()
        while True:
            agent.take_turn(place)

    peer.server.start()
    greenlets = [gevent.spawn(use) for _ in range(users)]
    try:
        with gevent.Timeout(PATIENCE_S):
            yield agent, runner, told
    finally:
        gevent.killall(greenlets)
        peer.server.stop()


def order(peer: Echo, cell: int = 0, **traffic: Any) -> CellOrder:
    port = peer.server.server_port
    return CellOrder(
        "run", cell, "free", "127.0.0.1", port, "raw", False, "echo", Traffic(**traffic), 0.0, None
    )


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        gevent.sleep(0.001)


def users_wait_between_cells_and_all_begin_with_one() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, told):
        gevent.sleep(0.02)
        assert (peer.accepted, told) == (0, [])
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
        assert {name for name, _ in told} == {"free"}


def what_is_in_flight_may_finish_and_is_counted() -> None:
    peer = Echo()
    with crew(peer) as (agent, runner, told):
        agent.begin(order(peer, messages=1))
        until(lambda: peer.accepted > 5)
        agent.end()
        assert set(runner.total("ledger")) == {"answered"}
        messages = [sample for _, sample in told if sample.phase == "message"]
        assert runner.total("ledger")["answered"] == len(messages)
        assert peer.open == 0


def what_does_not_finish_is_stopped_and_counted_as_aborted() -> None:
    peer = Echo(mute=True)
    with crew(peer) as (agent, runner, told):
        agent.begin(order(peer))
        until(lambda: peer.open == 3)
        gevent.sleep(0.01)
        agent.end(drain_s=0.05)
        assert runner.total("ledger") == {"aborted": 3}
        assert Outcome.ANSWERED not in {sample.outcome for _, sample in told if sample.phase == "message"}
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
    with crew(peer) as (agent, runner, told):
        agent.begin(order(peer, scenario="persistent"))
        until(lambda: len(told) > 30)
        agent.end()
        assert peer.accepted == 3
        until(lambda: peer.open == 0)
        assert set(runner.total("ledger")) == {"answered"}


def buckets_keep_three_digits_of_a_millisecond() -> None:
    table = {0.12345: 0.123, 1.2345: 1.23, 12.345: 12.3, 123.45: 123.0, 5678.9: 5680.0, 0.0: 0.0, -1.0: 0.0}
    for given, kept in table.items():
        assert buckets.three_digits(given) == kept, given
    buckets.install()
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
        buckets_keep_three_digits_of_a_millisecond,
    )
}

if __name__ == "__main__":
    CASES[sys.argv[1]]()
