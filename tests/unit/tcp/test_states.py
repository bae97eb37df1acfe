"""A connection's states: the table, and that no call and no peer ever leads out of it."""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from greenlet import GreenletExit
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import Address, AddressBook
from lockstep.tcp.client import TcpClient
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.link import Answer
from lockstep.tcp.messages import prepare
from lockstep.tcp.samples import Outcome, Phase, Reply, Sample, SampleMeter
from lockstep.tcp.state import (
    GIVEN_UP,
    IN_USE,
    OPEN,
    OPENING,
    SHUT_DOWN,
    STILL_IN_FLIGHT,
    TRANSITIONS,
    Event,
    State,
    in_use,
)
from lockstep_wire.framing import framing_of

HERE = Address(socket.AF_INET, ("127.0.0.1", 9101))
PAIRS = {(before, after) for before, row in TRANSITIONS.items() for after in row.values()}
# In which a reply is hoped for.
HEARING = {State.IDLE, State.AWAITING, State.LISTENING, State.ABORTED_OPEN}
# In which it may be after it has said that it will send no more.
PARTING = {State.CLOSING, State.HALF_CLOSED, State.ABORTED_OPEN}
AT_REST = {*State} - {State.CONNECTING, State.CLOSING, State.ABORTED_CONNECTING}


def reached_from(start: State, *, without: Event | None = None) -> set[State]:
    """Every state that some events lead to."""
    reached, ahead = {start}, [start]
    while ahead:
        for event, state in TRANSITIONS[ahead.pop()].items():
            if event is not without and state not in reached:
                reached.add(state)
                ahead.append(state)
    return reached


@pytest.mark.parametrize("state", State)
def test_each_state_can_be_reached_and_leads_back_to_an_open_connection(state: State) -> None:
    assert state in reached_from(State.CLOSED)
    assert State.IDLE in reached_from(state)


@pytest.mark.parametrize("state", State)
def test_abort_is_possible_in_each_state_and_lasts_until_the_next_connect(state: State) -> None:
    aborted = TRANSITIONS[state][Event.ABORT]
    assert reached_from(aborted, without=Event.CONNECT) <= GIVEN_UP


@pytest.mark.parametrize("state", State)
def test_a_socket_that_is_closed_leaves_each_state_for_one_in_which_connect_is_possible(state: State) -> None:
    assert TRANSITIONS[TRANSITIONS[state][Event.LEFT]][Event.CONNECT] is State.CONNECTING


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_what_the_table_does_not_have_is_refused_and_changes_nothing(state: State, event: Event) -> None:
    client = World([]).client
    client.state = state
    if event in TRANSITIONS[state]:
        client._move(event)
        assert client.state is TRANSITIONS[state][event]
    else:
        with pytest.raises(HarnessError, match="at the same time"):
            client._move(event)
        assert client.state is state


