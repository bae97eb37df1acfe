"""Greenlets that share a TcpUser's client take turns where nothing but order tells whose a reply is."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import gevent
import pytest
from gevent import GreenletExit

from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.gevent_link import CooperativeLink
from lockstep.tcp.samples import Outcome, Phase
from lockstep.user_client import UserClient
from tests.support.clients import PATIENCE_S
from tests.support.peers import COOPERATIVE, Book, Peer, stays_silent


@pytest.fixture
def book() -> Book:
    return Book(COOPERATIVE)


def user_client(book: Book, port: int, **settings: object) -> tuple[UserClient, list[str]]:
    """A client, and what its user was ended by."""
    ended: list[str] = []
    client = UserClient(
        Endpoint("127.0.0.1", port),
        book.meter,
        **{"framing": "line", "timeout_s": PATIENCE_S, "link": CooperativeLink, **settings},
    )
    client.end_user = lambda error: ended.append(str(error))
    client.on_first_bytes = lambda: None
    return client, ended


def slow_echo(link: socket.socket) -> None:
    """Line by line, each after a moment."""
    for line in link.makefile("rb"):
        time.sleep(0.005)
        link.sendall(line)


def test_a_heartbeat_beside_work_waits_its_turn_and_is_answered(book: Book) -> None:
    with Peer(slow_echo) as peer, gevent.Timeout(PATIENCE_S):
        client, ended = user_client(book, peer.port)
        beats = 0

        def beat() -> None:
            nonlocal beats
            while True:
                gevent.sleep(0.001)
                assert client.request(b"beat", b"beat", name="beat")
                beats += 1

        beating = gevent.spawn(beat)
        for number in range(20):
            payload = b"work %d" % number
            assert client.request(payload, payload, name="work")
        beating.kill()
        client.reset()
    assert ended == []
    # Each turn of theirs is at most one of the other's long.
    assert 15 <= beats <= 21
    outcomes = {sample.outcome for sample in book.of(Phase.MESSAGE)}
    assert outcomes <= {Outcome.ANSWERED, Outcome.ABORTED}


def test_nobody_comes_between_the_steps_of_a_greeting(book: Book) -> None:
    with Peer(slow_echo) as peer, gevent.Timeout(PATIENCE_S):
        client, _ = user_client(book, peer.port)

        def greet() -> None:
            for step in (b"hello", b"login"):
                assert client.request(step, step, name="greeting")
                gevent.sleep(0.02)

        client.on_connect = greet
        talking = [gevent.spawn(client.request, b"work", b"work", name="work") for _ in range(3)]
        gevent.joinall(talking, raise_error=True)
        client.close()
    assert [sample.name for sample in book.of(Phase.MESSAGE)] == ["greeting"] * 2 + ["work"] * 3


def test_a_turn_that_does_not_come_is_refused_in_one_line_and_ends_its_greenlet(book: Book) -> None:
    with Peer(stays_silent) as peer, gevent.Timeout(PATIENCE_S):
        client, ended = user_client(book, peer.port, timeout_s=0.2)
        client.connect()
        client.timeout_s = None
        listening = gevent.spawn(lambda: next(client.messages(), None))
        gevent.sleep(0.01)
        client._timeout_s = 0.05
        second = gevent.spawn(client.request, b"ping")
        assert isinstance(second.get(), GreenletExit)
        listening.kill()
    (why,) = ended
    assert "match = by_id" in why


def test_what_gets_no_reply_is_sent_while_another_greenlet_listens(book: Book) -> None:
    with Peer(slow_echo) as peer, gevent.Timeout(PATIENCE_S):
        client, ended = user_client(book, peer.port)
        client.connect()
        listening = gevent.spawn(lambda: next(client.messages(), None))
        gevent.sleep(0.01)
        assert client.send(b"ping", reply=False) is Outcome.ANSWERED
        assert listening.get() == b"ping"
        client.close()
    assert ended == []


MISUSES = (
    lambda client: client.request("text"),
    lambda client: client.send(1),
    lambda client: client.pipeline([1]),
)


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse_ends_the_user_in_one_line(book: Book, misuse: Callable[[UserClient], object]) -> None:
    client, ended = user_client(book, 1)
    with pytest.raises(GreenletExit) as raised:
        misuse(client)
    assert isinstance(raised.value.__cause__, HarnessError)
    assert len(ended) == 1
