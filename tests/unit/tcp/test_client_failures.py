"""Every way in which an exchange can fail has a name, is booked once, and leaves no connection behind."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from lockstep.errors import HarnessError
from lockstep.tcp import dialling
from lockstep.tcp.client import TcpClient
from lockstep.tcp.messages import prepare
from lockstep.tcp.samples import Outcome, Phase
from lockstep_wire.framing import framing_of
from tests.support.clients import PATIENCE_S, reset
from tests.support.peers import (
    COOPERATIVE,
    LOOPBACK,
    Book,
    Peer,
    Script,
    answers,
    breaking,
    echoes,
    read,
    refusing_port,
    stays_silent,
    until_closed,
)

CONNECTED = (Phase.CONNECT, Outcome.ANSWERED)


def resets(link: socket.socket) -> None:
    read(link, 4)
    reset(link)


def hangs_up(link: socket.socket) -> None:
    read(link, 4)


def sends_half(link: socket.socket) -> None:
    read(link, 4)
    link.sendall(b"pi")


@pytest.mark.parametrize(
    ("script", "settings", "outcome"),
    [
        (resets, {}, Outcome.RESET),
        (hangs_up, {}, Outcome.SHORT),
        (sends_half, {}, Outcome.SHORT),
        (stays_silent, {"timeout_s": 0.05}, Outcome.TIMEOUT),
        (answers(4, b"pong"), {}, Outcome.MISMATCH),
    ],
)
def test_a_message_that_fails_is_booked_once_under_its_name(
    book: Book, script: Script, settings: dict[str, Any], outcome: Outcome
) -> None:
    with Peer(script) as peer:
        client = book.client(peer.port, **settings)
        client.connect()
        reply = client.request(b"ping", b"ping")
        client.close()
    assert reply.outcome is outcome
    assert not reply
    (message,) = book.of(Phase.MESSAGE)
    assert message.outcome is outcome
    assert message.detail
    assert message.start_ns <= message.end_ns
    assert book.of(Phase.FIRST_REPLY) == []
    (connection,) = book.connections
    assert connection[1].messages == 0


@pytest.mark.parametrize(
    ("framing", "reply"),
    [
        ("length", struct.pack(">I", 15) + b"fifteen bytes.."),
        ("line", b"no thirty-two hexadecimal digits here\n"),
    ],
)
def test_a_missing_timing_header_is_a_mismatch_that_names_the_flag(
    book: Book, framing: str, reply: bytes
) -> None:
    with Peer(answers(len(framing_of(framing).encode(b"ping")), reply)) as peer:
        client = book.client(peer.port, framing=framing, timing=True)
        client.connect()
        assert client.request(b"ping", b"ping").outcome is Outcome.MISMATCH
        client.close()
    assert "--timing" in book.of(Phase.MESSAGE)[0].detail


def test_a_reply_beyond_the_greatest_frame_is_a_mismatch_and_ends_the_connection(book: Book) -> None:
    with Peer(answers(8, struct.pack(">I", 1000))) as peer:
        client = book.client(peer.port, framing="length", max_frame=100)
        client.connect()
        assert client.request(b"ping").outcome is Outcome.MISMATCH
        assert not client.connected
    assert "the limit is 100" in book.of(Phase.MESSAGE)[0].detail


def test_a_refused_connection_is_an_outcome_and_no_connection(book: Book) -> None:
    with refusing_port() as port:
        client = book.client(port)
        assert client.connect() is Outcome.REFUSED
    assert not client.connected
    assert book.outcomes() == [(Phase.CONNECT, Outcome.REFUSED)]
    assert book.connections == []


def test_abort_from_elsewhere_wakes_whoever_waits_and_books_it_as_aborted(book: Book) -> None:
    clients: list[TcpClient] = []

    def aborts_the_client(link: socket.socket) -> None:
        read(link, 4)
        book.waiting.prod(clients[0].abort)
        until_closed(link)

    with Peer(aborts_the_client) as peer:
        clients.append(book.client(peer.port))
        clients[0].connect()
        assert clients[0].request(b"ping", b"ping").outcome is Outcome.ABORTED
        assert not clients[0].connected
    assert book.outcomes() == [CONNECTED, (Phase.MESSAGE, Outcome.ABORTED)]
    assert book.connections[0][1].outcome == "aborted"


def test_abort_without_a_connection_does_nothing(book: Book) -> None:
    client = book.client(1)
    client.abort()
    assert book.samples == []


def test_an_aborted_client_can_connect_again(book: Book) -> None:
    with Peer(stays_silent, echoes) as peer:
        client = book.client(peer.port)
        client.connect()
        client.send(b"ping")
        client.abort()
        assert client.receive().outcome is Outcome.ABORTED
        assert client.connect() is Outcome.ANSWERED
        assert client.request(b"ping", b"ping")
        client.close()


class Stopped(BaseException):
    """What a greenlet that is killed raises wherever it is."""


def requests(client: TcpClient) -> None:
    client.request(b"ping")


def exchanges(client: TcpClient) -> None:
    client.exchange(prepare(framing_of("raw"), b"ping", b"ping", timing=False))


@pytest.mark.parametrize("talk", [requests, exchanges])
@pytest.mark.parametrize(
    ("method", "phase"),
    [
        ("connect", Phase.CONNECT),
        ("ask", Phase.MESSAGE),
        ("receive", Phase.MESSAGE),
    ],
)
def test_being_killed_in_mid_exchange_is_booked_as_aborted_and_goes_on_up(
    book: Book, method: str, phase: Phase, talk: Callable[[TcpClient], None]
) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        link = breaking(book.waiting.link, method, Stopped())
        client = book.client(listener.getsockname()[1], link=link)
        with pytest.raises(Stopped):
            connect_and(talk, client)
    assert book.outcomes()[-1] == (phase, Outcome.ABORTED)
    assert len(book.of(phase)) == 1
    assert not client.connected


def connect_and(talk: Callable[[TcpClient], None], client: TcpClient) -> None:
    client.connect()
    talk(client)


def test_being_killed_while_closing_is_booked_as_aborted_and_goes_on_up(book: Book) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        link = breaking(book.waiting.link, "receive", Stopped())
        client = book.client(listener.getsockname()[1], link=link)
        client.connect()
        with pytest.raises(Stopped):
            client.close()
    assert book.outcomes() == [CONNECTED, (Phase.CLOSE, Outcome.ABORTED)]
    assert not client.connected


@pytest.mark.parametrize("talk", [requests, exchanges])
def test_a_greenlet_that_is_killed_books_its_message_as_aborted(talk: Callable[[TcpClient], None]) -> None:
    book = Book(COOPERATIVE)
    with Peer(stays_silent, echoes) as peer:
        client = book.client(peer.port)
        client.connect()
        greenlet = gevent.spawn(talk, client)
        gevent.sleep(0)
        greenlet.kill(timeout=PATIENCE_S)
        assert book.outcomes() == [CONNECTED, (Phase.MESSAGE, Outcome.ABORTED)]
        assert not client.connected
        # The client serves again.
        client.connect()
        assert client.request(b"ping", b"ping")
        client.close()


def test_closing_before_the_reply_books_every_open_message_as_aborted(book: Book) -> None:
    with Peer(stays_silent) as peer:
        client = book.client(peer.port)
        client.connect()
        client.send(b"one")
        client.send(b"two")
        assert client.close() is Outcome.ABORTED
    assert book.outcomes() == [CONNECTED, *[(Phase.MESSAGE, Outcome.ABORTED)] * 2]


def test_a_reset_loses_every_message_that_had_no_reply_yet(book: Book) -> None:
    def resets_after_two(link: socket.socket) -> None:
        read(link, 8)
        reset(link)

    with Peer(resets_after_two) as peer:
        client = book.client(peer.port)
        client.connect()
        client.send(b"ping")
        client.send(b"pong")
        assert client.receive().outcome is Outcome.RESET
        assert not client.connected
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.RESET] * 2


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.EMFILE, "ulimit -n"), (errno.ENFILE, "fs.file-max"), (errno.EADDRNOTAVAIL, "TIME_WAIT")],
)
def test_a_fault_of_this_machine_is_never_booked_as_the_servers(
    book: Book, code: int, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A port may come free: this is what follows where none does.
    monkeypatch.setattr(dialling, "PORTLESS_NS", 0)
    link = breaking(book.waiting.link, "connect", OSError(code, os.strerror(code)))
    client = book.client(1, link=link)
    with pytest.raises(HarnessError, match=remedy):
        client.connect()
    assert book.samples == []
    assert not client.connected
