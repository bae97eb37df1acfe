"""What a user says and hears first on each connection, and what becomes of the connect where that fails."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import pytest
from greenlet import GreenletExit

from lockstep.errors import HarnessError
from lockstep.tcp.client import TcpClient
from lockstep.tcp.samples import Outcome, Phase
from tests.support.peers import Book, Peer, Script, until_closed

OK = b"+OK\n"


def greets(*exchanges: bytes, banner: bytes = b"220 ready\n") -> Script:
    """Speaks first, then says each of these to so many lines."""

    def script(link: socket.socket) -> None:
        # Where its client gives up, it leaves by a reset.
        with suppress(ConnectionError):
            link.sendall(banner)
            for reply in exchanges:
                if not link.recv(100):
                    return
                link.sendall(reply)
            until_closed(link)

    return script


def with_hook(book: Book, peer: Peer, hook: Callable[[TcpClient], object]) -> TcpClient:
    client = book.client(peer.port, framing="line", sleep=lambda _: None)
    client.on_connect = lambda: hook(client)  # type: ignore[assignment]
    return client


def log_in(client: TcpClient) -> None:
    client.receive(b"220 ready")
    client.request(b"LOGIN", b"+OK", name="login")


def test_banner_and_login_come_first_on_every_connection_and_are_steps_of_their_own(book: Book) -> None:
    with Peer(greets(OK, b"pong\n"), greets(OK, b"pong\n")) as peer:
        client = with_hook(book, peer, log_in)
        for _ in range(2):
            assert client.request(b"ping", b"pong", name="work")
            assert client.close() is Outcome.ANSWERED
    assert [sample.name for sample in book.of(Phase.MESSAGE)] == ["login", "work"] * 2
    assert all(sample.outcome is Outcome.ANSWERED for sample in book.samples)
    assert len(book.of(Phase.RECEIVE)) == 2
    assert all(
        connect.end_ns <= banner.start_ns
        for connect, banner in zip(book.of(Phase.CONNECT), book.of(Phase.RECEIVE), strict=True)
    )


@pytest.mark.parametrize(
    ("script", "phase", "outcome"),
    [
        (greets(banner=b"421 busy\n"), Phase.RECEIVE, Outcome.MISMATCH),
        (greets(b"no\n"), Phase.MESSAGE, Outcome.MISMATCH),
    ],
)
def test_what_fails_there_fails_the_connect_and_is_told_under_its_own_name(
    book: Book, script: Script, phase: Phase, outcome: Outcome
) -> None:
    with Peer(script) as peer:
        client = with_hook(book, peer, log_in)
        assert client.connect() is outcome
        assert not client.connected
        assert client.back_off_s > 0
    failed = [sample for sample in book.samples if sample.outcome is outcome]
    assert failed[0].phase is phase


def test_a_step_that_is_left_without_a_reply_fails_the_connect_too(book: Book) -> None:
    with Peer(greets(banner=b"")) as peer:
        client = with_hook(book, peer, lambda client: client.receive(timeout=0.05))
        assert client.connect() is Outcome.TIMEOUT
        assert not client.connected


def test_the_message_that_wanted_the_connection_fails_as_with_any_failed_connect(book: Book) -> None:
    with Peer(greets(b"no\n")) as peer:
        client = with_hook(book, peer, log_in)
        assert client.request(b"ping", name="work").outcome is Outcome.MISMATCH
    login, work = book.of(Phase.MESSAGE)
    assert (login.name, login.sent_bytes) == ("login", 6)
    assert (work.name, work.sent_bytes, work.detail) == ("work", 0, "no connection")


def test_after_a_step_that_lost_the_connection_no_other_is_opened(book: Book) -> None:
    def goes_on(client: TcpClient) -> None:
        client.receive(b"nothing of the kind")
        client.request(b"LOGIN", name="login")

    with Peer(greets()) as peer:
        client = with_hook(book, peer, goes_on)
        assert client.connect() is Outcome.MISMATCH
    assert len(book.of(Phase.CONNECT)) == 1
    (login,) = book.of(Phase.MESSAGE)
    assert (login.outcome, login.sent_bytes) == (Outcome.MISMATCH, 0)


@pytest.mark.parametrize("raised", [LookupError("mine"), GreenletExit()])
def test_what_it_raises_gives_the_connection_up_and_goes_on(book: Book, raised: BaseException) -> None:
    def raises(_: TcpClient) -> None:
        raise raised

    with Peer(greets()) as peer:
        client = with_hook(book, peer, raises)
        with pytest.raises(type(raised)):
            client.request(b"ping")
        assert not client.connected


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (lambda client: client.send(b"LOGIN"), "leaves replies due"),
        (lambda client: client.connect(), "need not connect"),
    ],
)
def test_what_makes_no_sense_there_is_misuse(
    book: Book, hook: Callable[[TcpClient], object], words: str
) -> None:
    with Peer(greets(OK, banner=b"")) as peer:
        client = with_hook(book, peer, hook)
        with pytest.raises(HarnessError, match=words):
            client.connect()
        assert not client.connected


def close_at_once(client: TcpClient) -> None:
    client.receive(b"220 ready")
    client.close()


def close_and_go_on(client: TcpClient) -> None:
    close_at_once(client)
    client.request(b"LOGIN")


def say_that_nothing_more_is_sent(client: TcpClient) -> None:
    client.receive(b"220 ready")
    client.shutdown()


@pytest.mark.parametrize("hook", [close_at_once, close_and_go_on, say_that_nothing_more_is_sent])
def test_a_greeting_that_ends_its_connection_is_misuse(book: Book, hook: Callable[[TcpClient], None]) -> None:
    with Peer(greets(OK)) as peer:
        client = with_hook(book, peer, hook)
        with pytest.raises(HarnessError, match=r"on_connect\(\) calls close\(\) or shutdown\(\)"):
            client.request(b"ping")
        assert not client.connected


def test_a_message_whose_connection_a_users_own_error_has_ended_is_booked_as_failed(book: Book) -> None:
    def mistaken(_: TcpClient) -> None:
        raise ValueError("a mistake of the user's")

    with Peer(greets(OK)) as peer:
        client = with_hook(book, peer, mistaken)
        with pytest.raises(ValueError, match="a mistake"):
            client.request(b"ping", name="work")
    (failed,) = book.of(Phase.MESSAGE)
    assert (failed.outcome, failed.detail, failed.name) == (Outcome.ABORTED, "no connection", "work")


def test_a_greeting_that_aborts_fails_what_wanted_the_connection_and_says_what_it_was(book: Book) -> None:
    def gives_up(client: TcpClient) -> None:
        client.receive(b"220 ready")
        client.abort()

    with Peer(greets(OK)) as peer:
        client = with_hook(book, peer, gives_up)
        assert client.request(b"ping").outcome is Outcome.ABORTED
        assert not client.connected
        assert client.back_off_s > 0
    (failed,) = book.of(Phase.MESSAGE)
    assert failed.detail == "abort() was called before it was over"
