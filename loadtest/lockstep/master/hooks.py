"""Ties who leads to a Locust environment: its messages, and what happens when Locust stops and quits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import gevent
from flask import has_request_context
from locust import log
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner

from lockstep.control import (
    FAULT,
    MET,
    OPENED,
    PULSE,
    REPORT,
    FalseMessageError,
    Fault,
    Message,
    Met,
    Opened,
    Pulse,
    Report,
)
from lockstep.errors import DONE, HarnessError, exit_code

if TYPE_CHECKING:
    from lockstep.master.conductor import Conductor
    from lockstep.master.stop_signals import LocustStop

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)


def attach_conductor(environment: Environment, conductor: Conductor, stop: LocustStop | None = None) -> None:
    """Make this process the one that leads: a master, or a local runner.

    stop: tells which signal ended a run, where this process is Locust's.
    """
    runner = environment.runner
    assert isinstance(runner, MasterRunner | LocalRunner)

    def on_fault(fault: Fault) -> None:
        reason = conductor.on_fault(fault)
        if reason is not None:
            gevent.spawn(_end_by_fault, environment, conductor, reason)

    def register(kind: str, record: type[M], take: Callable[[M], None]) -> None:
        def listener(msg: Any, **_: Any) -> None:
            try:
                message = record.from_message(msg.data)
            except FalseMessageError as error:
                conductor.on_false(msg.node_id, str(error))
            except HarnessError as error:
                run_id = msg.data.get("run_id") if isinstance(msg.data, dict) else None
                logger.warning("refused a message of worker %s: %s", msg.node_id, error)
                on_fault(Fault(run_id=run_id, worker=msg.node_id, reason=str(error)))
            else:
                take(message)

        runner.register_message(kind, listener)

    def on_worker(client_id: str, **_: Any) -> None:
        conductor.on_worker(client_id)

    register(REPORT, Report, conductor.on_report)
    register(OPENED, Opened, conductor.on_opened)
    register(MET, Met, conductor.on_met)
    register(FAULT, Fault, on_fault)
    register(PULSE, Pulse, conductor.on_pulse)
    environment.events.worker_connect.add_listener(on_worker)
    _lead_to_its_end(environment, conductor, stop)


def _lead_to_its_end(environment: Environment, conductor: Conductor, stop: LocustStop | None) -> None:
    """What is to be done when a run is stopped, and when the process ends."""
    # Not for workers: it brings in what judges and draws.
    from lockstep.report.sections.gates import value_at, verdict_of

    runner = environment.runner
    assert runner is not None

    def on_stopping(**_: Any) -> None:
        # A plan's own greenlet must not go on to the next cell while this one is being saved.
        walk = runner.shape_greenlet
        if walk is not None and walk is not gevent.getcurrent() and conductor.current is not None:
            walk.kill()
        if has_request_context():
            # The page's Stop: what is left to do after the load is over goes on behind its answer.
            conductor.stopping(gevent.spawn(finish, hurried=True))
        else:
            finish()

    def finish(*, hurried: bool = False) -> None:
        conductor.finish_run(hurried=hurried)
        _set_exit_code(environment, conductor, None if stop is None else stop.number)

    def on_quitting(**_: Any) -> None:
        on_stopping()
        record = conductor.record
        for gate in [] if record is None else record.unmet_gates:
            logger.error("gate %s: %s %s", verdict_of(gate), gate.gate.text, value_at(gate))

    environment.events.test_stopping.add_listener(on_stopping)
    environment.events.quitting.add_listener(on_quitting)


def _set_exit_code(environment: Environment, conductor: Conductor, signal: int | None) -> None:
    """Where a whole plan went well it is 0: Locust would say 1 for failed messages, which are figures here.

    signal: which one asked this process to stop, if any did. Left to Locust: a manual run, a plan that
    somebody stopped from the page, and what went wrong in Locust itself.
    """
    record = conductor.record
    interrupted = record is not None and record.run.interrupted
    code = exit_code(
        refused=conductor.failure is not None,
        signal=signal if interrupted else None,
        degraded=record is not None and record.degraded,
        failed=record is not None and record.failed,
        unreported=record is not None and record.unreported is not None,
    )
    runner = environment.runner
    assert runner is not None
    whole_plan = environment.shape_class is not None and not interrupted
    if code != DONE or (whole_plan and not runner.exceptions and not log.unhandled_greenlet_exception):
        environment.process_exit_code = code


def _end_by_fault(environment: Environment, conductor: Conductor, reason: str) -> None:
    """End a manual run in which a worker cannot go on; without a page, end the process too."""
    assert environment.runner is not None
    conductor.give_up(reason)
    if environment.web_ui is None:
        environment.runner.quit()
    else:
        environment.runner.stop()
