"""Everything that `locust -f` loads of us: `from lockstep.locustfile import *` is a whole locustfile.

Wiring only: options, and who does what in which process. A worker brings in nothing of who leads.
"""

from __future__ import annotations

from typing import Any

from locust import events
from locust.env import Environment
from locust.runners import LocalRunner, WorkerRunner

from lockstep.options import add_options
from lockstep.worker.process import ScenarioUser, attach_agent

__all__ = ["ScenarioUser"]


def on_init(environment: Environment, **_: Any) -> None:
    """Called by Locust once its runner and, on a master, its web page are there."""
    if isinstance(environment.runner, WorkerRunner | LocalRunner):
        attach_agent(environment)
    if not isinstance(environment.runner, WorkerRunner):
        from lockstep.leading import lead

        lead(environment)


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(on_init)
