"""One connection from the client's side: every way it can go has a name and is booked once."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from typing import Any

import pytest

from loadtest.client import TcpClient
from loadtest.samples import Outcome, Phase
from loadtest.socket_errors import HarnessError, resolve
from tests.unit.loadtest.peers import (
    LOOPBACK,
    Book,
    Peer,
    Script,
    answers,
    echoes,
    read,
    refusing_port,
    reset,
    stays_silent,
    until_closed,
)
from wire.framing import FRAMINGS, get_framing

CONNECTED = (Phase.CONNECT, Outcome.ANSWERED)
MESSAGE = (Phase.MESSAGE, Outcome.ANSWERED)
FIRST = (Phase.FIRST_REPLY, Outcome.ANSWERED)
CLOSED = (Phase.CLOSE, Outcome.ANSWERED)


@pytest.fixture
def book() -> Book:
    return Book()


def resets(link: socket.socket) -> None:
    read(link, 4)
    reset(link)


def hangs_up(link: socket.socket) -> None:
    read(link, 4)


def sends_half(link: socket.socket) -> None:
    read(link, 4)
    link.sendall(b"pi")


@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_exchange_is_booked_phase_by_phase(book: Book, framing: str) -> None:
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing=framing)
        assert client.connect() is Outcome.ANSWERED
        assert client.request(b"ping", b"ping").payload == b"ping"
        assert client.request(b"pong", b"pong")
        assert client.close() is Outcome.ANSWERED
    assert book.outcomes() == [CONNECTED, MESSAGE, FIRST, MESSAGE, CLOSED]
    frame_bytes = len(get_framing(framing).encode(b"ping"))
    for sample in book.of(Phase.MESSAGE):
        assert (sample.sent_bytes, sample.received_bytes) == (frame_bytes, frame_bytes)
        assert (sample.wait_ns, sample.service_ns) == (None, None)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_reply_that_comes_a_byte_at_a_time_is_one_reply(
    book: Book, framing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtest.client.RECEIVE_BYTES", 1)
    text = "收到客户端信息".encode()
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing=framing)
        client.connect()
        assert client.request(text, text).payload == text
        assert client.close() is Outcome.ANSWERED
    assert book.outcomes() == [CONNECTED, MESSAGE, FIRST, CLOSED]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_two_replies_in_one_segment_answer_two_messages(book: Book, framing: str) -> None:
    frames = [get_framing(framing).encode(payload) for payload in (b"one", b"second")]
    with Peer(answers(sum(map(len, frames)), b"".join(frames))) as peer:
        client = book.client(peer.port, framing=framing)
        client.connect()
        assert client.send(b"one") is Outcome.ANSWERED
        assert client.send(b"second") is Outcome.ANSWERED
        assert client.receive(b"one").payload == b"one"
        assert client.receive(b"second").payload == b"second"
        assert client.close() is Outcome.ANSWERED
    first, second = book.of(Phase.MESSAGE)
    assert first.start_ns <= second.start_ns <= first.end_ns <= second.end_ns
    assert len(book.of(Phase.FIRST_REPLY)) == 1


def test_without_an_expectation_a_raw_reply_is_whatever_one_receive_brings(book: Book) -> None:
    with Peer(answers(4, b"whatever")) as peer:
        client = book.client(peer.port)
        client.connect()
        assert client.request(b"ping").payload == b"whatever"
        client.close()


@pytest.mark.parametrize("framing", FRAMINGS)
def test_the_server_tells_wait_and_service_time_before_its_reply(book: Book, framing: str) -> None:
    wire = get_framing(framing)
    reply = wire.encode(wire.timing.pack(7_000, 9_000) + b"ping")
    with Peer(answers(len(wire.encode(b"ping")), reply)) as peer:
        client = book.client(peer.port, framing=framing, timing=True)
        client.connect()
        answer = client.request(b"ping", b"ping")
        client.close()
    assert (answer.payload, answer.wait_ns, answer.service_ns) == (b"ping", 7_000, 9_000)
    for sample in (*book.of(Phase.MESSAGE), *book.of(Phase.FIRST_REPLY)):
        assert (sample.wait_ns, sample.service_ns) == (7_000, 9_000)


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
    with Peer(answers(len(get_framing(framing).encode(b"ping")), reply)) as peer:
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


def test_abort_from_another_thread_wakes_whoever_waits_and_books_it_as_aborted(book: Book) -> None:
    clients: list[TcpClient] = []

    def aborts_the_client(link: socket.socket) -> None:
        read(link, 4)
        clients[0].abort()
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


@pytest.mark.parametrize(
    ("method", "phase"), [("connect", Phase.CONNECT), ("sendall", Phase.MESSAGE), ("recv", Phase.MESSAGE)]
)
def test_being_killed_in_mid_exchange_is_booked_as_aborted_and_goes_on_up(
    book: Book, monkeypatch: pytest.MonkeyPatch, method: str, phase: Phase
) -> None:
    def killed(*_: object) -> None:
        raise Stopped

    class FragileSocket(socket.socket):
        pass

    setattr(FragileSocket, method, killed)

    def talk(client: TcpClient) -> None:
        client.connect()
        client.request(b"ping")

    with socket.create_server((LOOPBACK, 0)) as listener:
        monkeypatch.setattr(socket, "socket", FragileSocket)
        client = book.client(listener.getsockname()[1])
        with pytest.raises(Stopped):
            talk(client)
    assert book.outcomes()[-1] == (phase, Outcome.ABORTED)
    assert not client.connected


def test_close_waits_until_the_peer_has_closed_and_times_that(book: Book) -> None:
    peer_left_ns: list[int] = []

    def closes_later(link: socket.socket) -> None:
        until_closed(link)
        peer_left_ns.append(time.monotonic_ns())

    with Peer(closes_later) as peer:
        client = book.client(peer.port)
        client.connect()
        assert client.close() is Outcome.ANSWERED
    (close,) = book.of(Phase.CLOSE)
    assert close.start_ns <= peer_left_ns[0] <= close.end_ns


def sends_unasked_after_the_reply(link: socket.socket) -> None:
    link.sendall(read(link, 4) + b"more")
    until_closed(link)


def sends_unasked_at_the_end(link: socket.socket) -> None:
    link.sendall(read(link, 4))
    until_closed(link)
    link.sendall(b"more")


@pytest.mark.parametrize("script", [sends_unasked_after_the_reply, sends_unasked_at_the_end])
def test_bytes_that_nobody_asked_for_show_at_the_close(book: Book, script: Script) -> None:
    with Peer(script) as peer:
        client = book.client(peer.port)
        client.connect()
        assert client.request(b"ping", b"ping")
        assert client.close() is Outcome.MISMATCH
    assert book.of(Phase.CLOSE)[0].detail == "bytes that nobody asked for"


def test_a_peer_that_does_not_close_makes_the_close_time_out(book: Book) -> None:
    done = socket.socketpair()

    def keeps_open(link: socket.socket) -> None:
        until_closed(link)
        done[1].recv(1)

    with Peer(keeps_open) as peer:
        client = book.client(peer.port, timeout_s=0.05)
        client.connect()
        assert client.close() is Outcome.TIMEOUT
        done[0].send(b"!")
    for end in done:
        end.close()


def test_closing_before_the_reply_books_every_open_message_as_aborted(book: Book) -> None:
    with Peer(stays_silent) as peer:
        client = book.client(peer.port)
        client.connect()
        client.send(b"one")
        client.send(b"two")
        assert client.close() is Outcome.ABORTED
    assert book.outcomes() == [CONNECTED, *[(Phase.MESSAGE, Outcome.ABORTED)] * 2]


def test_a_reset_loses_every_message_that_had_no_reply_yet(book: Book) -> None:
    with Peer(resets) as peer:
        client = book.client(peer.port)
        client.connect()
        client.send(b"ping")
        client.receive()
        assert not client.connected
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.RESET]


def test_closing_twice_or_without_a_connection_does_nothing(book: Book) -> None:
    with Peer(echoes) as peer:
        client = book.client(peer.port)
        assert client.close() is Outcome.ANSWERED
        client.connect()
        client.close()
        client.close()
    assert book.outcomes() == [CONNECTED, CLOSED]


def test_connecting_again_closes_the_connection_that_was_open(book: Book) -> None:
    with Peer(echoes, echoes) as peer:
        client = book.client(peer.port)
        client.connect()
        client.connect()
        client.close()
    assert book.outcomes() == [CONNECTED, CLOSED, CONNECTED, CLOSED]
    first, second = (address for address, _ in book.connections)
    assert first != second


def test_a_connection_is_recorded_with_its_address_and_its_moments_in_order(book: Book) -> None:
    seen: list[str] = []

    def notes_the_address(link: socket.socket) -> None:
        seen.append("{}:{}".format(*link.getpeername()))
        echoes(link)

    with Peer(notes_the_address) as peer:
        client = book.client(peer.port)
        client.connect()
        client.request(b"ping", b"ping")
        client.request(b"pong", b"pong")
        client.close()
    ((address, view),) = book.connections
    assert [address] == seen
    moments = [
        view.connect_start_ns,
        view.connected_ns,
        view.first_sent_ns,
        view.first_reply_ns,
        view.close_start_ns,
        view.closed_ns,
    ]
    known = [moment for moment in moments if moment is not None]
    assert len(known) == len(moments)
    assert known == sorted(known)
    assert (view.outcome, view.messages) == ("answered", 2)


def test_using_a_client_wrongly_names_what_to_call_first(book: Book) -> None:
    client = book.client(1)
    with pytest.raises(HarnessError, match=r"call connect\(\) first"):
        client.send(b"ping")
    with Peer(echoes) as peer:
        client = book.client(peer.port)
        client.connect()
        with pytest.raises(HarnessError, match=r"call send\(\) or request\(\) first"):
            client.receive()
        client.close()


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.EMFILE, "ulimit -n"), (errno.ENFILE, "fs.file-max"), (errno.EADDRNOTAVAIL, "TIME_WAIT")],
)
def test_a_fault_of_this_machine_is_never_booked_as_the_servers(
    book: Book, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    class ExhaustedSocket(socket.socket):
        def connect(self, _: object) -> None:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(socket, "socket", ExhaustedSocket)
    client = book.client(1)
    with pytest.raises(HarnessError, match=remedy):
        client.connect()
    assert book.samples == []
    assert not client.connected


def test_an_unknown_host_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    resolve.cache_clear()
    with pytest.raises(HarnessError, match=r"cannot find host 'nowhere' .*: check the name"):
        resolve("nowhere", 8888)
