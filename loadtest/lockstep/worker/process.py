"""A worker of `lockstep compare`, in a process of its own: `python -m lockstep.worker.process PORT`.

Locust's own command line would do, but it reads locust.conf, pyproject.toml and ~/.locust.conf, takes every
LOCUST_* variable, and imports from the working folder: none of that was given to the comparison.
"""

from __future__ import annotations

import locust  # isort: skip

import signal
import sys
from argparse import Namespace

import gevent
from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments
from locust.env import Environment
from locust.log import setup_logging

from lockstep.hooks import attach_agent
from lockstep.worker.agent import ScenarioUser


def main(port: int) -> None:
    """Carry load for the master on this port of 127.0.0.1, until that or SIGTERM says that it is over."""
    setup_logging("WARNING")
    environment = Environment(
        user_classes=[ScenarioUser], events=locust.events, parsed_options=_locusts_defaults()
    )
    runner = environment.create_worker_runner("127.0.0.1", port)
    attach_agent(environment)
    gevent.signal_handler(signal.SIGTERM, runner.greenlet.kill, block=False)
    runner.greenlet.join()
    environment.events.quitting.fire(environment=environment, reverse=True)
    runner.quit()


def _locusts_defaults() -> Namespace:
    """A worker without options would look for them itself, in the files that are left out here."""
    parser = get_empty_argument_parser(default_config_files=())
    setup_parser_arguments(parser)
    options: Namespace = parser.parse_args([])
    return options


if __name__ == "__main__":
    main(int(sys.argv[1]))