class Watched(TcpClient):
    """Keeps how its state changed."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.changes: list[tuple[State, State]] = []
        self.now = State.CLOSED
        super().__init__(*args, **settings)
        self.changes.clear()

    @property
    def state(self) -> State:
        return self.now

    @state.setter
    def state(self, state: State) -> None:
        self.changes.append((self.now, state))
        self.now = state


FRAMING = framing_of("line")
PING = prepare(FRAMING, b"ping", b"ping", timing=False)
DISTINCT = replace(PING, distinct=True)

CALLS: dict[str, Callable[[TcpClient], object]] = {
    "connect": lambda client: client.connect(),
    "close": lambda client: client.close(),
    "exchange": lambda client: client.exchange(PING),
    "exchange distinct": lambda client: client.exchange(DISTINCT),
    "request": lambda client: client.request(b"ping", b"ping"),
    "send": lambda client: client.send(b"ping"),
    "send only": lambda client: client.send(b"ping", reply=False),
    "receive": lambda client: client.receive(b"ping"),
    "next push": lambda client: next(client.messages(), None),
    "pipeline": lambda client: client.pipeline([(b"ping", b"ping"), b"ping"]),
    "caught": lambda client: client.request(b"ping", b"ping", catch=True).settle(),
    "shutdown": lambda client: client.shutdown(),
    "reset": lambda client: client.reset(),
    "abort": lambda client: client.abort(),
}

NO_FILES = OSError(errno.EMFILE, "no files")
# What one user alone may be told, and the machine's own fault.
MISUSES = (SHUT_DOWN, STILL_IN_FLIGHT, "too many open files")
# How many messages each is.
MESSAGES = {"exchange": 1, "exchange distinct": 1, "request": 1, "caught": 1, "send": 1, "pipeline": 2}
ERRORS: dict[str, BaseException] = {
    "reset": ConnectionResetError(errno.ECONNRESET, "reset"),
    "too late": TimeoutError(errno.ETIMEDOUT, "timed out"),
    "killed": GreenletExit(),
    "a bound of the user's own": BaseException("theirs"),
}
CONNECT_ERRORS: dict[str, BaseException] = {
    "refused": ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    "no port": OSError(errno.EADDRNOTAVAIL, "no port"),
    "no files": NO_FILES,
}
BYTES = {
    "right": b"ping\n",
    "wrong": b"pong\n",
    "half": b"pi",
    "rest": b"ng\n",
    "two": b"ping\nping\n",
    "end": b"",
}
MEANWHILE = [f"meanwhile {call}" for call in CALLS if call != "abort"]
ACTS = [
    *(*ERRORS, *CONNECT_ERRORS, *BYTES, "unasked", "abort"),
    *(*MEANWHILE, *(f"abort, {act}" for act in MEANWHILE)),
]


class ActedLink:
    """A link without a socket: whatever it waits for, the next act happens."""

    address = "127.0.0.1:40000"

    def __init__(self, world: World) -> None:
        self._world = world
        self.waiting = self.connected = self.finished = self.aborted = self.closed = False

    def bound(self, timeout_s: float | None) -> None:
        pass

    def begin(self) -> None:
        if self.waiting:
            raise in_use()

    def connect(self, _address: object, _source: object) -> None:
        assert self._world.client.state in OPENING
        self._wait(CONNECT_ERRORS)
        self.connected = True

    def send(self, frame: bytes) -> None:
        self.begin()
        self._wait()

    def ask(self, frame: bytes) -> bytes:
        self.send(frame)
        return self.receive()

    def relay(self, frame: bytes, answer: Answer) -> None:
        following: bytes | None = frame
        while following is not None:
            following = answer(self.ask(following))

    def send_beside(self, frame: bytes) -> None:
        self.send(frame)

    def tune(self, _options: object) -> None:
        pass

    def handshake(self) -> bool:
        return False

    def push(self, data: bytes) -> None:
        self._wait()

    def receive(self) -> bytes:
        state = self._world.client.state
        assert state in (PARTING if self.finished else HEARING)
        return self._wait()

    def unread(self) -> bytes:
        if self._world.acts and self._world.acts[0] == "unasked":
            return self._world.acts.popleft().encode()
        return b""

    def finish(self) -> None:
        self.finished = True

    def reset(self) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        assert not self.closed
        self.closed = True

    def _wait(self, more_errors: dict[str, BaseException] | None = None) -> bytes:
        assert not self.waiting
        assert not self.closed
        self.waiting = True
        try:
            act = self._world.happens(ERRORS | (more_errors or {}))
        finally:
            self.waiting = False
        if self.aborted:
            raise ConnectionAbortedError(errno.ECONNABORTED, "aborted")
        return BYTES.get(act, BYTES["end" if self.finished else "right"])


class World:
    """One client, and a peer that does as told: one act for each wait, and well-behaved after the last."""

    def __init__(self, acts: list[str]) -> None:
        self.acts = deque(acts)
        self.samples: list[Sample] = []
        self.links: list[ActedLink] = []
        self.views = 0
        # How many messages have been taken by the client, each of which must have one outcome.
        self.messages = 0
        self.client = Watched(
            Endpoint("127.0.0.1", 9101),
            SampleMeter(self.samples.append, self._view),
            framing="line",
            link=self._link,
            addresses=AddressBook(lambda _host, _port: [HERE], lambda: 0),
            sleep=self._sleep,
        )

    def call(self, name: str) -> None:
        """One call by the client's own user."""
        try:
            CALLS[name](self.client)
        except BaseException as error:
            if error not in ERRORS.values() and not str(error).startswith(MISUSES):
                raise
            # It may have struck before the message was begun: while a connection was opened for it.
            assert self._booked() - self.messages in {0, MESSAGES.get(name, 0)}
            self.messages = self._booked()
        else:
            self.messages += MESSAGES.get(name, 0)

    def happens(self, errors: dict[str, BaseException]) -> str:
        """While the client waits: an error, abort(), or somebody else who uses it."""
        act = self.acts.popleft() if self.acts else ""
        for part in act.split(", "):
            if part in errors:
                raise errors[part]
            if part == "abort":
                self.client.abort()
            elif part.startswith("meanwhile"):
                self._intrude(part.removeprefix("meanwhile "))
        return act

    def assert_at_rest(self) -> None:
        """What holds whenever nobody uses the client."""
        client = self.client
        assert client.state in AT_REST
        assert set(client.changes) <= PAIRS
        assert client.connected == (client.state in OPEN)
        assert (client._link is None) == (client.state in {State.CLOSED, State.ABORTED})
        assert [link for link in self.links if not link.closed] == [client._link] * (client._link is not None)
        if client.state is not State.ABORTED_OPEN:
            awaits = (
                (State.AWAITING, State.HALF_CLOSED) if client._in_flight else set(State) - {State.AWAITING}
            )
            assert client.state in awaits
        assert self._booked() == self.messages
        assert self.views == sum(link.connected and link.closed for link in self.links)

    def _intrude(self, name: str) -> None:
        self.acts, kept = deque(), self.acts
        before = self.client.state
        try:
            answer = CALLS[name](self.client)
        except HarnessError as error:
            # Refused, and nothing done.
            if str(error) != IN_USE:
                raise
        else:
            # There was nothing to close, or what it sent is aborted as all is.
            assert name in {"close", "receive", "shutdown", "reset"} or before in GIVEN_UP
            assert isinstance(answer, Reply | list | None) or answer in {Outcome.ABORTED, Outcome.ANSWERED}
            self.messages += MESSAGES.get(name, 0)
        assert self.client.state is before
        self.acts = kept

    def _booked(self) -> int:
        done = sum(sample.phase is Phase.MESSAGE for sample in self.samples)
        return done + len(self.client._in_flight)

    def _link(self, _family: socket.AddressFamily, _timeout_s: float | None) -> ActedLink:
        link = ActedLink(self)
        self.links.append(link)
        return link

    def _view(self, *_: object) -> None:
        self.views += 1

    def _sleep(self, _s: float) -> None:
        self.happens({"killed": ERRORS["killed"]})


