"""What is wrong with users that speak TCP is said once, before the run, not by each of them in a traceback.

Without a page the process ends with one line and exit code 2. The page refuses the start, and says why. A
worker, which may know other names than its master, tells the master, and that ends the run.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from flask import Flask, Response, jsonify, request
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from lockstep.errors import WRONG_USE, HarnessError
from lockstep.user_checks import check_host, check_settings

logger = logging.getLogger(__name__)

REFUSED = "lockstep_refused"


class Preflight:
    """Checks every run of an environment. base: the class whose users are checked, among others."""

    def __init__(self, environment: Environment, base: type[Any]) -> None:
        self._environment = environment
        self._base = base

    def begin(self) -> None:
        """To be called when Locust is set up. May end the process."""
        environment, runner = self._environment, self._environment.runner
        self._or_exit(self._check_settings)
        web = environment.web_ui
        if isinstance(runner, WorkerRunner):
            # Its master tells it the host only when it tells it to start.
            environment.events.test_start.add_listener(self._on_workers_start)
            return
        if isinstance(runner, MasterRunner):
            runner.register_message(REFUSED, self._on_refused)
        options = environment.parsed_options
        if web is None or (options is not None and options.autostart):
            self._or_exit(lambda: self._check_hosts(environment.host))
        if web is not None and web.app is not None:
            self._guard(web.app)

    def _users(self, names: Iterable[str] = ()) -> list[type[Any]]:
        classes: list[Any] = list(self._environment.user_classes)
        if names:
            # Locust's picker: which of them are to run is chosen with the start.
            known = self._environment.available_user_classes or {}
            classes = [known[name] for name in names if name in known]
        return [each for each in classes if issubclass(each, self._base)]

    def _check_settings(self) -> None:
        for users in self._users():
            check_settings(users, self._base)

    def _check_hosts(self, host: str | None, names: Iterable[str] = ()) -> None:
        for users in self._users(names):
            check_host(users, host)

    def _or_exit(self, check: Callable[[], None]) -> None:
        try:
            check()
        except HarnessError as refusal:
            print(f"lockstep: {refusal}", file=sys.stderr)
            sys.exit(WRONG_USE)

    def _guard(self, app: Flask) -> None:
        @app.before_request
        def check_start() -> Response | None:
            if request.method != "POST" or not request.path.endswith("/swarm"):
                return None
            host = request.form.get("host", self._environment.host)
            try:
                self._check_hosts(host, request.form.getlist("user_classes"))
            except HarnessError as refusal:
                # The page's Edit dialog shows no answer; its Logs tab does.
                logger.warning("refused: %s", refusal)
                return jsonify({"success": False, "message": str(refusal)})
            return None

    def _on_workers_start(self, **_: Any) -> None:
        runner = self._environment.runner
        assert isinstance(runner, WorkerRunner)
        try:
            self._check_hosts(self._environment.host)
        except HarnessError as refusal:
            logger.error("lockstep: %s", refusal)
            self._environment.process_exit_code = WRONG_USE
            runner.send_message(REFUSED, {"reason": str(refusal)})

    def _on_refused(self, msg: Any, **_: Any) -> None:
        environment = self._environment
        assert environment.runner is not None
        # What is wrong is the file's, whichever worker it was: its long name would hide it.
        logger.error("lockstep: a worker refuses: %s", msg.data["reason"])
        environment.process_exit_code = WRONG_USE
        if environment.web_ui is None:
            gevent.spawn(environment.runner.quit)
        else:
            gevent.spawn(environment.runner.stop)
