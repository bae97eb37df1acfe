"""What the peer says unasked; half-close, after which it may say the rest; and a reset."""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp.replies import prefix
from lockstep.tcp.samples import Outcome, Phase
from tests.support.clients import PATIENCE_S
from tests.support.peers import Book, Peer, Script, read, stays_silent, until_closed


def pushes(*parts: bytes, asked: int = 0) -> Script:
    """Takes so many bytes, says all this, and listens until the client has left."""

    def script(link: socket.socket) -> None:
        read(link, asked)
        for part in parts:
            link.sendall(part)
        until_closed(link)

    return script


def test_a_banner_is_a_step_of_its_own_and_replies_are_as_strict_as_ever(book: Book) -> None:
    def script(link: socket.socket) -> None:
        link.sendall(b"220 ready\n")
        read(link, 5)
        link.sendall(b"pong\npong\n")
        read(link, 0)

    with Peer(script) as peer:
        client = book.client(peer.port, framing="line")
        banner = client.receive(prefix(b"220"))
        assert (banner.outcome, banner.payload) == (Outcome.ANSWERED, b"220 ready")
        assert client.request(b"ping", b"pong").outcome is Outcome.MISMATCH
    (received,) = book.of(Phase.RECEIVE)
    assert received.outcome is Outcome.ANSWERED


def test_pushes_come_one_by_one_however_they_were_cut(book: Book) -> None:
    with Peer(pushes(b"one\ntwo\nth", b"ree\n", asked=10)) as peer:
        client = book.client(peer.port, framing="line")
        assert client.send(b"SUBSCRIBE", reply=False) is Outcome.ANSWERED
        assert list(client.messages(timeout=0.3)) == [b"one", b"two", b"three"]
        assert client.connected
        assert client.close() is Outcome.ANSWERED
    assert [sample.outcome for sample in book.of(Phase.RECEIVE)] == [Outcome.ANSWERED] * 3


def test_a_push_that_is_not_awaited_is_no_fault_as_its_listener_closes(book: Book) -> None:
    with Peer(pushes(b"one\n", b"two\n", b"three\n")) as peer:
        client = book.client(peer.port, framing="line")
        assert client.receive().payload == b"one"
        assert client.close() is Outcome.ANSWERED


def test_a_message_does_not_take_a_push_for_its_reply(book: Book) -> None:
    with Peer(pushes(b"one\ntwo\n")) as peer:
        client = book.client(peer.port, framing="line")
        assert client.receive().payload == b"one"
        assert client.request(b"ping").outcome is Outcome.MISMATCH
    assert book.of(Phase.MESSAGE)[0].detail == "bytes that nobody asked for: b'two'"


def test_a_listener_may_send_what_gets_no_reply(book: Book) -> None:
    with Peer(pushes(b"one\ntwo\n")) as peer:
        client = book.client(peer.port, framing="line")
        assert client.receive().payload == b"one"
        assert client.send(b"ping", reply=False) is Outcome.ANSWERED
        assert client.receive().payload == b"two"
        client.close()


def test_nothing_that_comes_is_a_failure_of_a_receive_and_none_of_messages(book: Book) -> None:
    with Peer(stays_silent) as peer:
        client = book.client(peer.port, framing="line")
        assert client.receive(timeout=0.05).outcome is Outcome.TIMEOUT
        assert client.connected
        assert list(client.messages(timeout=0.05)) == []
        assert client.connected
        client.close()
    assert [sample.outcome for sample in book.of(Phase.RECEIVE)] == [Outcome.TIMEOUT]


@pytest.mark.parametrize("rest", [b"", b"half a li"])
def test_a_peer_that_leaves_is_a_failure(book: Book, rest: bytes) -> None:
    with Peer(lambda link: link.sendall(b"one\n" + rest)) as peer:
        client = book.client(peer.port, framing="line")
        assert list(client.messages()) == [b"one"]
        assert not client.connected
    assert [sample.outcome for sample in book.of(Phase.RECEIVE)] == [Outcome.ANSWERED, Outcome.SHORT]


