"""Master and workers of different versions: each end says so in one line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gevent.event import AsyncResult
from locust.env import Environment

from lockstep.control import BEGIN, FAULT, REPORT, CellOrder, Fault
from lockstep.master.hooks import attach_conductor
from lockstep.plan import Traffic
from lockstep.worker.process import attach_agent

ORDER = CellOrder("run", 0, "free", "127.0.0.1", 1, "raw", False, None, Traffic(), 0.0, None)
REMEDY = "start master and workers from the same version"


def test_a_worker_refuses_an_order_that_it_cannot_read() -> None:
    environment = Environment()
    runner = environment.create_local_runner()
    attach_agent(environment)
    heard: AsyncResult[dict[str, Any]] = AsyncResult()
    runner.register_message(FAULT, lambda msg, **_: heard.set(msg.data))
    runner.send_message(BEGIN, {**ORDER.to_message(), "added_later": 1})
    fault = Fault.from_message(heard.get())
    assert fault.run_id == "run", fault
    assert REMEDY in fault.reason, fault


def test_a_report_that_the_master_cannot_read_is_a_fault_of_its_worker() -> None:
    environment = Environment()
    runner = environment.create_local_runner()
    faults: list[Fault] = []
    silent: dict[str, Any] = {"on_report": None, "on_opened": None, "pulses": SimpleNamespace(add=None)}
    conductor: Any = SimpleNamespace(on_fault=faults.append, **silent)
    attach_conductor(environment, conductor)
    runner.send_message(REPORT, {"run_id": "run", "cell": 0, "worker": "w1", "window_s": 1.0})
    (fault,) = faults
    assert fault.run_id == "run", fault
    assert REMEDY in fault.reason, fault
