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
from loadtest.web.live_page import LivePage, add_live_page
from loadtest.web.server_watch import ServerWatch
from loadtest.web.tab import add_tab
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
    web = environment.web_ui
    if web is not None and web.app is not None:
        guard_form(web.app, driver, options)
        page = LivePage(driver.conductor, ServerWatch())
        add_live_page(web.app, page, web.auth_required_if_enabled, options.web_base_path or "")
        add_tab(web.app, web.template_args)


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(on_init)
