"""The live page's routes: what they answer, to whom, and with which headers."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, redirect
from flask.testing import FlaskClient
from flask_cors import CORS

from lockstep.master.live import Pulses
from lockstep.master.progress import Progress, ReportState
from lockstep.master.totals import TotalsBySeries
from lockstep.target.admin import ServerView
from lockstep.target.target import Target, Targets
from lockstep.tcp.endpoint import Endpoint
from lockstep.web.live_page import STATIC, LivePage, add_live_page
from lockstep.web.server_watch import ServerWatch
from tests.factories.pulses import pulse
from tests.factories.simulated import simulated_run
from tests.support.peers import refusing_port

RUN, _ = simulated_run(("free", "lock"), (1, 8), 1)
FILES = sorted(path.name for path in STATIC.iterdir())
PATHS = [
    "/lockstep",
    "/lockstep/state",
    "/lockstep/metrics",
    "/lockstep/report.html",
    *(f"/lockstep/static/{name}" for name in FILES),
]
PRIVATE = "run.json, which is nobody's business"


class Leader:
    """Stands in for the conductor."""

    def __init__(self) -> None:
        self.targets: Targets = Target(Endpoint("127.0.0.1", 1), None)
        self.pulses = Pulses()
        self.totals = TotalsBySeries()
        self.progress = Progress()
        self.run_path: Path | None = None

    def finish(self, folder: Path) -> None:
        """A run is over, and left its folder."""
        folder.mkdir()
        (folder / "report.html").write_text("<p>the report</p>")
        (folder / "run.json").write_text(PRIVATE)
        self.run_path = folder
        self.progress = Progress(run=RUN, report=ReportState.READY)


@pytest.fixture
def leader() -> Leader:
    return Leader()


def open_to_all(view: Callable[..., Any]) -> Callable[..., Any]:
    return view


def site(
    leader: Leader, login: Callable[[Any], Any] = open_to_all, base_path: str = ""
) -> Iterator[FlaskClient]:
    """An app that lets in every origin, as Locust's does."""
    app = Flask(__name__)
    CORS(app)
    add_live_page(app, LivePage(leader, ServerWatch()), login, base_path)
    with app.test_client() as client:
        yield client


@pytest.fixture
def page(leader: Leader) -> Iterator[FlaskClient]:
    yield from site(leader)


def test_the_page_and_all_that_it_names_are_there_and_come_from_here(page: FlaskClient) -> None:
    html = page.get("/lockstep").text
    named = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert {"lockstep/static/live.css", "lockstep/static/live.js"} <= set(named)
    assert not [link for link in named if "//" in link]
    for link in named:
        if link.startswith("lockstep/"):
            assert page.get(f"/{link}").status_code == 200, link


def test_the_page_holds_no_script_or_style_of_its_own_which_its_policy_would_forbid(
    page: FlaskClient,
) -> None:
    html = page.get("/lockstep").text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    policy = page.get("/lockstep").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_guarded(page: FlaskClient, leader: Leader, tmp_path: Path, path: str) -> None:
    leader.finish(tmp_path / "run")
    answer = page.get(path)
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src" in answer.headers["Content-Security-Policy"]


def test_the_state_is_never_kept_and_follows_the_run(page: FlaskClient, leader: Leader) -> None:
    first = page.get("/lockstep/state")
    assert first.headers["Cache-Control"] == "no-store"
    assert (first.json or {})["run"] is None
    leader.progress = Progress(run=RUN, report=ReportState.MAKING)
    leader.pulses.add(pulse(run_id="another run"))
    then: Any = page.get("/lockstep/state").json
    assert (then["run"]["id"], then["report"], then["now"]) == (RUN.run_id, "making", None)
    assert then["verdict"]["sentences"]


def test_a_server_that_cannot_be_asked_leaves_the_state_readable(page: FlaskClient, leader: Leader) -> None:
    with refusing_port() as port:
        leader.targets = Target(Endpoint("127.0.0.1"), ServerView(f"127.0.0.1:{port}"))
        assert (page.get("/lockstep/state").json or {})["server"] == "unknown"


def test_before_a_report_is_there_its_place_says_so_in_words(
    page: FlaskClient, leader: Leader, tmp_path: Path
) -> None:
    answer = page.get("/lockstep/report.html")
    assert (answer.status_code, answer.text) == (404, "There is no report yet: it is made when a run ends.")
    leader.run_path = tmp_path  # a run that has only begun
    assert page.get("/lockstep/report.html").status_code == 404


def test_the_report_may_style_itself_and_fetch_nothing(
    page: FlaskClient, leader: Leader, tmp_path: Path
) -> None:
    leader.finish(tmp_path / "run")
    answer = page.get("/lockstep/report.html")
    assert answer.text == "<p>the report</p>"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'unsafe-inline'" in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/lockstep/run.json",
        "/lockstep/static/run.json",
        "/lockstep/static/../live_page.py",
        "/lockstep/static/..%2flive_page.py",
        "/lockstep/static/%2e%2e/live_page.py",
        "/lockstep/report.html/../run.json",
        "/lockstep/..%2f..%2fetc/passwd",
        "/lockstep/report.html?path=run.json",
        "/lockstep/",
    ],
)
def test_no_other_file_is_ever_served(page: FlaskClient, leader: Leader, tmp_path: Path, path: str) -> None:
    leader.finish(tmp_path / "run")
    answer = page.get(path)
    assert PRIVATE not in answer.text
    assert "def add_live_page" not in answer.text
    assert answer.status_code == (200 if "?" in path else 404)


@pytest.mark.parametrize("path", PATHS)
def test_behind_a_login_nothing_is_told_to_who_is_not_logged_in(
    leader: Leader, tmp_path: Path, path: str
) -> None:
    leader.finish(tmp_path / "run")

    def login(view: Callable[..., Any]) -> Callable[..., Response]:
        @functools.wraps(view)
        def guarded(*_: Any, **__: Any) -> Any:
            return redirect("/login")

        return guarded

    (page,) = site(leader, login)
    answer = page.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")
    assert "the report" not in answer.text


def test_the_page_follows_locusts_base_path(leader: Leader) -> None:
    (page,) = site(leader, base_path="/load")
    assert page.get("/load/lockstep/state").status_code == 200
    assert page.get("/lockstep/state").status_code == 404


def test_without_the_extra_that_brings_prometheus_one_line_says_which(
    page: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "lockstep.web.metrics", raising=False)
    answer = page.get("/lockstep/metrics")
    assert (answer.status_code, answer.text) == (
        501,
        "prometheus_client is not installed: pip install 'locust-lockstep[server]'\n",
    )
