"""A step has one deadline and one user; a message without a reply is counted and never matched with one."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import gevent
import pytest

from lockstep.errors import HarnessError
from lockstep.tcp.messages import prepare
from lockstep.tcp.samples import Outcome, Phase
from lockstep_wire.framing import framing_of
from tests.support.clients import PATIENCE_S, reset
from tests.support.peers import (
    BLOCKING,
    COOPERATIVE,
    Book,
    Peer,
    Script,
    echoes,
    in_turn,
    read,
    stays_silent,
    until_closed,
)

SHORT_S = 0.2


def drips(link: socket.socket) -> None:
    """A byte now and then, each well within the bound of a wait, for ever."""
    read(link, 4)
    try:
        while True:
            link.sendall(b".")
            time.sleep(SHORT_S / 10)
    except OSError:
        pass


def test_a_peer_that_says_a_byte_now_and_then_does_not_hold_a_request_beyond_its_deadline(book: Book) -> None:
    with Peer(drips) as peer:
        client = book.client(peer.port, framing="line", timeout_s=SHORT_S)
        client.connect()
        assert client.request(b"pin").outcome is Outcome.TIMEOUT
        assert not client.connected


def test_the_bound_can_be_changed_on_an_open_connection(book: Book) -> None:
    with Peer(stays_silent) as peer:
        client = book.client(peer.port)
        client.connect()
        client.timeout_s = 0.01
        assert client.timeout_s == 0.01
        assert client.request(b"ping", b"ping").outcome is Outcome.TIMEOUT


def test_without_a_bound_a_reply_is_waited_for(book: Book) -> None:
    def later(link: socket.socket) -> None:
        read(link, 4)
        time.sleep(0.05)
        link.sendall(b"ping")
        until_closed(link)

    with Peer(later) as peer:
        client = book.client(peer.port, timeout_s=0.01)
        client.connect()
        client.timeout_s = None
        assert client.request(b"ping", b"ping")
        assert client.close() is Outcome.ANSWERED


def test_closing_has_a_bound_of_its_own(book: Book) -> None:
    done = socket.socketpair()

    def deaf(link: socket.socket) -> None:
        until_closed(link)
        done[1].recv(1)

    with Peer(deaf) as peer:
        client = book.client(peer.port, timeout_s=1.0, close_timeout_s=0.05)
        client.connect()
        assert client.close() is Outcome.TIMEOUT
        done[0].send(b"!")
    assert book.of(Phase.CLOSE)[0].detail == "the peer did not close within 0.05 s"
    for end in done:
        end.close()


def test_large_messages_in_flight_do_not_wait_for_each_other_for_ever(book: Book) -> None:
    payloads = [bytes([65 + number]) * 500_000 for number in range(30)]
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="length")
        client.connect()
        for payload in payloads:
            assert client.send(payload) is Outcome.ANSWERED
        assert all(client.receive(payload) for payload in payloads)
        assert client.close() is Outcome.ANSWERED


def answers_when_told(told: socket.socket) -> Script:
    """Answer one message once a byte has come here, and hear no other."""

    def script(link: socket.socket) -> None:
        read(link, 4)
        told.recv(1)
        link.sendall(b"ping")
        assert until_closed(link) == b""

    return script


def asks(client: Any) -> Any:
    return client.request(b"ping", b"ping")


def exchanges(client: Any) -> Any:
    return client.exchange(prepare(framing_of("raw"), b"ping", b"ping", timing=False))


@pytest.mark.parametrize("first", [asks, exchanges])
@pytest.mark.parametrize(
    "second", [asks, exchanges, lambda c: c.send(b"x"), lambda c: c.close(), lambda c: c.connect()]
)
def test_a_second_greenlet_on_one_client_is_refused_and_the_first_goes_on(first: Any, second: Any) -> None:
    book = Book(COOPERATIVE)
    told = socket.socketpair()
    with Peer(answers_when_told(told[1])) as peer:
        client = book.client(peer.port)
        client.connect()
        one = gevent.spawn(first, client)
        gevent.sleep(0)
        with pytest.raises(HarnessError, match="a client of its own"):
            second(client)
        told[0].send(b"!")
        assert getattr(one.get(timeout=PATIENCE_S), "outcome", Outcome.ANSWERED) is Outcome.ANSWERED
        client.close()
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.ANSWERED]
    for end in told:
        end.close()


def test_a_second_thread_on_one_client_is_refused_and_the_first_goes_on() -> None:
    book = Book(BLOCKING)
    told = socket.socketpair()
    with Peer(answers_when_told(told[1])) as peer:
        client = book.client(peer.port)
        client.connect()
        one = threading.Thread(target=asks, args=(client,))
        one.start()
        while not client._link.waiting:  # type: ignore[union-attr]
            time.sleep(0.001)
        with pytest.raises(HarnessError, match="a client of its own"):
            client.request(b"ping")
        told[0].send(b"!")
        one.join(PATIENCE_S)
        client.close()
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.ANSWERED]
    for end in told:
        end.close()


def test_a_message_that_gets_no_reply_is_counted_when_it_is_written_and_takes_none(book: Book) -> None:
    with Peer(in_turn((7, b""), (4, b"ping"))) as peer:
        client = book.client(peer.port)
        client.connect()
        assert client.send(b"publish", reply=False) is Outcome.ANSWERED
        assert client.request(b"ping", b"ping")
        assert client.close() is Outcome.ANSWERED
    assert [sample.outcome for sample in book.of(Phase.SEND)] == [Outcome.ANSWERED]
    assert len(book.of(Phase.MESSAGE)) == 1


def test_messages_whose_reply_nobody_takes_time_out_and_name_the_remedy(book: Book) -> None:
    with Peer(until_closed_quietly, until_closed_quietly) as peer:
        client = book.client(peer.port, timeout_s=0.05)
        client.connect()
        client.send(b"publish")
        time.sleep(0.06)
        assert client.send(b"publish") is Outcome.ANSWERED
        client.close()
    overdue, closed = book.of(Phase.MESSAGE)
    assert (overdue.outcome, closed.outcome) == (Outcome.TIMEOUT, Outcome.ABORTED)
    assert "reply=False" in overdue.detail
    assert "reply=False" in closed.detail


def until_closed_quietly(link: socket.socket) -> None:
    until_closed(link)


@pytest.mark.parametrize("talk", [asks, exchanges, lambda c: c.send(b"ping", reply=False)])
def test_after_abort_every_message_is_booked_as_aborted_until_the_next_connect(book: Book, talk: Any) -> None:
    with Peer(until_closed_quietly, echoes) as peer:
        client = book.client(peer.port)
        client.connect()
        client.abort()
        assert not client.connected
        talk(client)
        talk(client)
        aborted = [sample for sample in book.samples if sample.phase in (Phase.MESSAGE, Phase.SEND)]
        assert [sample.outcome for sample in aborted] == [Outcome.ABORTED] * 2
        assert "connect()" in aborted[-1].detail
        assert not any(sample.stopped for sample in aborted)
        client.connect()
        assert client.request(b"ping", b"ping")
        client.close()


def answers_the_first_and_resets(link: socket.socket) -> None:
    read(link, 4)
    reset(link)


def test_what_waits_for_a_reply_is_lost_with_a_send_that_gets_none(book: Book) -> None:
    with Peer(answers_the_first_and_resets) as peer:
        client = book.client(peer.port)
        client.connect()
        client.send(b"ping")
        # The reset is on its way: one of the next sends meets it.
        deadline = time.monotonic() + PATIENCE_S
        while client.send(b"publish", reply=False) is Outcome.ANSWERED:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert not client.connected
        assert client.receive().outcome is Outcome.RESET
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.RESET]
    assert book.of(Phase.SEND)[-1].outcome is Outcome.RESET


def test_each_receive_after_an_abort_is_told_of_its_message(book: Book) -> None:
    with Peer(until_closed_quietly) as peer:
        client = book.client(peer.port)
        client.connect()
        client.send(b"one")
        client.abort()
        client.send(b"two")
        assert [client.receive().outcome for _ in range(2)] == [Outcome.ABORTED] * 2
        # And then of itself.
        assert client.receive().outcome is Outcome.ABORTED


def test_after_a_close_nobody_is_told_of_what_was_lost_by_it(book: Book) -> None:
    with Peer(until_closed_quietly, echoes) as peer:
        client = book.client(peer.port)
        client.connect()
        client.send(b"one")
        assert client.close() is Outcome.ABORTED
        client.send(b"two")
        assert client.receive(b"two").payload == b"two"
        client.close()


def test_an_error_in_the_users_own_end_of_a_reply_is_theirs_and_counted(book: Book) -> None:
    def end(held: bytes) -> int:
        return len(held) // 0

    with Peer(echoes) as peer:
        client = book.client(peer.port)
        client.connect()
        with pytest.raises(ZeroDivisionError):
            client.request(b"ping", end=end)
    (message,) = book.of(Phase.MESSAGE)
    assert (message.outcome, message.stopped) == (Outcome.ABORTED, False)
    assert "ZeroDivisionError" in message.detail


def test_a_listener_that_raises_leaves_no_old_reply_behind(book: Book) -> None:
    class RescheduleError(Exception):
        pass

    def raises(sample: object) -> None:
        raise RescheduleError

    with Peer(until_closed_quietly, echoes) as peer:
        client = book.client(peer.port, timeout_s=0.05)
        client.connect()
        client.send(b"one")
        client.send(b"two")
        told, book.meter.failure = book.meter.failure, raises
        with pytest.raises(RescheduleError):
            client.receive(b"one")
        assert not client.connected
        book.meter.failure = told
        client.timeout_s = PATIENCE_S
        client.connect()
        assert client.request(b"new!", b"new!")
        client.close()


def test_a_bound_of_the_users_own_is_a_failure_and_no_stop() -> None:
    book = Book(COOPERATIVE)
    with Peer(stays_silent) as peer:
        client = book.client(peer.port)
        client.connect()
        with gevent.Timeout(0.05, False):
            client.request(b"ping", b"ping")
        assert not client.connected
    (message,) = book.of(Phase.MESSAGE)
    assert (message.outcome, message.stopped) == (Outcome.ABORTED, False)
    assert "Timeout" in message.detail


@pytest.mark.parametrize("bound", [0, -1, float("nan"), float("inf"), "1", True])
def test_a_bound_that_is_no_time_is_refused(book: Book, bound: Any) -> None:
    with pytest.raises(HarnessError, match="positive number of seconds"):
        book.client(1).timeout_s = bound
