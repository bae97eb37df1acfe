"""Locust users that speak raw TCP: TcpUser for anybody's locustfile, ScenarioUser for the shipped one."""

from __future__ import annotations

from typing import Any

from locust import User, task
from locust.exception import LocustError

from loadtest import buckets
from loadtest.agent import Agent
from loadtest.client import TcpClient
from loadtest.samples import Outcome, Sample
from loadtest.socket_errors import HarnessError
from loadtest.target import split_target

# Locust imports a locustfile on the master and on every worker alike: so all of them get the fine buckets.
buckets.install()


class ExchangeFailedError(LocustError):
    """How a failed exchange appears among Locust's failures: `outcome: detail`."""


def feed_locust(environment: Any, name: str, sample: Sample) -> None:
    """Tell Locust of a sample: its table, its charts and everybody who listens on `events.request`.

    A failure carries no time: Locust would count it among the answers' percentiles.
    """
    answered = sample.outcome is Outcome.ANSWERED
    environment.events.request.fire(
        request_type=sample.phase.value.replace("_", " "),
        name=name,
        response_time=sample.elapsed_ns / 1e6 if answered else None,
        response_length=sample.received_bytes,
        exception=None
        if answered
        else ExchangeFailedError(f"{sample.outcome.value}: {sample.detail}".rstrip(": ")),
        context={},
    )


class TcpUser(User):
    """A Locust user with a TCP connection: `self.client` has connect, request, send, receive and close.

    Set `host = "tcp://name:port"` and `framing` (`raw`, `line`, `length`) on the class. `timing` is for a
    Lockstep server that tells
    wait and service time; `timeout_s` bounds every wait for the peer, in seconds.
    """

    abstract = True
    framing = "raw"
    timing = False
    timeout_s = 10.0

    client: TcpClient

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        name, port = split_target(self.host)
        if port is None:
            raise HarnessError(f"host {self.host!r} has no port: write it as tcp://name:port")
        self.client = TcpClient(
            name,
            port,
            framing=self.framing,
            timing=self.timing,
            timeout_s=self.timeout_s,
            record=self.on_sample,
        )

    def on_sample(self, sample: Sample) -> None:
        """Called with every finished step; feeds Locust. Extend it to look at the samples yourself."""
        feed_locust(self.environment, type(self).__name__, sample)

    def on_stop(self) -> None:
        """Close what is still open when Locust stops this user."""
        self.client.close()


class ScenarioUser(User):
    """Runs the scenario that the current cell asks for, and waits while there is none.

    Its process's Agent (put on the environment by `attach`) holds the cell and records.
    """

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.agent: Agent = environment.lockstep_agent
        self.place = self.agent.new_place()

    @task
    def turn(self) -> None:
        """Once through the scenario."""
        self.agent.take_turn(self.place)

    def on_stop(self) -> None:
        """Give up a connection that was kept open."""
        self.agent.give_up(self.place)
