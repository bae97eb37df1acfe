"""Master and workers of different versions, or gone: each is said in one line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from gevent.event import AsyncResult
from gevent.pool import Group
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_MISSING, MasterRunner

from lockstep.control import (
    BEGIN,
    END,
    FAULT,
    LIMITS,
    PULSE,
    REPORT,
    CellOrder,
    EndOrder,
    Fault,
    Report,
    WorkerLimits,
)
from lockstep.errors import HarnessError
from lockstep.master.conductor import Conductor
from lockstep.master.hooks import attach_conductor
from lockstep.master.losses import Loss
from lockstep.master.workers import Workers
from lockstep.traffic import Traffic
from lockstep.worker.process import attach_agent
from tests.factories.reports import report_of

ORDER = CellOrder("run", 0, "free", "tcp://127.0.0.1:1", "raw", False, None, Traffic(), 0.0, None)
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


def test_a_worker_ends_its_cell_where_it_cannot_read_how_and_says_so() -> None:
    environment = Environment()
    runner = environment.create_local_runner()
    attach_agent(environment)
    sent: dict[str, Any] = {}
    for kind in (FAULT, REPORT, PULSE):
        runner.register_message(kind, lambda msg, **_: sent.update({msg.type: msg.data}))
    runner.send_message(BEGIN, ORDER.to_message())
    runner.send_message(END, {**EndOrder(at_once=True, drain_s=0.1).to_message(), "added_later": 1})
    fault = Fault.from_message(sent[FAULT])
    assert fault.run_id == "run", fault
    assert REMEDY in fault.reason, fault
    assert Report.from_message(sent[REPORT]).final


class Master(MasterRunner):
    """Locust's without its sockets, and with one worker."""

    def __init__(self) -> None:
        self.custom_messages = {}
        self.greenlet = Group()
        self.clients: Any = SimpleNamespace(all=[SimpleNamespace(id="w1", state=STATE_INIT)])


def test_no_run_begins_with_a_worker_whose_limits_the_master_cannot_read() -> None:
    master = Master()
    workers = Workers(master)
    listener, _ = master.custom_messages[LIMITS]
    listener(msg=SimpleNamespace(data={"worker": "w1", "added_later": 1}, node_id="w1"))
    with pytest.raises(HarnessError, match=f"worker 1: .*{REMEDY}"):
        workers.limits()


def test_a_worker_is_called_by_the_number_by_which_it_came() -> None:
    workers = Workers(Master())
    assert [workers.called(each) for each in ("w9", "w2", "w9")] == ["worker 1", "worker 2", "worker 1"]


def test_a_worker_whose_process_has_ended_is_gone_before_locust_misses_it() -> None:
    master, ended = Master(), {7: "exit code 3"}
    workers = Workers(master, ended.get)
    listener, _ = master.custom_messages[LIMITS]
    listener(msg=SimpleNamespace(data=WorkerLimits("w1", None, None, None, process=7).to_message()))
    assert workers.present() == set()
    assert workers.losses(["w1"]) == [Loss("worker 1", "exit code 3")]
    ended.clear()
    assert workers.present() == {"w1"}
    assert workers.losses(["w1"]) == []
    master.clients.all[0].state = STATE_MISSING
    assert workers.losses(["w1"]) == [Loss("worker 1", None)]


def test_a_report_that_the_master_cannot_read_is_a_fault_of_its_worker() -> None:
    environment = Environment()
    runner = environment.create_local_runner()
    faults: list[Fault] = []
    conductor = Mock(spec=Conductor, on_fault=faults.append)
    attach_conductor(environment, conductor)
    runner.send_message(REPORT, {"run_id": "run", "cell": 0, "worker": "w1", "window_s": 1.0})
    (fault,) = faults
    assert fault.run_id == "run", fault
    assert REMEDY in fault.reason, fault


def test_what_is_no_report_at_all_is_refused_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    environment = Environment()
    runner = environment.create_local_runner()
    conductor = Mock(spec=Conductor, on_fault=lambda _: None)
    attach_conductor(environment, conductor)
    runner.send_message(REPORT, ["run_id"])
    whole = report_of([])
    runner.send_message(REPORT, {**whole.to_message(), "cell": "0"})
    conductor.on_false.assert_called_once()
    assert "'0' is no int" in conductor.on_false.call_args.args[1]
    assert [each.getMessage() for each in caplog.records] == [
        "refused a message of worker local: cannot read a Report: it has no fields"
    ]
