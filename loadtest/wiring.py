"""Ties Lockstep to a Locust environment.

Who gets which message, and what happens when Locust starts, stops and quits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtest.exit_codes import DEGRADED, WRONG_USE
from loadtest.master.capacity import own_limits, raise_open_files
from loadtest.master.conductor import Conductor
from loadtest.orders import BEGIN, END, FAULT, LIMITS, OPENED, PULSE, REPORT, CellOrder
from loadtest.users import feed_of
from loadtest.worker.agent import Agent


def attach_agent(environment: Environment) -> Agent:
    """Make this process one that carries load: a worker, or a local runner.

    Its last report goes out before it quits.
    """
    runner = environment.runner
    assert isinstance(runner, WorkerRunner | LocalRunner)
    raise_open_files()
    agent = Agent(runner, feed_of(environment))
    environment.lockstep_agent = agent  # type: ignore[attr-defined]

    def on_begin(msg: Any, **_: Any) -> None:
        agent.begin(CellOrder.from_message(msg.data))

    def on_end(**_: Any) -> None:
        agent.end()

    def on_quitting(**_: Any) -> None:
        agent.quit()

    runner.register_message(BEGIN, on_begin)
    # Draining takes seconds; heartbeats must go on meanwhile.
    runner.register_message(END, on_end, concurrent=True)
    if isinstance(runner, WorkerRunner):
        environment.events.quitting.add_listener(on_quitting)
        runner.send_message(LIMITS, asdict(own_limits(runner.client_id)))
    return agent


def attach_conductor(environment: Environment, conductor: Conductor) -> None:
    """Make this process the one that leads: a master, or a local runner."""
    runner = environment.runner
    assert isinstance(runner, MasterRunner | LocalRunner)

    def on_fault(told: dict[str, Any]) -> None:
        if conductor.on_fault(told):
            gevent.spawn(_end_by_fault, environment, conductor)

    def on_worker(client_id: str, **_: Any) -> None:
        conductor.on_worker(client_id)

    def on_stopping(**_: Any) -> None:
        # A plan's own greenlet must not go on to the next cell while this one is being saved.
        if runner.shape_greenlet is not None and runner.shape_greenlet is not gevent.getcurrent():
            runner.shape_greenlet.kill()
        conductor.finish_run()
        if conductor.failure is not None:
            environment.process_exit_code = WRONG_USE
        elif conductor.degraded:
            environment.process_exit_code = DEGRADED

    for kind, take in {
        REPORT: conductor.on_report,
        OPENED: conductor.on_opened,
        FAULT: on_fault,
        PULSE: conductor.pulses.add,
    }.items():
        runner.register_message(kind, _handing_on(take))
    environment.events.worker_connect.add_listener(on_worker)
    environment.events.test_stopping.add_listener(on_stopping)
    environment.events.quitting.add_listener(on_stopping)


def _handing_on(take: Callable[[dict[str, Any]], None]) -> Callable[..., None]:
    """A listener for Locust's messages that hands on what is in them."""

    def listener(msg: Any, **_: Any) -> None:
        take(msg.data)

    return listener


def _end_by_fault(environment: Environment, conductor: Conductor) -> None:
    """End a run by hand in which a worker cannot go on; without a page, end the process too."""
    assert environment.runner is not None
    conductor.give_up(conductor.fault or "")
    if environment.web_ui is None:
        environment.runner.quit()
    else:
        environment.runner.stop()
