"""Locust users that speak raw TCP: TcpUser for anybody's locustfile, ScenarioUser for the shipped one."""

from __future__ import annotations

from typing import Any

from locust import User, task

from loadtest.connection.client import TcpClient
from loadtest.connection.links.cooperative import CooperativeLink
from loadtest.connection.meters import Meter, SampleMeter
from loadtest.connection.samples import Sample
from loadtest.connection.socket_errors import HarnessError
from loadtest.master.target import split_target
from loadtest.recording import buckets
from loadtest.recording.locust_feed import LocustFeed, fire, somebody_listens
from loadtest.worker.agent import Agent

# Locust imports a locustfile on the master and on every worker alike: so all of them get the fine buckets.
buckets.install()


class TcpUser(User):
    """A Locust user with a TCP connection: `self.client` has connect, request, send, receive and close.

    Set `host = "tcp://name:port"` and `framing` (`raw`, `line`, `length`) on the class. `timing` is for a
    Lockstep server that tells wait and service time; `timeout_s` bounds every wait for the peer, in seconds.
    Extend `on_sample` to look at the samples yourself.
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
            self._meter(),
            framing=self.framing,
            timing=self.timing,
            timeout_s=self.timeout_s,
            link=CooperativeLink,
        )

    def on_sample(self, sample: Sample) -> None:
        """Called with every finished step, if you extend it; feeds Locust."""
        fire(self.environment, type(self).__name__, sample)

    def _meter(self) -> Meter:
        """One event for each step where somebody looks at each; else a journal that fills Locust's table."""
        watched = type(self).on_sample is not TcpUser.on_sample or somebody_listens(self.environment)
        if watched:
            return SampleMeter(self.on_sample)
        return feed_of(self.environment).journal_of(type(self).__name__)

    def on_stop(self) -> None:
        """Close what is still open when Locust stops this user."""
        self.client.close()


def feed_of(environment: Any) -> LocustFeed:
    """The one feed of this process's environment, made when first asked for."""
    if not hasattr(environment, "lockstep_feed"):
        environment.lockstep_feed = LocustFeed(environment)
    feed: LocustFeed = environment.lockstep_feed
    return feed


class ScenarioUser(User):
    """Runs the scenario that the current cell asks for, and waits while there is none.

    Its process's Agent (put on the environment by `attach`) holds the cell and records.
    """

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.agent: Agent = environment.lockstep_agent
        self.place = self.agent.new_place()

    @task
    def work(self) -> None:
        """Whatever the next cell asks for, until it is over."""
        self.agent.work(self.place)

    def on_stop(self) -> None:
        """Give up a connection that was kept open."""
        self.agent.give_up(self.place)
