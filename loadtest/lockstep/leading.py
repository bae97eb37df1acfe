"""What a Locust master, or a local runner, is made of beside Locust: who leads, and its page.

What Locust was told, on its command line or in its web form, becomes runs here: manual, or by plan.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from locust.env import Environment
from locust.runners import (
    STATE_INIT,
    STATE_RUNNING,
    STATE_SPAWNING,
    STATE_STOPPED,
    LocalRunner,
    MasterRunner,
)
from rich.console import Console

from lockstep.commands.output import complain, print_report_of
from lockstep.errors import REFUSALS, WRONG_USE, HarnessError, PlanError, ResultsError, in_words
from lockstep.master.conductor import Conductor
from lockstep.master.hooks import attach_conductor
from lockstep.master.progress import fit
from lockstep.master.promise import check_promise
from lockstep.master.repeat import repeat_command
from lockstep.master.shape import PlanShape
from lockstep.master.stop_signals import LocustStop
from lockstep.master.workers import Workers
from lockstep.options import (
    check_edit,
    check_numbers,
    compose,
    defaults,
    notes_of_file,
    plan_of,
    refusal_in_words,
    settle,
    targets_of,
    traffic_of,
    unset_lengths,
)
from lockstep.plan import PlannedCell
from lockstep.report.material import Material
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import Run
from lockstep.settings import COMPARISON_PLAN
from lockstep.tcp.dialling import find_way
from lockstep.worker.process import ScenarioUser

if TYPE_CHECKING:
    from flask import Flask
    from locust.web import WebUI

NO_WORKER = "no worker is connected, so nobody would carry the load: start one (locust --worker)"
STILL_BUSY = "a run begins or ends just now: try again in a moment"


def lead(environment: Environment) -> None:
    """Make this process lead; where its options cannot work it ends with one line that says so."""
    options = environment.parsed_options
    assert options is not None
    try:
        # A page could not mend it: its form has no file.
        for note in notes_of_file(options):
            complain(note)
        driver = Driver(environment)
        if options.headless or options.autostart:
            driver.prepare(options, environment.host)
        web = environment.web_ui
        if web is not None and web.app is not None:
            _add_page(web, web.app, driver)
    except REFUSALS as refusal:
        print(f"lockstep: {refusal_in_words(refusal)}", file=sys.stderr)
        sys.exit(WRONG_USE)
    conductor = driver.conductor
    attach_conductor(environment, conductor, LocustStop(lambda: conductor.current is not None))
    _print_outcome_last(environment, conductor)


def _print_outcome_last(environment: Environment, conductor: Conductor) -> None:
    """Without a page, let what the run came to be the last that is printed, below Locust's own tables."""

    def on_quit(**_: object) -> None:
        if environment.web_ui is None and conductor.run_path is not None:
            _print_outcome(conductor.run_path)

    environment.events.quit.add_listener(on_quit)


def _print_outcome(folder: Path) -> None:
    """On stderr, like Locust's own tables: stdout may be its JSON."""
    # In a container the folder has another name than on the machine that runs Compose.
    shell = compose()
    shown = folder if shell is None else shell.results / folder.name
    try:
        print_report_of(Material.of(RunFolder.load(folder)), Console(stderr=True), shown)
    except ResultsError as error:
        complain(str(error))


def _add_page(web: WebUI, app: Flask, driver: Driver) -> None:
    """One of REFUSALS where those who may open it are not well named."""
    from lockstep.web.form import guard_form, guard_requests, show_choices
    from lockstep.web.live_page import LivePage, add_live_page, add_tab
    from lockstep.web.login import Credentials, add_login
    from lockstep.web.published import Published
    from lockstep.web.server_watch import ServerWatch

    options = web.environment.parsed_options
    assert options is not None
    base_path = options.web_base_path or ""
    guard_requests(app, Published.of(os.environ))
    if (credentials := Credentials.of(os.environ)) is not None:
        add_login(web, app, credentials, base_path)
    guard_form(app, driver, options)
    show_choices(web, options, driver.modes)
    page = LivePage(driver.conductor, ServerWatch())
    add_live_page(app, page, web.auth_required_if_enabled, base_path)
    add_tab(app, web.template_args)


