"""One connection from the client's side: every step is timed and booked once."""

from __future__ import annotations

import socket
import time

import pytest

from lockstep.tcp.samples import Outcome, Phase
from lockstep_wire.framing import FRAMINGS, framing_of
from tests.support.peers import (
    Book,
    Peer,
    answers,
    echoes,
    read,
    until_closed,
)

CONNECTED = (Phase.CONNECT, Outcome.ANSWERED)
MESSAGE = (Phase.MESSAGE, Outcome.ANSWERED)
FIRST = (Phase.FIRST_REPLY, Outcome.ANSWERED)
CLOSED = (Phase.CLOSE, Outcome.ANSWERED)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_exchange_is_booked_phase_by_phase(book: Book, framing: str) -> None:
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing=framing)
        assert client.connect() is Outcome.ANSWERED
        assert client.request(b"ping", b"ping").payload == b"ping"
        assert client.request(b"pong", b"pong")
        assert client.close() is Outcome.ANSWERED
    assert book.outcomes() == [CONNECTED, MESSAGE, FIRST, MESSAGE, CLOSED]
    frame_bytes = len(framing_of(framing).encode(b"ping"))
    for sample in book.of(Phase.MESSAGE):
        assert (sample.sent_bytes, sample.received_bytes) == (frame_bytes, frame_bytes)
        assert (sample.wait_ns, sample.service_ns) == (None, None)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_reply_that_comes_a_byte_at_a_time_is_one_reply(
    book: Book, framing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("link", "gevent_link"):
        monkeypatch.setattr(f"lockstep.tcp.{module}.RECEIVE_BYTES", 1)
    text = "收到客户端信息".encode()
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing=framing)
        client.connect()
        assert client.request(text, text).payload == text
        assert client.close() is Outcome.ANSWERED
    assert book.outcomes() == [CONNECTED, MESSAGE, FIRST, CLOSED]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_two_replies_in_one_segment_answer_two_messages(book: Book, framing: str) -> None:
    frames = [framing_of(framing).encode(payload) for payload in (b"one", b"second")]
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
    wire = framing_of(framing)
    reply = wire.encode(wire.timing.pack(7_000, 9_000) + b"ping")
    with Peer(answers(len(wire.encode(b"ping")), reply)) as peer:
        client = book.client(peer.port, framing=framing, timing=True)
        client.connect()
        answer = client.request(b"ping", b"ping")
        client.close()
    assert (answer.payload, answer.wait_ns, answer.service_ns) == (b"ping", 7_000, 9_000)
    (sample,) = book.of(Phase.MESSAGE)
    assert (sample.wait_ns, sample.service_ns) == (7_000, 9_000)


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


def sends_unasked_at_the_end(link: socket.socket) -> None:
    link.sendall(read(link, 4))
    until_closed(link)
    link.sendall(b"more")


def test_bytes_that_nobody_asked_for_show_at_the_close(book: Book) -> None:
    with Peer(sends_unasked_at_the_end) as peer:
        client = book.client(peer.port)
        client.connect()
        assert client.request(b"ping", b"ping")
        assert client.close() is Outcome.MISMATCH
    assert book.of(Phase.CLOSE)[0].detail == "bytes that nobody asked for: b'more'"


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
    assert (view.outcome, view.messages, view.user) == ("answered", 2, None)


def test_every_connection_of_a_user_carries_its_name(book: Book) -> None:
    with Peer(echoes, echoes) as peer:
        client = book.client(peer.port, user="w1/7")
        for _ in range(2):
            client.connect()
            client.close()
    assert [view.user for _, view in book.connections] == ["w1/7", "w1/7"]
