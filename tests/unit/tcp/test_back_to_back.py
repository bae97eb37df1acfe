"""One message after another, each sent as soon as the one before it is answered, wherever that is known."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, cycle, pairwise, repeat

import pytest

from lockstep.tcp.many import message_ring
from lockstep.tcp.messages import Message, prepare
from lockstep.tcp.samples import Outcome, Phase
from lockstep_wire.framing import framing_of
from tests.support.peers import Book, Peer, breaking, echoes, read, stays_silent, until_closed

ANSWERED = Outcome.ANSWERED
LENGTH = framing_of("length")
FRAME_BYTES = 12
ALIKE = prepare(LENGTH, b"x" * 8, b"x" * 8, timing=False)


def ring(size: int = 8) -> Iterator[Message]:
    """Echoed messages, of which neighbours differ."""
    return chain.from_iterable(repeat(message_ring(LENGTH, size, None, echo=True, timing=False)))


class Turns:
    """Says so many times that the cell goes on."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0


def outcomes(book: Book) -> list[Outcome]:
    return [sample.outcome for sample in book.of(Phase.MESSAGE)]


@pytest.mark.parametrize("alike", [True, False])
def test_each_message_is_answered_once_and_begins_after_the_one_before_it(book: Book, alike: bool) -> None:
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="length")
        messages = cycle([ALIKE]) if alike else ring()
        assert client.exchange_all(messages, Turns(300)) is ANSWERED
        assert client.close() is ANSWERED
    samples = book.of(Phase.MESSAGE)
    # Of the last turn, the message that may still follow, or may not, is asked for twice.
    assert 150 <= len(samples) <= 300
    assert {(each.outcome, each.sent_bytes, each.received_bytes) for each in samples} == {(ANSWERED, 12, 12)}
    assert all(one.end_ns <= other.start_ns for one, other in pairwise(samples))
    assert len(book.of(Phase.FIRST_REPLY)) == 1
    assert book.connections[0][1].messages == len(samples)


def test_a_reply_in_pieces_is_put_together_and_the_next_message_follows(book: Book) -> None:
    pieces = 20

    def answers_in_pieces(link: socket.socket) -> None:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(pieces):
            frame = read(link, FRAME_BYTES)
            link.sendall(frame[:5])
            link.sendall(frame[5:])
        echoes(link)

    with Peer(answers_in_pieces) as peer:
        client = book.client(peer.port, framing="length")
        assert client.exchange_all(ring(), Turns(100)) is ANSWERED
        client.close()
    assert len(outcomes(book)) > pieces
    assert set(outcomes(book)) == {ANSWERED}


def test_what_is_larger_than_all_buffers_is_sent_and_answered(book: Book) -> None:
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="length", max_frame=8 << 20)
        assert client.exchange_all(ring(4 << 20), Turns(9)) is ANSWERED
        client.close()
    assert set(outcomes(book)) == {ANSWERED}
    assert len(outcomes(book)) > 3


@pytest.mark.parametrize(
    ("last", "outcome"),
    [
        (b"\0\0\0\x08wrong it", Outcome.MISMATCH),
        (b"\0\0\0\x08half", Outcome.SHORT),
        (b"", Outcome.SHORT),
    ],
)
def test_the_message_that_is_not_answered_rightly_fails_and_is_the_last(
    book: Book, last: bytes, outcome: Outcome
) -> None:
    heard: list[bytes] = []

    def goes_wrong(link: socket.socket) -> None:
        for _ in range(20):
            link.sendall(read(link, FRAME_BYTES))
        read(link, FRAME_BYTES)
        link.sendall(last)
        link.shutdown(socket.SHUT_WR)
        heard.append(until_closed(link))

    with Peer(goes_wrong) as peer:
        client = book.client(peer.port, framing="length")
        assert client.exchange_all(ring(), Turns(1000)) is outcome
        assert not client.connected
    assert outcomes(book) == [ANSWERED] * 20 + [outcome]
    assert heard == [b""]


def test_a_second_answer_is_no_answer_to_the_next_message(book: Book) -> None:
    def answers_twice(link: socket.socket) -> None:
        for _ in range(20):
            link.sendall(read(link, FRAME_BYTES))
        link.sendall(read(link, FRAME_BYTES) * 2)
        until_closed(link)

    with Peer(answers_twice) as peer:
        client = book.client(peer.port, framing="length")
        assert client.exchange_all(ring(), Turns(1000)) is Outcome.MISMATCH
    assert outcomes(book)[:20] == [ANSWERED] * 20
    assert outcomes(book)[-1] is Outcome.MISMATCH


def test_a_peer_that_falls_silent_loses_the_message_that_waits_for_it(book: Book) -> None:
    def falls_silent(link: socket.socket) -> None:
        for _ in range(20):
            link.sendall(read(link, FRAME_BYTES))
        stays_silent(link)

    with Peer(falls_silent) as peer:
        client = book.client(peer.port, framing="length", timeout_s=0.2)
        assert client.exchange_all(ring(), Turns(1000)) is Outcome.TIMEOUT
    assert outcomes(book) == [ANSWERED] * 20 + [Outcome.TIMEOUT]


def test_who_is_stopped_loses_the_message_in_flight_and_no_other(book: Book) -> None:
    def prods(link: socket.socket) -> None:
        for _ in range(20):
            link.sendall(read(link, FRAME_BYTES))
        read(link, FRAME_BYTES)
        book.waiting.prod(client.abort)
        until_closed_or_reset(link)

    with Peer(prods) as peer:
        client = book.client(peer.port, framing="length")
        assert client.exchange_all(ring(), Turns(1000)) is Outcome.ABORTED
    assert outcomes(book) == [ANSWERED] * 20 + [Outcome.ABORTED]


def until_closed_or_reset(link: socket.socket) -> None:
    with suppress(ConnectionResetError):
        until_closed(link)


class Stopped(BaseException):
    """What a greenlet that is killed raises wherever it is."""


def test_who_is_killed_between_answer_and_answer_books_the_one_in_flight(book: Book) -> None:
    with Peer(echoes) as peer:
        link = breaking(book.waiting.link, "relay", Stopped())
        client = book.client(peer.port, link=link, framing="length")
        with pytest.raises(Stopped):
            client.exchange_all(ring(), Turns(1000))
        assert not client.connected
    assert outcomes(book)[-1] is Outcome.ABORTED
    assert set(outcomes(book)[:-1]) == {ANSWERED}


def test_what_the_meter_raises_reaches_whoever_waits(book: Book) -> None:
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="length")
        turns = iter([True] * 40)
        with pytest.raises(StopIteration):
            client.exchange_all(ring(), lambda: next(turns))