class Driver:
    """Prepares each run that a Locust master is asked for.

    environment: Locust's, with its runner and its parsed options.
    """

    def __init__(self, environment: Environment) -> None:
        runner = environment.runner
        assert isinstance(runner, MasterRunner | LocalRunner)
        assert environment.parsed_options is not None
        self._environment = environment
        self._runner = runner
        self._options: Namespace = environment.parsed_options
        self.modes = settle(self._options)
        targets = targets_of(environment.host, self._options)
        self._workers = Workers(runner)
        self.conductor = Conductor(self._workers, targets, Path(self._options.out), self._command_of)
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.spawning_complete.add_listener(self._on_spawning_complete)

    @property
    def under_way(self) -> str | None:
        """The kind of the run that is under way, `plan` or `hand`; None where there is none."""
        return self.conductor.under_way

    @property
    def failure(self) -> str | None:
        """Why the current or last run could not begin or go on."""
        return self.conductor.failure

    def ask(self, options: Namespace, host: str | None, users: int) -> None:
        """What the page asks for: to start a run or, while one is under way, to change its number of users.

        host: empty where nothing is entered, None where the page does not ask. One of REFUSALS where it
        cannot be. Starts and changes nothing.
        """
        runner = self._runner
        going_on = runner.state in (STATE_SPAWNING, STATE_RUNNING)
        # Stopped, and not yet saved: another run would get its cell.
        if self.under_way is not None and not going_on and not runner.shape_greenlet:
            raise HarnessError(STILL_BUSY)
        if self.under_way == "plan" or (
            self.under_way is not None and going_on and not self.conductor.ending
        ):
            check_edit(self.under_way, self._options, options, self._environment.host, host)
            self.conductor.check_capacity(users, (options.mode,), traffic_of(options))
            return
        if runner.state not in (STATE_INIT, STATE_STOPPED) or runner.shape_greenlet:
            raise HarnessError(STILL_BUSY)
        # Without a page Locust itself waits for workers.
        if not self._workers.present():
            raise HarnessError(NO_WORKER)
        self.prepare(options, self._environment.host if host is None else host, users)
        # What stopped the last one is no news of this one.
        self.conductor.failure = None

    def prepare(self, options: Namespace, host: str | None, users: int = 1) -> None:
        """Get ready for the kind of run that is chosen.

        users: how many a manual run begins with. One of REFUSALS where the choices make no sense, or where
        the workers that are there cannot carry them. Starts nothing.
        """
        targets = targets_of(host, options)
        if options.run == COMPARISON_PLAN:
            plan = plan_of(options)
            targets.check(plan)
            check_promise(plan, targets)
            if plan.search is not None:
                # A search's loads are nobody's choice, and what they ask for nobody's who sees the form.
                plan, _ = fit(targets.server_of, plan, unset_lengths(options))
            shape: PlanShape | None = PlanShape(plan, self.conductor, ScenarioUser)
            level, modes, traffic = max(plan.levels), plan.modes, plan.traffic
            load_s: Callable[[float], float] = plan.load_s
        else:
            if options.headless and options.gate:
                raise PlanError("gate", f"does nothing in a manual run: add --run {COMPARISON_PLAN!r}")
            check_numbers(options)
            shape = None
            level, modes, traffic, load_s = users, (options.mode,), traffic_of(options), float
        for mode in modes:
            find_way(targets.endpoint_of(mode))
        self.conductor.targets = targets
        self.conductor.check_capacity(level, modes, traffic, load_s)
        self._environment.shape_class = shape

    def _command_of(self, run: Run) -> str:
        usual = defaults(self.modes, named=bool(self._options.target))
        return repeat_command(run, self._options, usual, compose())

    def _on_test_start(self, **_: Any) -> None:
        """A manual run is one cell without an end of its own; a plan's cells are begun by its shape."""
        if self._environment.shape_class is not None:
            return
        options = self._options
        try:
            level = max(self._runner.target_user_count, 1)
            self.prepare(options, self._environment.host, level)
            traffic = traffic_of(options)
            run = self.conductor.begin_manual(options.mode, traffic)
            run.begin_cell(PlannedCell(0, options.mode, level, 1), traffic, 0.0, None)
        except REFUSALS as refusal:
            self.conductor.give_up(in_words(refusal))
            if self._environment.web_ui is not None:
                # Ends only what starts the users: they must not come, and the page stays.
                raise gevent.GreenletExit from None
            self._environment.process_exit_code = WRONG_USE
            self._runner.quit()

    def _on_spawning_complete(self, user_count: int, **_: Any) -> None:
        if self._environment.shape_class is None:
            self.conductor.note_level(user_count)
