"""Many messages at a time, or in one direction only: each has one outcome, and its own time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from lockstep.tcp.many import message_ring
from lockstep.tcp.messages import Message, prepare
from lockstep.tcp.samples import Outcome, Phase
from lockstep_wire.framing import framing_of
from lockstep_wire.push import push_payload
from tests.support.peers import Book, Peer, echoes, read, refusing_port, stays_silent, until_closed

ANSWERED = Outcome.ANSWERED
LENGTH = framing_of("length")


def ring(size: int = 8) -> Iterator[Message]:
    """Echoed messages, all different."""
    return chain.from_iterable(repeat(message_ring(LENGTH, size, None, echo=True, timing=False)))


def times(count: int) -> Callable[[], bool]:
    """Yes so many times, then no."""
    left = iter([True] * count)
    return lambda: next(left, False)


def outcomes(book: Book) -> list[Outcome]:
    return [sample.outcome for sample in book.of(Phase.MESSAGE)]


def test_as_many_as_the_depth_are_in_flight_and_all_are_answered() -> None:
    held: list[int] = []

    def answers_when_all_are_there(link: socket.socket) -> None:
        for _ in range(3):
            frames = read(link, 4 * 12)
            held.append(len(frames))
            link.sendall(frames)
        until_closed(link)

    book = Book()
    with Peer(answers_when_all_are_there) as peer:
        client = book.client(peer.port, framing="length")
        assert client.keep_in_flight(ring(), 4, times(3)) is ANSWERED
        assert client.close() is ANSWERED
    assert held == [48, 48, 48]
    assert outcomes(book) == [ANSWERED] * 12
    assert len(book.of(Phase.FIRST_REPLY)) == 1


def test_what_is_larger_than_all_buffers_does_not_stop_a_pipeline() -> None:
    book = Book()
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="length", max_frame=1 << 20)
        assert client.keep_in_flight(ring(500_000), 40, times(2)) is ANSWERED
        client.close()
    assert outcomes(book) == [ANSWERED] * len(outcomes(book))
    assert len(outcomes(book)) >= 40


def test_replies_that_are_cut_anywhere_are_each_booked_once() -> None:
    def echoes_byte_by_byte(link: socket.socket) -> None:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in read(link, 3 * 12):
            link.sendall(bytes([byte]))
        until_closed(link)

    book = Book()
    with Peer(echoes_byte_by_byte) as peer:
        client = book.client(peer.port, framing="length")
        assert client.keep_in_flight(ring(), 3, times(1)) is ANSWERED
        client.close()
    assert outcomes(book) == [ANSWERED] * 3
    assert sum(sample.received_bytes for sample in book.of(Phase.MESSAGE)) == 36


def test_a_wrong_reply_fails_and_the_others_in_flight_are_lost_with_it() -> None:
    def swaps_the_first_two(link: socket.socket) -> None:
        frames = read(link, 3 * 12)
        link.sendall(frames[12:24] + frames[:12] + frames[24:])
        until_closed(link)

    book = Book()
    with Peer(swaps_the_first_two) as peer:
        client = book.client(peer.port, framing="length")
        assert client.keep_in_flight(ring(), 3, times(1)) is Outcome.MISMATCH
        assert not client.connected
    assert outcomes(book) == [Outcome.MISMATCH, Outcome.ABORTED, Outcome.ABORTED]


def test_one_reply_too_many_is_a_mismatch_of_the_last() -> None:
    def answers_once_more(link: socket.socket) -> None:
        frames = read(link, 2 * 12)
        link.sendall(frames + frames[:12])
        until_closed(link)

    book = Book()
    with Peer(answers_once_more) as peer:
        client = book.client(peer.port, framing="length")
        assert client.keep_in_flight(ring(), 2, times(1)) is Outcome.MISMATCH
    assert outcomes(book) == [ANSWERED, Outcome.MISMATCH]


def test_a_peer_that_leaves_in_mid_reply_cuts_all_short() -> None:
    def leaves(link: socket.socket) -> None:
        link.sendall(read(link, 2 * 12)[:15])

    book = Book()
    with Peer(leaves) as peer:
        client = book.client(peer.port, framing="length")
        assert client.keep_in_flight(ring(), 2, times(1)) is Outcome.SHORT
    assert outcomes(book) == [ANSWERED, Outcome.SHORT]


def test_a_silent_peer_is_a_timeout_of_the_oldest() -> None:
    book = Book()
    with Peer(stays_silent) as peer:
        client = book.client(peer.port, framing="length", timeout_s=0.05)
        assert client.keep_in_flight(ring(), 2, times(1)) is Outcome.TIMEOUT
    assert outcomes(book) == [Outcome.TIMEOUT, Outcome.ABORTED]


def test_a_pipeline_that_may_send_nothing_sends_nothing() -> None:
    book = Book()
    with Peer(stays_silent) as peer:
        client = book.client(peer.port, framing="length")
        assert client.keep_in_flight(ring(), 2, times(0)) is ANSWERED
        assert client.close() is ANSWERED
    assert outcomes(book) == []


@pytest.mark.parametrize("way", ["keep_in_flight", "post"])
def test_what_finds_no_connection_is_refused_and_counted(way: str) -> None:
    book = Book()
    with refusing_port() as port:
        client = book.client(port, framing="length")
        outcome = client.post(next(ring())) if way == "post" else client.keep_in_flight(ring(), 2, times(1))
    assert outcome is Outcome.REFUSED
    assert outcomes(book) == [Outcome.REFUSED]


def test_a_message_without_a_reply_is_over_when_the_system_has_taken_it() -> None:
    book = Book()
    with Peer(stays_silent) as peer:
        client = book.client(peer.port, framing="length")
        assert [client.post(message) for message, _ in zip(ring(), range(3), strict=False)] == [ANSWERED] * 3
        assert client.close() is ANSWERED
    assert outcomes(book) == [ANSWERED] * 3
    assert [sample.sent_bytes for sample in book.of(Phase.MESSAGE)] == [12] * 3


def test_a_peer_that_reads_late_makes_its_sender_wait() -> None:
    reads = threading.Event()

    def reads_late(link: socket.socket) -> None:
        reads.wait(10)
        until_closed(link)

    book = Book()
    big = prepare(LENGTH, bytes(16 << 20), None, timing=False)
    with Peer(reads_late) as peer:
        client = book.client(peer.port, framing="length")
        assert client.connect() is ANSWERED
        timer = threading.Timer(0.1, reads.set)
        timer.start()
        assert client.post(big) is ANSWERED
        client.close()
    (sent,) = book.of(Phase.MESSAGE)
    assert sent.elapsed_ns > 50_000_000


def test_a_peer_that_never_reads_is_a_timeout() -> None:
    done = threading.Event()
    book = Book()
    with Peer(lambda _: done.wait(10)) as peer:  # type: ignore[arg-type]
        client = book.client(peer.port, framing="length", timeout_s=0.05)
        assert client.post(prepare(LENGTH, bytes(16 << 20), None, timing=False)) is Outcome.TIMEOUT
        done.set()
    assert [sample.detail for sample in book.of(Phase.MESSAGE)] == ["the peer did not take it within 0.05 s"]


def pushing(*texts: bytes, apart_s: float = 0.0) -> Callable[[socket.socket], None]:
    def pushes(link: socket.socket) -> None:
        for text in texts:
            link.sendall(LENGTH.encode(text))
            time.sleep(apart_s)
        until_closed(link)

    return pushes


def test_what_is_pushed_is_a_message_and_its_time_the_gap_before_it() -> None:
    book = Book()
    with Peer(pushing(b"one", b"two", apart_s=0.05)) as peer:
        client = book.client(peer.port, framing="length")
        assert client.connect() is ANSWERED
        while len(book.of(Phase.MESSAGE)) < 2:
            assert client.take_pushes() is ANSWERED
        assert client.hang_up() is ANSWERED
    first, second = book.of(Phase.MESSAGE)
    assert second.start_ns == first.end_ns
    assert second.elapsed_ns > 30_000_000
    assert (first.sent_bytes, first.received_bytes) == (0, 7)
    assert book.of(Phase.FAN_OUT) == []


def test_pushes_that_say_when_they_were_due_tell_how_long_they_were_on_their_way() -> None:
    due_ns = time.monotonic_ns() - 5_000_000
    book = Book()
    with Peer(pushing(push_payload(1, due_ns))) as peer:
        client = book.client(peer.port, framing="length")
        client.connect()
        assert client.take_pushes() is ANSWERED
        client.hang_up()
    (fan_out,) = book.of(Phase.FAN_OUT)
    assert fan_out.start_ns == due_ns
    assert fan_out.end_ns == book.of(Phase.MESSAGE)[0].end_ns


def test_what_comes_while_hanging_up_is_booked_too() -> None:
    def says_goodbye(link: socket.socket) -> None:
        until_closed(link)
        link.sendall(LENGTH.encode(b"goodbye"))

    book = Book()
    with Peer(says_goodbye) as peer:
        client = book.client(peer.port, framing="length")
        client.connect()
        assert client.hang_up() is ANSWERED
    assert outcomes(book) == [ANSWERED]
    assert [sample.outcome for sample in book.of(Phase.CLOSE)] == [ANSWERED]


def test_a_peer_that_pushes_no_more_and_leaves_is_short() -> None:
    book = Book()
    with Peer(lambda _: None) as peer:
        client = book.client(peer.port, framing="length")
        client.connect()
        assert client.take_pushes() is Outcome.SHORT
        assert not client.connected
    assert outcomes(book) == [Outcome.SHORT]


def test_who_is_ended_while_it_waits_for_a_push_has_lost_no_message() -> None:
    book = Book()
    with Peer(stays_silent) as peer:
        client = book.client(peer.port, framing="length")
        client.connect()
        threading.Timer(0.05, lambda: client.abort(stopped=True)).start()
        assert client.take_pushes() is Outcome.ABORTED
    assert outcomes(book) == []
