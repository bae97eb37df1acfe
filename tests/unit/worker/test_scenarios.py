"""What one connection does from connect to close, and that nothing of it goes missing."""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from typing import Any

import pytest

from lockstep import scenario
from lockstep.runs.connections import ClientView
from lockstep.tcp.many import message_ring
from lockstep.tcp.samples import ABSENT, MessageRow, Outcome, Phase, Reply, Sample
from lockstep.traffic import Arrival, Traffic
from lockstep.worker.scenarios import (
    SCENARIOS,
    VirtualUser,
    greeting,
    persistent,
    session,
)
from lockstep_wire.framing import framing_of
from lockstep_wire.greeting import ACKNOWLEDGEMENT
from tests.support.peers import Book, Peer, Script, echoes, read, refusing_port, stays_silent, until_closed

ANSWERED = Outcome.ANSWERED


def user_of(
    book: Book,
    port: int,
    *,
    reply: str | None = "echo",
    messages: int = 3,
    may_send: list[bool] | None = None,
    open_load: bool = False,
) -> VirtualUser:
    """may_send: the answers to `may_send`, one a message; always yes where it is None."""
    asked = iter(may_send or [])
    return VirtualUser(
        book.client(port),
        book.meter,
        Traffic(messages=messages, payload_bytes=16, depth=1),
        message_ring(framing_of("raw"), 16, None, echo=reply == "echo", timing=False),
        (lambda: True) if may_send is None else lambda: next(asked),
        reply=reply,
        number=7,
        open_load=open_load,
    )


def test_a_session_connects_sends_its_messages_and_closes() -> None:
    book = Book()
    with Peer(echoes) as peer:
        session(user_of(book, peer.port), ABSENT)
    assert book.outcomes() == [
        (Phase.CONNECT, ANSWERED),
        (Phase.MESSAGE, ANSWERED),
        (Phase.FIRST_REPLY, ANSWERED),
        (Phase.MESSAGE, ANSWERED),
        (Phase.MESSAGE, ANSWERED),
        (Phase.CLOSE, ANSWERED),
        (Phase.SESSION, ANSWERED),
    ]
    (whole,) = book.of(Phase.SESSION)
    assert whole.start_ns <= book.of(Phase.CONNECT)[0].start_ns
    assert book.of(Phase.CLOSE)[0].end_ns <= whole.end_ns


def pushes_once(link: socket.socket) -> None:
    link.sendall(b"news")
    until_closed(link)


def peer_of(name: str) -> Script:
    """A peer to which it can talk."""
    does = scenario.SCENARIOS[name]
    return pushes_once if not does.sends else echoes if does.answered else stays_silent


def once(name: str) -> list[bool] | None:
    """The answers to `may_send` by which an iteration without an end of its own is one message."""
    return [True, False] if scenario.SCENARIOS[name].endless else None


def test_every_scenario_that_a_plan_may_ask_for_is_there() -> None:
    assert set(SCENARIOS) == set(scenario.SHIPPED_SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_as_many_messages_are_sent_and_connections_kept_as_plans_take_an_iteration_to(name: str) -> None:
    book, traffic = Book(), Traffic(scenario=name, messages=3)
    with Peer(peer_of(name)) as peer:
        user = user_of(book, peer.port, messages=traffic.messages, may_send=once(name))
        assert SCENARIOS[name](user, ABSENT)
        # Who is pushed to has hung up by then.
        assert user.client.connected == (traffic.keeps_connection and traffic.does.sends)
        user.client.close()
    assert len(book.of(Phase.MESSAGE)) == traffic.messages_per_iteration


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_refused_connect_books_exactly_one_message(name: str) -> None:
    book = Book()
    with refusing_port() as port:
        assert not SCENARIOS[name](user_of(book, port), ABSENT)
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.REFUSED]
    assert [sample.outcome for sample in book.of(Phase.SESSION)] in ([], [Outcome.REFUSED])
    assert book.of(Phase.CLOSE) == []


def test_a_session_stops_sending_when_the_cell_ends_and_still_closes() -> None:
    book = Book()
    with Peer(echoes) as peer:
        session(user_of(book, peer.port, messages=9, may_send=[True, True, False]), ABSENT)
    assert len(book.of(Phase.MESSAGE)) == 2
    assert book.of(Phase.CLOSE)[0].outcome is ANSWERED