def test_a_wrong_push_gives_the_connection_up(book: Book) -> None:
    with Peer(lambda link: link.sendall(b"-ERR\n")) as peer:
        client = book.client(peer.port, framing="line")
        assert client.receive(b"+OK").outcome is Outcome.MISMATCH
        assert not client.connected


def test_a_receive_while_replies_are_due_is_theirs_and_messages_are_refused(book: Book) -> None:
    with Peer(pushes(b"pong\n", asked=5)) as peer:
        client = book.client(peer.port, framing="line")
        client.send(b"ping")
        with pytest.raises(HarnessError, match=r"receive\(\) for each"):
            next(client.messages())
        assert client.receive(b"pong")
        client.close()
    assert book.of(Phase.RECEIVE) == []


def says_the_rest(link: socket.socket) -> None:
    """Answers at the end of what it is sent, in three pieces, and leaves."""
    asked = until_closed(link)
    for part in (b"you said ", asked, b"\nbye\n"):
        link.sendall(part)


def test_after_shutdown_all_that_the_peer_says_comes_until_it_has_closed(book: Book) -> None:
    with Peer(says_the_rest) as peer:
        client = book.client(peer.port, framing="line")
        client.connect()
        client.send(b"hello")
        assert client.shutdown() is Outcome.ANSWERED
        assert client.receive().payload == b"you said hello"
        assert client.receive().payload == b""
        assert client.receive().payload == b"bye"
        last = client.receive()
        assert (last.outcome, last.payload) == (Outcome.ANSWERED, None)
        assert not client.connected
    assert all(sample.outcome is Outcome.ANSWERED for sample in book.samples)
    assert len(book.of(Phase.CLOSE)) == 1


def test_close_waits_for_the_end_that_shutdown_has_begun(book: Book) -> None:
    with Peer(says_the_rest) as peer:
        client = book.client(peer.port, framing="line")
        client.send(b"hello", reply=False)
        client.shutdown()
        assert client.close() is Outcome.ANSWERED
    assert [sample.outcome for sample in book.of(Phase.CLOSE)] == [Outcome.ANSWERED]


def test_nothing_can_be_sent_after_shutdown(book: Book) -> None:
    with Peer(until_closed) as peer:  # type: ignore[arg-type]
        client = book.client(peer.port)
        client.connect()
        client.shutdown()
        for call in (client.request, client.send, lambda data: client.send(data, reply=False)):
            with pytest.raises(HarnessError, match="shutdown"):
                call(b"ping")
        assert client.close() is Outcome.ANSWERED
        assert client.shutdown() is Outcome.ANSWERED


def test_a_reset_reaches_the_peer_and_fails_what_is_in_flight(book: Book) -> None:
    heard = threading.Event()

    def script(link: socket.socket) -> None:
        read(link, 4)
        heard.set()
        with pytest.raises(ConnectionResetError):
            link.recv(1)

    with Peer(script) as peer:
        client = book.client(peer.port)
        client.send(b"ping")
        assert heard.wait(PATIENCE_S)
        client.reset()
        assert not client.connected
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.ABORTED]
    assert book.of(Phase.CLOSE) == []


def test_a_reset_of_an_idle_connection_is_no_failure_and_the_next_message_opens_another(book: Book) -> None:
    def answers_once(link: socket.socket) -> None:
        with_linger = link.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.calcsize("ii"))
        assert with_linger
        link.sendall(read(link, 4))
        try:
            until_closed(link)
        except ConnectionResetError:
            return

    with Peer(answers_once, answers_once) as peer:
        client = book.client(peer.port)
        assert client.request(b"ping", b"ping")
        client.reset()
        client.reset()
        assert client.request(b"ping", b"ping")
        client.close()
    assert all(sample.outcome is Outcome.ANSWERED for sample in book.samples)
