"""What a cell's users do, and who they are: one of the shipped scenarios, or a user's own file."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

import gevent
from gevent.lock import BoundedSemaphore

from lockstep.control import CellOrder
from lockstep.errors import HarnessError
from lockstep.record.journal import Journal
from lockstep.scenario import HEARTBEAT
from lockstep.tcp.client import TcpClient
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.gevent_link import CooperativeLink
from lockstep.tcp.many import ScenarioClient, message_ring
from lockstep.tcp.messages import Message, prepare
from lockstep.tcp.samples import ABSENT, Outcome
from lockstep.tcp.stream import ConnectionSettings
from lockstep.user_files import check_same
from lockstep.worker.pacer import MAX_IN_A_ROW
from lockstep.worker.scenarios import SCENARIOS, VirtualUser, back_to_back, persistent, with_heartbeats
from lockstep_wire.framing import framing_of

Iteration = Callable[[Any, int], bool]
"""One iteration: the user, and when it was due (monotonic ns, ABSENT where nobody can say)."""


class Stage(Protocol):
    """A cell under way, as those see it who carry it."""

    @property
    def order(self) -> CellOrder:
        """What to do."""

    @property
    def endpoint(self) -> Endpoint:
        """Whom to connect to."""

    @property
    def journal(self) -> Journal:
        """The meter of every connection of the cell."""

    def may_send(self) -> bool:
        """Whether another message may still be sent: the cell is not over."""

    def pause(self, seconds: float) -> None:
        """Rest so long, or until the cell is over; None at all lets others run."""

    def meet(self, within_s: float) -> bool:
        """Wait for all users of all workers, and begin with them; False where the cell is over instead.

        within_s: how long the first of them waits for the rest. HarnessError where they meet anyway.
        """

    def await_end(self) -> None:
        """Rest until the cell is over."""

    def note_trouble(self, words: str) -> None:
        """What users' own code did wrong that is no message's failure, in one line."""

    def connection_of(self, number: int) -> ConnectionSettings:
        """How the connections of this user are made; number: from 1."""


class CellUser(Protocol):
    """Who iterates in one cell."""

    @property
    def client(self) -> TcpClient:
        """The user's connection. When it became free is when its last iteration was over."""

    def open(self) -> Outcome | None:
        """Connect, or whatever else has to come before the first iteration. Once."""

    def abort(self) -> None:
        """Wake it out of whatever it waits for, because the cell is over."""

    def leave(self) -> None:
        """The cell is over: say goodbye, and close what is open."""


class Load(Protocol):
    """What the users of one cell do."""

    def new_user(self, number: int) -> CellUser:
        """A user with a client of its own; number: from 1, in this process."""

    def iterate(self, user: Any, due_ns: int) -> bool:
        """One iteration of such a user, and whether it went well. due_ns: monotonic, ABSENT if unknown."""


class ScenarioLoad:
    """A shipped scenario."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._ring = _ring_of(stage.order)
        traffic = stage.order.traffic
        scenario = SCENARIOS[traffic.scenario]
        if scenario is persistent and traffic.unpaced and stage.journal.at_once:
            scenario = back_to_back
        if (beats := traffic.heartbeats) is not None:
            scenario = with_heartbeats(scenario, _beat_of(stage.order, beats[1]), round(beats[0] * 1e9))
        self.iterate: Iteration = scenario if traffic.does.waits else _letting_others_run(scenario)

    def new_user(self, number: int) -> VirtualUser:
        """See Load."""
        stage, order = self._stage, self._stage.order
        client = ScenarioClient(
            stage.endpoint,
            stage.journal,
            framing=order.framing,
            timing=order.timing,
            **stage.connection_of(number),
        )
        return VirtualUser(
            client,
            stage.journal,
            order.traffic,
            self._ring,
            stage.may_send,
            reply=order.reply,
            number=number,
            open_load=order.traffic.arrival.open,
        )


def load_of(stage: Stage, environment: Callable[[], Any]) -> Load:
    """What the order of a cell says. environment: Locust's, for users of a file.

    HarnessError where the order names a file that cannot be carried.
    """
    file = stage.order.traffic.user_file
    if file is None:
        return ScenarioLoad(stage)
    check_same(file)
    if file.is_dialogue:
        from lockstep.worker.dialogue_users import DialogueLoad

        return DialogueLoad(stage)
    from lockstep.worker.file_users import FileLoad

    return FileLoad(stage, environment())


def connection_settings(order: CellOrder, worker: str, number: int) -> ConnectionSettings:
    """How the connections of a cell's users are made. worker: whose user it is, number: which, from 1."""
    sources = order.traffic.sources
    return ConnectionSettings(
        timeout_s=order.timeout_s,
        link=CooperativeLink,
        source=sources[number % len(sources)] if sources else None,
        user=f"{worker}/{number}",
        patient=not order.traffic.arrival.open,
    )


def position_of(order: CellOrder, number: int) -> int:
    """Which of all workers' users this one is, from 0; number: which of this worker's, from 0."""
    return order.share + order.shares * number


def _letting_others_run(iterate: Iteration) -> Iteration:
    """The same, after so many iterations of which somebody else has a turn, the timers too."""
    since = count(1)

    def run(user: VirtualUser, due_ns: int) -> bool:
        well = iterate(user, due_ns)
        if not next(since) % MAX_IN_A_ROW:
            gevent.sleep(0)
        return well

    return run


def _beat_of(order: CellOrder, payload: bytes) -> Message:
    """A heartbeat. Of who echoes its echo is expected, of others any answer.

    HarnessError where the framing cannot carry it.
    """
    framing, expect = framing_of(order.framing), payload if order.reply == "echo" else None
    try:
        return prepare(framing, payload, expect, order.timing, name=HEARTBEAT)
    except ValueError as error:
        raise HarnessError(f"--heartbeat: {error}") from error


def _ring_of(order: CellOrder) -> tuple[Message, ...]:
    """The messages that users send, round and round."""
    expect = None if order.reply is None else order.reply.encode()
    framing, echo = framing_of(order.framing), order.reply == "echo"
    return message_ring(framing, order.traffic.payload_bytes, expect, echo=echo, timing=order.timing)


def one_at_a_time(iterate: Iteration, may_send: Callable[[], bool]) -> Iteration:
    """Locked clients: the same, each iteration of which is due once no other is under way in this process.

    may_send: whether the cell still goes on; who comes through the lock after its end does nothing.
    """
    turnstile = BoundedSemaphore(1)

    def run(user: CellUser, due_ns: int) -> bool:
        with turnstile:
            if not may_send():
                return True
            return iterate(user, ABSENT if due_ns == ABSENT else time.monotonic_ns())

    return run