def test_a_session_ends_with_its_first_failed_message_and_takes_its_outcome() -> None:
    def answers_once(link: socket.socket) -> None:
        link.sendall(read(link, 16))
        read(link, 16)

    book = Book()
    with Peer(answers_once) as peer:
        session(user_of(book, peer.port), ABSENT)
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [ANSWERED, Outcome.SHORT]
    assert [sample.outcome for sample in book.of(Phase.SESSION)] == [Outcome.SHORT]


def test_an_echo_of_another_message_is_a_mismatch() -> None:
    def repeats_the_first(link: socket.socket) -> None:
        first = read(link, 16)
        link.sendall(first)
        read(link, 16)
        link.sendall(first)
        until_closed(link)

    book = Book()
    with Peer(repeats_the_first) as peer:
        session(user_of(book, peer.port), ABSENT)
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [ANSWERED, Outcome.MISMATCH]


def test_unchecked_replies_may_be_anything() -> None:
    def says_hello(link: socket.socket) -> None:
        read(link, 16)
        link.sendall(b"hello")
        until_closed(link)

    book = Book()
    with Peer(says_hello) as peer:
        session(user_of(book, peer.port, reply=None, messages=1), ABSENT)
    assert book.of(Phase.SESSION)[0].outcome is ANSWERED


def test_the_greeting_tells_the_clients_number_and_expects_the_acknowledgement() -> None:
    heard: list[bytes] = []

    def acknowledges(link: socket.socket) -> None:
        heard.append(link.recv(1024))
        link.sendall(ACKNOWLEDGEMENT)
        until_closed(link)

    book = Book()
    with Peer(acknowledges) as peer:
        greeting(user_of(book, peer.port, reply=ACKNOWLEDGEMENT.decode()), ABSENT)
    assert [text.decode() for text in heard] == ["客户端7连接成功"]
    assert book.of(Phase.SESSION)[0].outcome is ANSWERED


def test_a_persistent_connection_is_opened_once_and_used_again() -> None:
    book = Book()
    with Peer(echoes) as peer:
        user = user_of(book, peer.port)
        for _ in range(3):
            assert persistent(user, ABSENT)
        user.client.close()
    phases = [sample.phase for sample in book.samples]
    assert phases.count(Phase.CONNECT) == 1
    assert phases.count(Phase.MESSAGE) == 3
    assert phases.count(Phase.SESSION) == 0


def test_a_persistent_connection_that_was_lost_is_opened_again() -> None:
    def hangs_up(link: socket.socket) -> None:
        read(link, 16)

    book = Book()
    with Peer(hangs_up, echoes) as peer:
        user = user_of(book, peer.port)
        assert not persistent(user, ABSENT)
        assert persistent(user, ABSENT)
        user.client.close()
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.SHORT, ANSWERED]
    assert len(book.of(Phase.CONNECT)) == 2


def test_users_begin_at_places_of_their_own_and_go_round_the_ring() -> None:
    heard: list[bytes] = []

    def notes_and_echoes(link: socket.socket) -> None:
        while data := link.recv(16):
            heard.append(data)
            link.sendall(data)

    book = Book()
    ring = message_ring(framing_of("raw"), 16, None, echo=True, timing=False)[:3]
    for number in (1, 2):
        with Peer(notes_and_echoes) as peer:
            client = book.client(peer.port)
            user = VirtualUser(client, book.meter, Traffic(messages=4), ring, lambda: True, number=number)
            assert session(user, ABSENT)
    order = [ring[place].payload for place in (1, 2, 0, 1)]
    assert heard[:4] == order
    assert heard[4:] == [ring[place].payload for place in (2, 0, 1, 2)]


class Rows:
    """A meter that keeps rows as they come."""

    wants_connections = False

    def __init__(self) -> None:
        self.steps: defaultdict[Phase, list[tuple[int, int]]] = defaultdict(list)
        self.due_ns: list[int] = []
        self.failures: list[Sample] = []

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        self.steps[phase].append((start_ns, end_ns))

    def message(self, row: MessageRow, _reply: Reply | None = None) -> None:
        self.due_ns.append(row[0])

    def failure(self, sample: Sample) -> None:
        self.failures.append(sample)

    def connection(self, address: str, view: ClientView) -> None:
        raise AssertionError(f"nobody asked for {address}")


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def book(rows: Rows) -> Book:
    """A book that only keeps rows."""
    book = Book()
    book.meter = rows  # type: ignore[assignment]
    return book


