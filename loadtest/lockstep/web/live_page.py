"""The live page beside Locust's own: its routes, all behind Locust's login where one is set, and its tab.

/lockstep                the page
/lockstep/state          what it shows, as JSON
/lockstep/metrics        the load in counts that only grow, for Prometheus
/lockstep/static/...     its style and scripts
/lockstep/report.html    the report of the current or last run, and no other file of its folder

Locust's tabs of others hold tables only: so the tab is Locust's, and what it shows is put there by a script
of ours (static/tab.js), which Locust's page is made to load. Another one (static/guard.js) listens to its
requests, for what that page would keep to itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from flask import Blueprint, Flask, Response, jsonify, make_response, request, send_file, send_from_directory

from lockstep.master.live import Pulses, recent
from lockstep.master.progress import Progress
from lockstep.master.totals import TotalsBySeries
from lockstep.runs.folder import REPORT_FILE
from lockstep.runs.records import Run
from lockstep.target.target import Targets
from lockstep.web.server_watch import ServerWatch
from lockstep.web.state import Outcome, outcome_of, state_of
from lockstep_wire.extras import remedy

STATIC = Path(__file__).parent / "static"
# The page loads nothing from elsewhere, and runs no script that is not a file of ours. It may stand in a tab
# of Locust's page. Its empty icon saves a request.
_OWN = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
# A report is one file: its style and drawings are inside it, and nothing may come from, or go, anywhere.
_REPORT = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
_REPORT += "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

_PLAIN = "text/plain; charset=utf-8"

View = Callable[..., Any]
KEY = "lockstep"
TITLE = "Lockstep"
# Before Locust's own script, which is deferred.
_SCRIPTS = (
    b'<script src="lockstep/static/guard.js"></script><script src="lockstep/static/tab.js"></script></body>'
)
LOCUSTS_PAGE = "locust.index"


class Leads(Protocol):
    """Who leads the runs: what the page has to ask of the conductor."""

    targets: Targets
    pulses: Pulses
    totals: TotalsBySeries

    @property
    def progress(self) -> Progress:
        """Where the current or last run stands."""

    @property
    def run_path(self) -> Path | None:
        """The current or last run's folder."""


class LivePage:
    """leader: whose runs it shows. watch: asks the server. clock_ns: monotonic, the leader's."""

    def __init__(
        self, leader: Leads, watch: ServerWatch, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._leader = leader
        self._watch = watch
        self._clock_ns = clock_ns
        # A run's record is replaced when a cell is saved: its outcome is made anew only then.
        self._told: tuple[Run | None, Outcome] = (None, Outcome())

    def state(self) -> dict[str, Any]:
        """See state_of."""
        progress = self._leader.progress
        server = self._watch.look(self._leader.targets.server_of(_mode(progress)))
        run = progress.run
        received = [] if run is None else self._leader.pulses.of_run(run.run_id)
        return state_of(progress, self._outcome(run), received, server, self._clock_ns())

    def metrics(self) -> tuple[bytes, str]:
        """The load as Prometheus reads it, and the type of that. ModuleNotFoundError without [server]."""
        from lockstep.web.metrics import CONTENT_TYPE, exposed

        progress, now_ns = self._leader.progress, self._clock_ns()
        received = [] if progress.run is None else self._leader.pulses.of_run(progress.run.run_id)
        return exposed(self._leader.totals.found, progress.cell, recent(received, now_ns)), CONTENT_TYPE

    def report(self) -> Path | None:
        """The report, where there is one."""
        folder = self._leader.run_path
        report = None if folder is None else folder / REPORT_FILE
        return report if report is not None and report.is_file() else None

    def _outcome(self, run: Run | None) -> Outcome:
        if run is None:
            return Outcome()
        if self._told[0] is not run:
            self._told = (run, outcome_of(run))
        return self._told[1]


def _mode(progress: Progress) -> str | None:
    return None if progress.cell is None else progress.cell.planned.mode


def add_live_page(app: Flask, page: LivePage, login: Callable[[View], View], base_path: str = "") -> None:
    """Add the page's routes to Locust's app.

    login: guards a view where a login is set. base_path: what Locust's own paths begin with.
    """
    routes = Blueprint("lockstep", __name__, url_prefix=f"{base_path}/lockstep")
    views: dict[str, tuple[str, View]] = {
        "page": ("", lambda: send_from_directory(STATIC, "live.html")),
        "state": ("/state", lambda: _state(page)),
        "static": ("/static/<name>", lambda name: send_from_directory(STATIC, name)),
        "metrics": ("/metrics", lambda: _metrics(page)),
        "report": ("/report.html", lambda: _report(page)),
    }
    for name, (path, view) in views.items():
        routes.add_url_rule(path, name, login(view))
    routes.after_request(_guard)
    app.register_blueprint(routes)


def _state(page: LivePage) -> Response:
    answer = jsonify(page.state())
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _metrics(page: LivePage) -> Response:
    try:
        text, kind = page.metrics()
    except ModuleNotFoundError as missing:
        words = remedy(missing)
        if words is None:
            raise
        return make_response(f"{words}\n", 501, {"Content-Type": _PLAIN})
    return make_response(text, 200, {"Content-Type": kind, "Cache-Control": "no-store"})


def _report(page: LivePage) -> Response:
    path = page.report()
    if path is None:
        words = "There is no report yet: it is made when a run ends."
        return make_response(words, 404, {"Content-Type": _PLAIN})
    answer = send_file(path.resolve())
    answer.headers["Content-Security-Policy"] = _REPORT
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _guard(answer: Response) -> Response:
    answer.headers.setdefault("Content-Security-Policy", _OWN)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def add_tab(app: Flask, template_args: dict[str, Any]) -> None:
    """template_args: what Locust's page is made of."""
    tabs = template_args.setdefault("extended_tabs", [])
    tabs.append({"key": KEY, "title": TITLE})

    @app.after_request
    def load_scripts(answer: Response) -> Response:
        if request.endpoint == LOCUSTS_PAGE and answer.status_code == 200:
            answer.set_data(answer.get_data().replace(b"</body>", _SCRIPTS))
        return answer
