"""Turns what Locust was told, on its command line or in its web form, into runs: by hand or by plan."""

from __future__ import annotations

import logging
import shlex
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner

from loadtest.connection.addresses import ADDRESS_BOOK
from loadtest.exit_codes import WRONG_USE
from loadtest.master.conductor import Conductor
from loadtest.master.shape import PlanShape
from loadtest.master.workers import Workers
from loadtest.options import COMPARISON_PLAN, check_numbers, plan_of, target_of, traffic_of
from loadtest.plan import PlanError, PlannedCell
from loadtest.refusals import REFUSALS, in_words
from loadtest.users import ScenarioUser

logger = logging.getLogger(__name__)


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
        command = shlex.join(["locust", *sys.argv[1:]])
        target = target_of(environment.host, self._options)
        self.conductor = Conductor(Workers(runner), target, Path(self._options.out), command)
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.spawning_complete.add_listener(self._on_spawning_complete)

    def prepare(self, options: Namespace, host: str | None, users: int = 1) -> None:
        """Get ready for the kind of run that is chosen.

        users: how many a run by hand begins with. One of REFUSALS where the choices make no sense, or where
        the workers that are there cannot carry them. Starts nothing.
        """
        if self.conductor.running:
            if options == self._options:  # the page's Edit, which only changes the number of users
                return
            raise PlanError("run", "another one is under way: stop it first")
        target = target_of(host or self._environment.host, options)
        if options.run == COMPARISON_PLAN:
            plan = plan_of(options)
            target.check(plan)
            shape: PlanShape | None = PlanShape(plan, self.conductor, ScenarioUser)
            level, modes, traffic = max(plan.levels), plan.modes, plan.traffic
            cell_s: float | None = plan.warmup_s + plan.seconds
        else:
            if options.headless and options.gate:
                raise PlanError("gate", f"does nothing in a run by hand: add --run {COMPARISON_PLAN!r}")
            check_numbers(options)
            target.port_of(options.mode)
            shape = None
            level, modes, traffic, cell_s = users, (options.mode,), traffic_of(options), None
        ADDRESS_BOOK.find(target.host, target.port or 0)
        self.conductor.target = target
        self.conductor.check_capacity(level, modes, traffic, cell_s)
        self._environment.shape_class = shape

    def _on_test_start(self, **_: Any) -> None:
        """A run by hand is one cell without an end of its own; a plan's cells are begun by its shape."""
        if self._environment.shape_class is not None:
            return
        options = self._options
        try:
            level = max(self._runner.target_user_count, 1)
            self.prepare(options, self._environment.host, level)
            traffic = traffic_of(options)
            self.conductor.begin_run("hand", {"mode": options.mode, "traffic": asdict(traffic)})
            self.conductor.begin_cell(PlannedCell(0, options.mode, level, 1), traffic, 0.0, None)
        except REFUSALS as refusal:
            logger.error("lockstep: %s", in_words(refusal))
            self._environment.process_exit_code = WRONG_USE
            self._runner.quit()

    def _on_spawning_complete(self, user_count: int, **_: Any) -> None:
        if self._environment.shape_class is None:
            self.conductor.note_level(user_count)