def test_how_late_a_session_begins_is_booked_once_from_when_it_was_due(rows: Rows, book: Book) -> None:
    due_ns = time.monotonic_ns()
    with Peer(echoes) as peer:
        assert session(user_of(book, peer.port), due_ns)
    ((since_ns, begun_ns),) = rows.steps[Phase.SCHEDULE_DELAY]
    assert since_ns == due_ns
    assert due_ns <= begun_ns <= rows.steps[Phase.CONNECT][0][0]
    assert rows.steps[Phase.SESSION][0][0] == begun_ns


@pytest.mark.parametrize(("open_load", "dues"), [(False, [ABSENT] * 3), (True, [5, ABSENT, ABSENT])])
def test_only_an_open_loads_first_message_is_due_when_its_session_was(
    rows: Rows, book: Book, open_load: bool, dues: list[int]
) -> None:
    with Peer(echoes) as peer:
        assert session(user_of(book, peer.port, open_load=open_load), 5)
    assert rows.due_ns == dues


@pytest.mark.parametrize("open_load", [False, True])
def test_every_message_on_a_connection_that_stays_is_due_when_its_iteration_was(
    rows: Rows, book: Book, open_load: bool
) -> None:
    with Peer(echoes) as peer:
        user = user_of(book, peer.port, open_load=open_load)
        for due_ns in (5, 6, ABSENT):
            assert persistent(user, due_ns)
        user.client.close()
    assert rows.due_ns == [5, 6, ABSENT]
    # The message itself tells how late it is.
    assert rows.steps[Phase.SCHEDULE_DELAY] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_iteration_that_was_not_due_has_no_schedule_delay(rows: Rows, book: Book, name: str) -> None:
    with Peer(peer_of(name)) as peer:
        user = user_of(book, peer.port, may_send=once(name))
        assert SCENARIOS[name](user, ABSENT)
        user.client.close()
    assert rows.steps[Phase.SCHEDULE_DELAY] == []
    assert set(rows.due_ns) == {ABSENT}


@pytest.mark.parametrize(("name", "delays"), [("session", 1), ("greeting", 1), ("persistent", 0)])
def test_an_iteration_that_finds_no_connection_was_due_all_the_same(
    rows: Rows, book: Book, name: str, delays: int
) -> None:
    with refusing_port() as port:
        assert not SCENARIOS[name](user_of(book, port), 5)
    assert len(rows.steps[Phase.SCHEDULE_DELAY]) == delays
    assert Phase.MESSAGE in {sample.phase for sample in rows.failures}


@pytest.mark.parametrize("name", [name for name in SCENARIOS if not scenario.SCENARIOS[name].endless])
def test_in_a_closed_load_the_next_iteration_is_due_when_the_last_one_is_over(
    rows: Rows, book: Book, name: str
) -> None:
    stays = scenario.SCENARIOS[name].keeps_connection
    with Peer(*[peer_of(name)] * (1 if stays else 2)) as peer:
        user = user_of(book, peer.port)
        assert user.client.free_ns == ABSENT
        assert SCENARIOS[name](user, user.client.free_ns)
        first_ns = user.client.free_ns
        if not stays:
            assert rows.steps[Phase.SESSION][0][1] == first_ns
        assert SCENARIOS[name](user, first_ns)
        user.client.close()
    if stays:
        assert rows.due_ns == [ABSENT, first_ns]
    else:
        ((since_ns, begun_ns),) = rows.steps[Phase.SCHEDULE_DELAY]
        assert since_ns == first_ns <= begun_ns


@pytest.mark.parametrize(
    ("how", "unpaced"),
    [
        ({}, True),
        ({"arrival": Arrival("constant", 100.0)}, False),
        ({"client_mode": "locked"}, False),
        ({"rendezvous_s": 1.0}, False),
        ({"heartbeat": "1s"}, False),
        ({"stages": "hold 1 1s"}, False),
    ],
)
def test_messages_follow_each_other_at_once_only_where_nobody_paces_them(
    how: dict[str, Any], unpaced: bool
) -> None:
    assert Traffic(scenario="persistent", **how).unpaced is unpaced
