"""Unix sockets, and what is set of a socket before it is connected."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import AddressBook
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.tcp.samples import Outcome, Phase
from tests.support.clients import PATIENCE_S
from tests.support.peers import Book, Peer, answers, echoes, stays_silent

ANSWERED = Outcome.ANSWERED


@contextmanager
def at_path(path: Path, backlog: int = 8) -> Iterator[socket.socket]:
    """A listener on a unix socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(backlog)
        listener.settimeout(PATIENCE_S)
        yield listener


def unix(path: Path) -> Endpoint:
    return Endpoint(str(path), scheme=Scheme.UNIX)


def serve(listener: socket.socket, connections: int) -> threading.Thread:
    """Echoes so many connections, one after another."""

    def work() -> None:
        for _ in range(connections):
            link, _ = listener.accept()
            with link:
                echoes(link)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_unix_socket_has_the_same_steps_and_no_address_of_two_ends_is_alike(
    book: Book, tmp_path: Path
) -> None:
    addresses = AddressBook()
    with at_path(tmp_path / "it") as listener:
        serve(listener, 2)
        client = book.client_of(unix(tmp_path / "it"), addresses=addresses)
        for _ in range(2):
            assert client.connect() is ANSWERED
            assert client.request(b"ping", b"ping")
            assert client.send(b"one") is ANSWERED
            assert client.receive(b"one")
            assert client.close() is ANSWERED
    assert {outcome for _, outcome in book.outcomes()} == {ANSWERED}
    assert addresses.used == {str(tmp_path / "it"): 2}
    first, second = (address for address, _ in book.connections)
    assert first != second


def test_what_comes_unasked_on_a_unix_socket_fails_the_message_that_meets_it(
    book: Book, tmp_path: Path
) -> None:
    with at_path(tmp_path / "it") as listener:
        client = book.client_of(unix(tmp_path / "it"))
        client.connect()
        link, _ = listener.accept()
        with link:
            link.sendall(b"hello")
            assert client.request(b"ping", b"ping").outcome is Outcome.MISMATCH


@pytest.mark.parametrize("there", [False, True])
def test_a_path_where_nobody_listens_refuses(book: Book, tmp_path: Path, there: bool) -> None:
    path = tmp_path / "it"
    if there:
        with at_path(path):
            pass
    client = book.client_of(unix(path))
    assert client.connect() is Outcome.REFUSED
    assert str(path) in book.samples[0].detail


def test_a_full_backlog_of_a_unix_socket_is_waited_for_within_the_connects_time(
    book: Book, tmp_path: Path
) -> None:
    with at_path(tmp_path / "it", backlog=0) as listener, socket.socket(socket.AF_UNIX) as first:
        first.connect(str(tmp_path / "it"))
        client = book.client_of(unix(tmp_path / "it"), timeout_s=0.1)
        assert client.connect() is Outcome.TIMEOUT
        patient = book.client_of(unix(tmp_path / "it"))
        threading.Timer(0.05, serve, [listener, 2]).start()
        threading.Timer(0.1, first.close).start()
        assert patient.request(b"ping", b"ping")
        patient.close()


def test_a_unix_socket_has_no_source(book: Book, tmp_path: Path) -> None:
    client = book.client_of(unix(tmp_path / "it"), source="127.0.0.1")
    with pytest.raises(HarnessError, match="to a unix socket: leave it out"):
        client.connect()


def test_options_are_set_on_the_socket(book: Book) -> None:
    with Peer(stays_silent) as peer:
        url = f"tcp://127.0.0.1:{peer.port}?nodelay=on&keepalive=7s&send_buffer=8192&receive_buffer=16384"
        client = book.client_of(Endpoint.parse(url))
        client.connect()
        with socket.socket(fileno=client._link._socket.fileno()) as held:  # type: ignore[union-attr]
            told = [
                held.getsockopt(level, option)
                for level, option in (
                    (socket.IPPROTO_TCP, socket.TCP_NODELAY),
                    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                    (socket.SOL_SOCKET, socket.SO_SNDBUF),
                    (socket.SOL_SOCKET, socket.SO_RCVBUF),
                )
            ]
            held.detach()
        client.close()
    # The system doubles what it is told of buffers.
    assert told == [1, 1, 7, 7, 16384, 32768]


@pytest.mark.parametrize(("nodelay", "expected"), [("", 1), ("?nodelay=on", 1), ("?nodelay=off", 0)])
def test_no_message_waits_for_an_acknowledgement_unless_it_is_to(
    book: Book, nodelay: str, expected: int
) -> None:
    with Peer(answers(12, b"pingping")) as peer:
        client = book.client_of(Endpoint.parse(f"tcp://127.0.0.1:{peer.port}{nodelay}"))
        client.connect()
        # Before the first one: a second would wait for 40 ms behind one that is answered late, or not at all.
        with socket.socket(fileno=client._link._socket.fileno()) as held:  # type: ignore[union-attr]
            assert bool(held.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) == expected
            held.detach()
        client.send(b"note", reply=False)
        client.send(b"ping")
        client.send(b"ping")
        assert client.receive(b"ping")
        assert client.receive(b"ping")
        client.close()
    assert len(book.of(Phase.MESSAGE)) == 2
