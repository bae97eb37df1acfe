"""An agent and its users where Locust looks on."""

from __future__ import annotations

import gevent
from locust.env import Environment

from lockstep.master.workers import Workers
from lockstep.traffic import Arrival
from lockstep.users import feed_of
from tests.support.crew import PATIENCE_S, Echo, crew, order, until


def test_what_is_answered_is_in_locusts_table_under_its_mode() -> None:
    environment = Environment()
    environment.create_local_runner()
    peer = Echo()
    with crew(peer, feed=feed_of(environment)) as (agent, runner):
        for cell, arrival in enumerate((Arrival(), Arrival("constant", 500.0))):
            wanted = peer.heard + 5
            agent.begin(order(peer.port, cell=cell, messages=1, arrival=arrival))
            while peer.heard < wanted:
                gevent.sleep(0.001)
            agent.end()
        messages = environment.stats.get("free", "message")
        assert messages.num_requests == runner.outcomes()["answered"] == peer.heard
        assert {name for name, _ in environment.stats.entries} == {"free"}


def test_what_was_aborted_is_neither_answer_nor_failure_to_locust() -> None:
    environment = Environment()
    environment.create_local_runner()
    peer = Echo(mute=True)
    with crew(peer, feed=feed_of(environment)) as (agent, runner):
        agent.begin(order(peer.port))
        until(lambda: peer.heard == 3)
        agent.end(drain_s=0.05)
        assert runner.outcomes() == {"aborted": 3}
        messages = environment.stats.get("free", "message")
        assert messages.num_requests == messages.num_failures == 0


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