WAITS = {
    "to be connected": [],
    "for a local port": ["no port"],
    "to send": ["right"],
    "for a reply": ["right", "right"],
    "for the rest of a reply": ["right", "right", "half"],
    "for the peer to close": ["right", "right", "right"],
}


@pytest.mark.parametrize("talk", ["exchange", "exchange distinct", "request"])
@pytest.mark.parametrize("aborted", ["", "abort, "], ids=["", "aborted"])
@pytest.mark.parametrize("before", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("second", MEANWHILE)
def test_somebody_else_changes_nothing_while_the_client_waits(
    second: str, before: list[str], aborted: str, talk: str
) -> None:
    world = World([*before, aborted + second])
    for call in (talk, "close"):
        world.call(call)
        world.assert_at_rest()
    assert not world.acts


@settings(max_examples=400, deadline=None)
@given(
    calls=st.lists(st.sampled_from(list(CALLS)), max_size=8),
    acts=st.lists(st.sampled_from(ACTS), max_size=12),
)
def test_no_call_and_no_peer_leads_out_of_the_table(calls: list[str], acts: list[str]) -> None:
    world = World(acts)
    for call in calls:
        world.call(call)
        world.assert_at_rest()
    world.call("close")
    world.assert_at_rest()
    assert world.client.state in {State.CLOSED, State.ABORTED}


@settings(deadline=None)
@given(
    calls=st.lists(st.sampled_from([*MESSAGES, "send only"]), max_size=5),
    acts=st.lists(st.sampled_from(ACTS)),
)
def test_after_abort_nothing_is_sent_until_connect(calls: list[str], acts: list[str]) -> None:
    world = World(acts)
    world.call("exchange")
    world.client.abort()
    booked, links = len(world.samples), len(world.links)
    for call in calls:
        world.call(call)
        world.assert_at_rest()
    assert {sample.outcome for sample in world.samples[booked:]} <= {Outcome.ABORTED}
    assert len(world.links) == links
