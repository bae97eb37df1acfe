"""A plan that is stopped while it ends, in a process that Locust has taken over: see under_locust.py."""

from __future__ import annotations

import locust  # isort: skip - replaces the standard library's blocking calls: before anybody imports them

import inspect
import sys
import tempfile
from pathlib import Path
from typing import Any

import gevent
from flask import Flask
from gevent.event import Event
from locust.env import Environment

from lockstep.control import END, HURRIED_DRAIN_S
from lockstep.hooks import attach_agent, attach_conductor
from lockstep.master import run_record
from lockstep.master.conductor import Conductor
from lockstep.master.progress import ReportState
from lockstep.master.workers import Workers
from lockstep.plan import PlannedCell, Traffic
from lockstep.target.target import Target

PATIENCE_S = 20


def a_stop_while_the_report_is_made_lets_it_be_made() -> None:
    environment = Environment(events=locust.events)
    runner = environment.create_local_runner()
    begun, may_end = Event(), Event()

    def make_report(_: Path) -> None:
        begun.set()
        may_end.wait()

    run_record._make_report = make_report
    with gevent.Timeout(PATIENCE_S), tempfile.TemporaryDirectory() as out:
        conductor = Conductor(Workers(runner), Target("127.0.0.1", None, 1), Path(out))
        attach_conductor(environment, conductor)
        conductor.begin_run("plan", {})
        runner.shape_greenlet = walk = gevent.spawn(conductor.finish_run, interrupted=False)
        begun.wait()
        stop = gevent.spawn(environment.events.test_stopping.fire, environment=environment)
        gevent.sleep(0)
        may_end.set()
        gevent.joinall([walk, stop])
        assert conductor.progress.report is ReportState.READY, conductor.progress.report
        assert not conductor.interrupted


def the_pages_stop_does_not_wait_for_the_report() -> None:
    environment = Environment(events=locust.events)
    runner = environment.create_local_runner()
    begun, may_end = Event(), Event()

    def make_report(_: Path) -> None:
        begun.set()
        may_end.wait()

    run_record._make_report = make_report
    with gevent.Timeout(PATIENCE_S), tempfile.TemporaryDirectory() as out:
        conductor = Conductor(Workers(runner), Target("127.0.0.1", None, 1), Path(out))
        attach_conductor(environment, conductor)
        conductor.begin_run("hand", {"mode": "target"})
        with Flask("page").test_request_context():
            environment.events.test_stopping.fire(environment=environment)
        begun.wait()
        assert conductor.progress.report is ReportState.MAKING, conductor.progress.report
        # The next run need not wait for it either, and who ends the process does.
        conductor.begin_run("hand", {"mode": "target"})
        quitting = gevent.spawn(conductor.finish_run)
        gevent.sleep(0.01)
        assert not quitting.dead
        may_end.set()
        quitting.join()
        assert conductor.progress.report is ReportState.READY, conductor.progress.report


def a_stop_by_the_page_gives_what_is_in_flight_little_time() -> None:
    told = []

    class Told(Workers):
        def tell_all(self, kind: str, message: dict[str, Any]) -> None:
            told.append((kind, message))

        def present(self) -> set[str]:
            return set()

    environment = Environment(events=locust.events)
    runner = environment.create_local_runner()
    run_record._make_report = lambda _: None
    with gevent.Timeout(PATIENCE_S), tempfile.TemporaryDirectory() as out:
        conductor = Conductor(Told(runner), Target("127.0.0.1", None, 1), Path(out))
        attach_conductor(environment, conductor)
        conductor.begin_run("hand", {"mode": "target"})
        conductor.begin_cell(PlannedCell(0, "target", 1, 1), Traffic(), 0.0, None)
        with Flask("page").test_request_context():
            environment.events.test_stopping.fire(environment=environment)
        assert told == [(END, {"at_once": True, "drain_s": HURRIED_DRAIN_S})]
        conductor.finish_run()


def a_load_that_is_stopped_is_not_held_up_by_reading_source_files() -> None:
    environment = Environment(events=locust.events)
    runner = environment.create_local_runner()
    attach_agent(environment)
    read: list[object] = []
    real, inspect.findsource = inspect.findsource, lambda found: (read.append(found), real(found))[1]
    runner.stop()
    assert read == []


if __name__ == "__main__":
    globals()[sys.argv[1]]()
