"""A run that is stopped while it ends."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import gevent
import pytest
from flask import Flask
from gevent.event import Event
from locust.env import Environment
from locust.runners import LocalRunner

from lockstep.control import END, HURRIED_DRAIN_S
from lockstep.master import run as run_record
from lockstep.master.conductor import Conductor
from lockstep.master.hooks import attach_conductor
from lockstep.master.progress import ReportState
from lockstep.master.workers import Workers
from lockstep.plan import Plan, PlannedCell
from lockstep.target.target import Target
from lockstep.tcp.endpoint import Endpoint
from lockstep.traffic import Traffic
from lockstep.worker.process import attach_agent


class SlowReport:
    """Takes the place of what makes the report. begun: is set as it is asked; may_end: it waits for that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.may_end = Event(), Event()
        monkeypatch.setattr(run_record, "_make_report", self._make)

    def _make(self, _: Path) -> None:
        self.begun.set()
        self.may_end.wait()


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> SlowReport:
    return SlowReport(monkeypatch)


def led(out: Path, workers: type[Workers] = Workers) -> tuple[Environment, LocalRunner, Conductor]:
    """An environment with its runner, and who leads its runs."""
    environment = Environment()
    runner = environment.create_local_runner()
    conductor = Conductor(workers(runner), Target(Endpoint("127.0.0.1", 1), None), out)
    attach_conductor(environment, conductor)
    return environment, runner, conductor


def stop_by_the_page(environment: Environment) -> None:
    with Flask("page").test_request_context():
        environment.events.test_stopping.fire(environment=environment)


def test_a_stop_while_the_report_is_made_lets_it_be_made(tmp_path: Path, report: SlowReport) -> None:
    environment, runner, conductor = led(tmp_path)
    conductor.begin_plan(Plan(modes=("target",)))
    runner.shape_greenlet = walk = gevent.spawn(conductor.finish_run, interrupted=False)
    report.begun.wait()
    stop = gevent.spawn(environment.events.test_stopping.fire, environment=environment)
    gevent.sleep(0)
    report.may_end.set()
    gevent.joinall([walk, stop])
    assert conductor.progress.report is ReportState.READY
    assert conductor.record is not None
    assert not conductor.record.run.interrupted


def test_the_pages_stop_does_not_wait_for_the_report(tmp_path: Path, report: SlowReport) -> None:
    environment, _, conductor = led(tmp_path)
    conductor.begin_manual("target", Traffic())
    stop_by_the_page(environment)
    report.begun.wait()
    states = [conductor.progress.report]
    # The next run need not wait for it either, and who ends the process does.
    conductor.begin_manual("target", Traffic())
    quitting = gevent.spawn(conductor.finish_run)
    gevent.sleep(0.01)
    assert not quitting.dead
    report.may_end.set()
    quitting.join()
    states.append(conductor.progress.report)
    assert states == [ReportState.MAKING, ReportState.READY]


def test_a_stop_by_the_page_gives_what_is_in_flight_little_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []

    class Told(Workers):
        def tell_all(self, kind: str, message: dict[str, Any]) -> None:
            sent.append((kind, message))

        def present(self) -> set[str]:
            return set()

    monkeypatch.setattr(run_record, "_make_report", lambda _: None)
    environment, _, conductor = led(tmp_path, Told)
    run = conductor.begin_manual("target", Traffic())
    run.begin_cell(PlannedCell(0, "target", 1, 1), Traffic(), 0.0, None)
    stop_by_the_page(environment)
    assert sent == [(END, {"at_once": True, "drain_s": HURRIED_DRAIN_S})]
    conductor.finish_run()


def test_a_load_that_is_stopped_is_not_held_up_by_reading_source_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = Environment()
    runner = environment.create_local_runner()
    attach_agent(environment)
    read: list[object] = []
    monkeypatch.setattr(inspect, "findsource", read.append)
    runner.stop()
    assert read == []
