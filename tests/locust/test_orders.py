"""An order that a worker cannot follow."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gevent.event import AsyncResult
from locust.env import Environment

from lockstep.control import BEGIN, FAULT, CellOrder
from lockstep.plan import Traffic
from lockstep.worker.process import attach_agent

ORDER = CellOrder("run", 0, "free", "127.0.0.1", 1, "raw", False, None, Traffic(), 0.0, None)


def told_by_a_worker_given(order: dict[str, Any]) -> dict[str, Any]:
    """What the master hears of it."""
    environment = Environment()
    runner = environment.create_local_runner()
    attach_agent(environment)
    heard: AsyncResult[dict[str, Any]] = AsyncResult()
    runner.register_message(FAULT, lambda msg, **_: heard.set(msg.data))
    runner.send_message(BEGIN, order)
    told: dict[str, Any] = heard.get()
    return told


def test_an_order_of_another_version_is_refused_with_the_remedy() -> None:
    told = told_by_a_worker_given({**ORDER.to_message(), "added_later": 1})
    assert told["run_id"] == "run", told
    assert "start master and workers from the same version" in told["reason"], told


def test_an_order_for_unknown_arrivals_is_refused_and_they_become_no_others() -> None:
    traffic = {**asdict(Traffic()), "arrival": {"kind": "bursty", "rate_per_s": 5.0}}
    told = told_by_a_worker_given({**ORDER.to_message(), "traffic": traffic})
    assert "'bursty' is unknown" in told["reason"], told
