"""A plan that is stopped while it ends, in a process that Locust has taken over: see under_locust.py."""

from __future__ import annotations

import locust  # isort: skip - replaces the standard library's blocking calls: before anybody imports them

import sys
import tempfile
from pathlib import Path

import gevent
from gevent.event import Event
from locust.env import Environment

from loadtest.master import run_record
from loadtest.master.conductor import Conductor
from loadtest.master.progress import ReportState
from loadtest.master.target import Target
from loadtest.master.workers import Workers
from loadtest.wiring import attach_conductor

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


if __name__ == "__main__":
    globals()[sys.argv[1]]()
