"""Users of an agent, and a peer for them to talk to, all of them greenlets."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import gevent
from gevent.server import StreamServer

from lockstep import control
from lockstep.control import CellOrder, Fault, Met, Opened, Pulse, Report
from lockstep.record.journal import Batch, Feed, Journal
from lockstep.runs.connections import ClientView
from lockstep.tcp.samples import Sample
from lockstep.traffic import Traffic
from lockstep.worker.agent import Agent

PATIENCE_S = 20


class Runner:
    """Stands in for Locust's: keeps what is sent."""

    client_id = "w1"

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.opened: list[Opened] = []
        self.pulses: list[Pulse] = []
        self.faults: list[Fault] = []
        self.met: list[Met] = []

    def send_message(self, kind: str, message: dict[str, Any]) -> None:
        match kind:
            case control.REPORT:
                self.reports.append(Report.from_message(message))
            case control.OPENED:
                self.opened.append(Opened.from_message(message))
            case control.PULSE:
                self.pulses.append(Pulse.from_message(message))
            case control.MET:
                self.met.append(Met.from_message(message))
            case control.FAULT:
                self.faults.append(Fault.from_message(message))

    def outcomes(self) -> dict[str, int]:
        """How messages ended, of all reports together."""
        totals: dict[str, int] = {}
        for report in self.reports:
            for outcome, messages in report.counts.ledger.items():
                totals[outcome] = totals.get(outcome, 0) + messages
        return totals


class Echo:
    """A peer that echoes, and knows how many connections it has. mute: never answers."""

    def __init__(self, mute: bool = False, delay_s: float = 0.001) -> None:
        self.mute = mute
        self.delay_s = delay_s
        self.open = self.most_open = self.accepted = self.heard = 0
        self.server = StreamServer(("127.0.0.1", 0), self._serve)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    @property
    def port(self) -> int:
        """Once it listens."""
        return int(self.server.server_port)

    def _serve(self, link: socket.socket, _: object) -> None:
        self.open += 1
        self.accepted += 1
        self.most_open = max(self.most_open, self.open)
        while data := link.recv(65536):
            self.heard += 1
            if not self.mute:
                gevent.sleep(self.delay_s)
                link.sendall(data)
        self.open -= 1


class PlainFeed:
    """Hands journals on when their cell asks for it, and tells nobody else."""

    def new_journal(
        self,
        name: str,
        readers: Sequence[Callable[[Batch], None]],
        failures: Sequence[Callable[[Sample], None]],
        keep_connection: Callable[[str, ClientView], None],
        max_connections: int,
    ) -> Journal:
        return Journal(readers, failures, keep_connection, max_connections)

    def register(self, name: str, journal: Journal) -> None:
        """Nothing to do."""


@contextmanager
def crew(
    peer: Echo | None = None, users: int = 3, feed: Feed | None = None
) -> Iterator[tuple[Agent, Runner]]:
    """An agent whose users iterate until the context is left, which is not waited for without end.

    peer: listens as long.
    """
    runner = Runner()
    agent = Agent(runner, feed or PlainFeed())

    def use() -> None:
        state = agent.add_user()
        try:
            while True:
                agent.iterate(state)
        finally:
            agent.remove_user(state)

    with gevent.Timeout(PATIENCE_S), peer or nullcontext():
        greenlets = [gevent.spawn(use) for _ in range(users)]
        gevent.sleep(0)
        try:
            yield agent, runner
        finally:
            gevent.killall(greenlets)
            # The agent takes what is there from the garbage collector for good.
            gc.unfreeze()


def order(
    port: int, cell: int = 0, seconds: float | None = None, timeout_s: float = 10.0, **traffic: Any
) -> CellOrder:
    return CellOrder(
        run_id="run",
        cell=cell,
        mode="free",
        url=f"tcp://127.0.0.1:{port}",
        framing="raw",
        timing=False,
        reply="echo",
        traffic=Traffic(**traffic),
        warmup_s=0.0,
        seconds=seconds,
        timeout_s=timeout_s,
    )


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        gevent.sleep(0.001)
