"""What `locust -f loadtest/locustfile.py` loads.

Wiring only: options, web form, and who does what in which process.
"""

from __future__ import annotations

import sys
from typing import Any

from locust import events
from locust.env import Environment
from locust.runners import LocalRunner, WorkerRunner

from loadtest.exit_codes import WRONG_USE
from loadtest.master.driver import Driver
from loadtest.options import add_options
from loadtest.refusals import REFUSALS, in_words
from loadtest.users import ScenarioUser
from loadtest.web.form import guard_form
from loadtest.wiring import attach_agent, attach_conductor

__all__ = ["ScenarioUser"]


def on_init(environment: Environment, **_: Any) -> None:
    """Called by Locust once its runner and, on a master, its web page are there."""
    if isinstance(environment.runner, WorkerRunner | LocalRunner):
        attach_agent(environment)
    if isinstance(environment.runner, WorkerRunner):
        return
    options = environment.parsed_options
    assert options is not None
    try:
        driver = Driver(environment)
        if options.headless:
            driver.prepare(options, environment.host)
    except REFUSALS as refusal:
        print(f"lockstep: {in_words(refusal)}", file=sys.stderr)
        sys.exit(WRONG_USE)
    attach_conductor(environment, driver.conductor)
    if environment.web_ui is not None and environment.web_ui.app is not None:
        guard_form(environment.web_ui.app, driver, options)


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(on_init)
