"""What a Locust master, or a local runner, is made of beside Locust: who leads, and its page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from locust.env import Environment

from loadtest.exit_codes import WRONG_USE
from loadtest.master.driver import Driver
from loadtest.master.stop_signals import LocustStop
from loadtest.refusals import REFUSALS, in_words
from loadtest.wiring import attach_conductor

if TYPE_CHECKING:
    from flask import Flask
    from locust.web import WebUI


def lead(environment: Environment) -> None:
    """Make this process lead; where its options cannot work it ends with one line that says so."""
    options = environment.parsed_options
    assert options is not None
    try:
        driver = Driver(environment)
        if options.headless or options.autostart:
            driver.prepare(options, environment.host)
    except REFUSALS as refusal:
        print(f"lockstep: {in_words(refusal)}", file=sys.stderr)
        sys.exit(WRONG_USE)
    conductor = driver.conductor
    attach_conductor(environment, conductor, LocustStop(lambda: conductor.running))
    web = environment.web_ui
    if web is not None and web.app is not None:
        _add_page(web, web.app, driver)


def _add_page(web: WebUI, app: Flask, driver: Driver) -> None:
    from loadtest.web.form import guard_form, show_choices
    from loadtest.web.live_page import LivePage, add_live_page
    from loadtest.web.server_watch import ServerWatch
    from loadtest.web.tab import add_tab

    options = web.environment.parsed_options
    assert options is not None
    guard_form(app, driver, options)
    show_choices(web, options)
    page = LivePage(driver.conductor, ServerWatch())
    add_live_page(app, page, web.auth_required_if_enabled, options.web_base_path or "")
    add_tab(app, web.template_args)
