"""What one connection does from connect to close, and that nothing of it goes missing."""

from __future__ import annotations

import socket
from itertools import islice

import pytest

from loadtest.plan import Traffic
from loadtest.samples import Outcome, Phase
from loadtest.scenarios import (
    GREETING_REPLY,
    SCENARIOS,
    Conversation,
    greeting,
    payloads,
    persistent,
    session,
)
from tests.unit.loadtest.peers import Book, Peer, echoes, read, refusing_port, until_closed

ANSWERED = Outcome.ANSWERED


def conversation(
    book: Book, port: int, *, reply: str | None = "echo", messages: int = 3, goes_on: list[bool] | None = None
) -> Conversation:
    """goes_on: the answers to `goes_on`, one a message; always yes where it is None."""
    asked = iter(goes_on or [])
    return Conversation(
        book.client(port),
        Traffic(messages=messages, payload_bytes=16),
        reply,
        (lambda: True) if goes_on is None else lambda: next(asked),
        book.samples.append,
        number=7,
    )


def test_a_session_connects_sends_its_messages_and_closes() -> None:
    book = Book()
    with Peer(echoes) as peer:
        session(conversation(book, peer.port))
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


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_refused_connect_books_exactly_one_message(name: str) -> None:
    book = Book()
    with refusing_port() as port:
        SCENARIOS[name](conversation(book, port))
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.REFUSED]
    assert [sample.outcome for sample in book.of(Phase.SESSION)] in ([], [Outcome.REFUSED])
    assert book.of(Phase.CLOSE) == []


def test_a_session_stops_sending_when_the_cell_ends_and_still_closes() -> None:
    book = Book()
    with Peer(echoes) as peer:
        session(conversation(book, peer.port, messages=9, goes_on=[True, True, False]))
    assert len(book.of(Phase.MESSAGE)) == 2
    assert book.of(Phase.CLOSE)[0].outcome is ANSWERED


def test_a_session_ends_with_its_first_failed_message_and_takes_its_outcome() -> None:
    def answers_once(link: socket.socket) -> None:
        link.sendall(read(link, 16))
        read(link, 16)

    book = Book()
    with Peer(answers_once) as peer:
        session(conversation(book, peer.port))
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
        session(conversation(book, peer.port))
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [ANSWERED, Outcome.MISMATCH]


def test_unchecked_replies_may_be_anything() -> None:
    def says_hello(link: socket.socket) -> None:
        read(link, 16)
        link.sendall(b"hello")
        until_closed(link)

    book = Book()
    with Peer(says_hello) as peer:
        session(conversation(book, peer.port, reply=None, messages=1))
    assert book.of(Phase.SESSION)[0].outcome is ANSWERED


def test_the_greeting_tells_the_clients_number_and_expects_the_acknowledgement() -> None:
    heard: list[bytes] = []

    def acknowledges(link: socket.socket) -> None:
        heard.append(link.recv(1024))
        link.sendall(GREETING_REPLY)
        until_closed(link)

    book = Book()
    with Peer(acknowledges) as peer:
        greeting(conversation(book, peer.port, reply=GREETING_REPLY.decode()))
    assert [text.decode() for text in heard] == ["客户端7连接成功"]
    assert book.of(Phase.SESSION)[0].outcome is ANSWERED


def test_a_persistent_connection_is_opened_once_and_used_again() -> None:
    book = Book()
    with Peer(echoes) as peer:
        talk = conversation(book, peer.port)
        for _ in range(3):
            persistent(talk)
        talk.client.close()
    phases = [sample.phase for sample in book.samples]
    assert phases.count(Phase.CONNECT) == 1
    assert phases.count(Phase.MESSAGE) == 3
    assert phases.count(Phase.SESSION) == 0


def test_a_persistent_connection_that_was_lost_is_opened_again() -> None:
    def hangs_up(link: socket.socket) -> None:
        read(link, 16)

    book = Book()
    with Peer(hangs_up, echoes) as peer:
        talk = conversation(book, peer.port)
        persistent(talk)
        persistent(talk)
        talk.client.close()
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.SHORT, ANSWERED]
    assert len(book.of(Phase.CONNECT)) == 2


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 34, 64, 1000, 1 << 20])
def test_payloads_have_the_exact_size_no_newline_and_differ_from_one_to_the_next(size: int) -> None:
    some = list(islice(payloads(size), 5))
    assert {len(payload) for payload in some} == {size}
    assert not any(b"\n" in payload for payload in some)
    assert all(payload.decode("ascii").isprintable() for payload in some)
    assert len(set(some)) == len(some)
