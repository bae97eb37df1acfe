"""What a Locust master, or a local runner, is made of beside Locust: who leads, and its page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from locust.env import Environment
from rich.console import Console

from lockstep.commands.output import complain, print_report_of
from lockstep.errors import REFUSALS, WRONG_USE, ResultsError, in_words
from lockstep.hooks import attach_conductor
from lockstep.master.conductor import Conductor
from lockstep.master.driver import Driver
from lockstep.master.stop_signals import LocustStop
from lockstep.options import compose
from lockstep.report.material import Material
from lockstep.runs.folder import RunFolder

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
    _print_outcome_last(environment, conductor)
    web = environment.web_ui
    if web is not None and web.app is not None:
        _add_page(web, web.app, driver)


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
    from lockstep.web.form import guard_form, show_choices
    from lockstep.web.live_page import LivePage, add_live_page
    from lockstep.web.server_watch import ServerWatch
    from lockstep.web.tab import add_tab

    options = web.environment.parsed_options
    assert options is not None
    guard_form(app, driver, options)
    show_choices(web, options, driver.modes)
    page = LivePage(driver.conductor, ServerWatch())
    add_live_page(app, page, web.auth_required_if_enabled, options.web_base_path or "")
    add_tab(app, web.template_args)
