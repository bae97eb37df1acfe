"""A process that carries load: what ties its agent to Locust, and the worker of `lockstep compare`.

That one is `python -m lockstep.worker.process PORT [FILE]`, FILE a UserFile in JSON. Locust's own command
line would do, but it reads locust.conf, pyproject.toml and ~/.locust.conf, takes every LOCUST_* variable,
and imports from the working folder: none of that was given to the comparison.
"""

from __future__ import annotations

import locust  # isort: skip

import inspect
import json
import os
import signal
import sys
from argparse import Namespace
from types import FrameType
from typing import Any

import gevent
from locust import User, runners, task
from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments
from locust.env import Environment
from locust.log import setup_logging
from locust.runners import LocalRunner, WorkerRunner

from lockstep.control import BEGIN, END, FAULT, GO, LIMITS, CellOrder, EndOrder, Fault, Go
from lockstep.documents import read_record
from lockstep.errors import WRONG_USE, HarnessError
from lockstep.python_files import users_of
from lockstep.traffic import UserFile
from lockstep.users import feed_of
from lockstep.worker.agent import Agent
from lockstep.worker.limits import own_limits, raise_open_files
from lockstep.worker_port.keys import token_of
from lockstep.worker_port.shim import guard_port


class _Callers:
    """Takes the place of `inspect` in Locust's runners, which use it for one debug line as a load stops.

    To show who stops it they read the source of every frame above, which takes 60 to 90 ms: in a process that
    carries load too, nobody is served meanwhile, and the last arrivals are lost.
    """

    @staticmethod
    def stack() -> list[inspect.FrameInfo]:
        """Without source lines."""
        return inspect.stack(context=0)

    @staticmethod
    def getframeinfo(frame: FrameType) -> inspect.Traceback:
        """Without source lines."""
        return inspect.getframeinfo(frame, context=0)


class ScenarioUser(User):
    """Runs the scenario that the current cell asks for, and waits while there is none.

    Its process's Agent (put on the environment by `attach_agent`) holds the cell and records.
    """

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.agent: Agent = environment.lockstep_agent

    def on_start(self) -> None:
        """Tell the agent. Not before: of a user that is stopped before it began Locust tells nobody."""
        self.user_state = self.agent.add_user()

    @task
    def iterate(self) -> None:
        """Whatever the next cell asks for, until it is over."""
        self.agent.iterate(self.user_state)

    def on_stop(self) -> None:
        """Give up a connection that was kept open."""
        self.agent.remove_user(self.user_state)


def attach_agent(environment: Environment) -> Agent:
    """Make this process one that carries load: a worker, or a local runner.

    Its last report goes out before it quits.
    """
    runner = environment.runner
    assert isinstance(runner, WorkerRunner | LocalRunner)
    raise_open_files()
    runners.inspect = _Callers  # type: ignore[assignment, attr-defined]
    agent = Agent(runner, feed_of(environment))
    environment.lockstep_agent = agent  # type: ignore[attr-defined]

    def refuse(run_id: str | None, error: HarnessError) -> None:
        fault = Fault(run_id=run_id, worker=runner.client_id, reason=str(error))
        runner.send_message(FAULT, fault.to_message())

    def on_begin(msg: Any, **_: Any) -> None:
        try:
            agent.begin(CellOrder.from_message(msg.data))
        except HarnessError as error:
            refuse(msg.data.get("run_id"), error)

    def on_end(msg: Any, **_: Any) -> None:
        try:
            order = EndOrder.from_message(msg.data)
        except HarnessError as error:
            refuse(agent.run_id, error)
            # Whatever else it says, the cell is over.
            agent.end()
        else:
            agent.end(order.drain_s, at_once=order.at_once)

    def on_go(msg: Any, **_: Any) -> None:
        # Who could read its cell's order can read this.
        agent.go(Go.from_message(msg.data))

    def on_quitting(**_: Any) -> None:
        agent.quit()

    runner.register_message(BEGIN, on_begin)
    # It waits for the very moment.
    runner.register_message(GO, on_go, concurrent=True)
    # Draining takes seconds; heartbeats must go on meanwhile.
    runner.register_message(END, on_end, concurrent=True)
    if isinstance(runner, WorkerRunner):
        environment.events.quitting.add_listener(on_quitting)
        runner.send_message(LIMITS, own_limits(runner.client_id).to_message())
    return agent


def main(port: int, file: str | None = None) -> None:
    """Carry load for the master on this port of 127.0.0.1, until that or SIGTERM says that it is over.

    file: a UserFile in JSON, loaded before anything else, as Locust does with a locustfile: so its listeners
    hear of all that comes.
    """
    setup_logging("WARNING")
    if file is not None:
        _load(read_record(json.loads(file), UserFile))
    guard_port(token_of(os.environ))
    environment = Environment(
        user_classes=[ScenarioUser], events=locust.events, parsed_options=_locusts_defaults()
    )
    runner = environment.create_worker_runner("127.0.0.1", port)
    attach_agent(environment)
    if file is not None:
        environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
    gevent.signal_handler(signal.SIGTERM, runner.greenlet.kill, block=False)
    runner.greenlet.join()
    environment.events.quitting.fire(environment=environment, reverse=True)
    runner.quit()


def _load(file: UserFile) -> None:
    """Load a file of classes; where that cannot be, end with the line that says why."""
    try:
        if not file.is_dialogue:
            users_of(file)
    except HarnessError as error:
        print(f"lockstep: {error}", file=sys.stderr)
        sys.exit(WRONG_USE)


def _locusts_defaults() -> Namespace:
    """A worker without options would look for them itself, in the files that are left out here."""
    parser = get_empty_argument_parser(default_config_files=())
    setup_parser_arguments(parser)
    options: Namespace = parser.parse_args([])
    return options


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
