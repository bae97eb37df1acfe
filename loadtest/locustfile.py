"""What `locust -f loadtest/locustfile.py` loads.

Wiring only: options, and who does what in which process. A worker brings in nothing of who leads.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from locust import events
from locust.env import Environment
from locust.runners import LocalRunner, WorkerRunner


def _make_ours() -> None:
    """Locust looks into the working folder first, where a `loadtest` of somebody else's may lie."""
    folder = Path(__file__).resolve().parent
    spec = spec_from_file_location(folder.name, folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = sys.modules.get(folder.name)
    if package is None or package.__spec__ is None or package.__spec__.origin != spec.origin:
        package = sys.modules[folder.name] = module_from_spec(spec)
        spec.loader.exec_module(package)


_make_ours()

from loadtest.options import add_options  # noqa: E402
from loadtest.users import ScenarioUser  # noqa: E402
from loadtest.wiring import attach_agent  # noqa: E402

__all__ = ["ScenarioUser"]


def on_init(environment: Environment, **_: Any) -> None:
    """Called by Locust once its runner and, on a master, its web page are there."""
    if isinstance(environment.runner, WorkerRunner | LocalRunner):
        attach_agent(environment)
    if not isinstance(environment.runner, WorkerRunner):
        from loadtest.leading import lead

        lead(environment)


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(on_init)
