"""Everything that `locust -f` loads of us: `from lockstep.locustfile import *` is a whole locustfile.

Wiring only: options, and who does what in which process. A worker brings in nothing of who leads.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from locust import events
from locust.env import Environment
from locust.runners import LocalRunner, WorkerRunner

from lockstep.errors import WRONG_USE, HarnessError
from lockstep.options import add_options
from lockstep.worker.process import ScenarioUser, attach_agent
from lockstep.worker_port.keys import token_of
from lockstep.worker_port.shim import guard_port

__all__ = ["ScenarioUser"]


def on_init(environment: Environment, **_: Any) -> None:
    """Called by Locust once its runner and, on a master, its web page are there."""
    if isinstance(environment.runner, WorkerRunner | LocalRunner):
        attach_agent(environment)
    if not isinstance(environment.runner, WorkerRunner):
        from lockstep.leading import lead

        lead(environment)


# Its sockets are made before it calls anybody.
try:
    guard_port(token_of(os.environ))
except HarnessError as refusal:
    print(f"lockstep: {refusal}", file=sys.stderr)
    sys.exit(WRONG_USE)

events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(on_init)
