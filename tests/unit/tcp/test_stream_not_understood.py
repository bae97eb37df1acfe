"""Nothing old answers anything new: a stream that is not understood is given up, and its bytes are shown."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from threading import Event

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp.client import TcpClient
from lockstep.tcp.messages import prepare
from lockstep.tcp.replies import sized, until
from lockstep.tcp.samples import Outcome, Phase
from lockstep.tcp.stream import OFTEN, PAUSE_NS, SELDOM
from lockstep_wire.framing import FRAMINGS, framing_of
from lockstep_wire.framings.own import framed_by
from tests.support.clients import PATIENCE_S
from tests.support.peers import Book, Peer, Script, answers, in_turn, read, until_closed

UNASKED = "bytes that nobody asked for"


def outcomes(book: Book) -> list[Outcome]:
    return [sample.outcome for sample in book.of(Phase.MESSAGE)]


def takes_all(link: socket.socket) -> None:
    until_closed(link)


def await_bytes(client: object) -> None:
    """Until something can be read that nobody waits for."""
    link: socket.socket = client._link._socket  # type: ignore[attr-defined]
    link.setblocking(True)
    link.recv(1, socket.MSG_PEEK)
    link.setblocking(False)


def test_two_lines_to_one_question_fail_it_and_the_next_one_begins_anew(book: Book) -> None:
    with Peer(in_turn((5, b"$5\r\nhello\r\n")), in_turn((5, b"one line\n"))) as peer:
        client = book.client(peer.port, framing="line")
        client.connect()
        assert client.request(b"ping").outcome is Outcome.MISMATCH
        assert not client.connected
        assert client.request(b"ping").payload == b"one line"
        client.close()
    assert book.of(Phase.MESSAGE)[0].detail == rf"{UNASKED}: b'hello\r'"


@pytest.mark.parametrize("way", ["request", "exchange"])
def test_a_second_answer_that_comes_later_answers_nothing(book: Book, way: str) -> None:
    message = prepare(framing_of("raw"), b"ping", b"pong", timing=False)

    def say(client: object) -> Outcome:
        if way == "exchange":
            return client.exchange(message)  # type: ignore[attr-defined, no-any-return]
        return client.request(b"ping", b"pong").outcome  # type: ignore[attr-defined, no-any-return]

    told = socket.socketpair()

    def answers_again_when_told(link: socket.socket) -> None:
        read(link, 4)
        link.sendall(b"pong")
        told[1].recv(1)
        link.sendall(b"pong")
        until_closed(link)

    with Peer(answers_again_when_told, in_turn((4, b"pong"))) as peer:
        client = book.client(peer.port)
        client.connect()
        assert say(client) is Outcome.ANSWERED
        told[0].send(b"!")
        await_bytes(client)
        assert say(client) is Outcome.MISMATCH
        assert not client.connected
        assert say(client) is Outcome.ANSWERED
        client.close()
    _, refused, _ = book.of(Phase.MESSAGE)
    assert refused.detail == f"{UNASKED}: b'pong'"
    assert (refused.sent_bytes, refused.received_bytes) == (0, 4)
    for end in told:
        end.close()


@pytest.mark.parametrize("reply", [b"-ERR of a wrong kind\r\n", b"$", b"+OK"])
def test_a_wrong_raw_reply_is_known_at_once_however_short_it_is(book: Book, reply: bytes) -> None:
    with Peer(answers(4, reply)) as peer:
        client = book.client(peer.port)
        client.connect()
        answer = client.request(b"ping", b"=3\r\nxxx\r\n")
    assert answer.outcome is Outcome.MISMATCH
    assert answer.payload == reply
    assert repr(reply) in book.of(Phase.MESSAGE)[0].detail


def test_a_reply_that_stops_half_way_is_a_timeout_that_shows_what_came(book: Book) -> None:
    with Peer(answers(4, b"pong, b")) as peer:
        client = book.client(peer.port, timeout_s=0.05)
        client.connect()
        answer = client.request(b"ping", b"pong, but longer")
    assert (answer.outcome, answer.payload) == (Outcome.TIMEOUT, b"pong, b")
    assert "b'pong, b'" in book.of(Phase.MESSAGE)[0].detail


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_reply_cut_short_shows_what_came_of_it(book: Book, framing: str) -> None:
    frame = framing_of(framing).encode(b"pong")
    half = frame[: len(frame) - 1]

    def script(link: socket.socket) -> None:
        read(link, len(frame))
        link.sendall(half)

    with Peer(script) as peer:
        client = book.client(peer.port, framing=framing)
        client.connect()
        answer = client.request(b"ping", b"pong")
    assert (answer.outcome, answer.payload) == (Outcome.SHORT, half)


def test_of_many_bytes_the_first_64_are_shown_and_how_many_there_were(book: Book) -> None:
    with Peer(answers(4, bytes(range(256)))) as peer:
        client = book.client(peer.port)
        client.connect()
        client.request(b"ping", b"?" * 256)
    detail = book.of(Phase.MESSAGE)[0].detail
    assert r"\x00\x01" in detail
    assert "(256 bytes)" in detail
    assert "A" not in detail  # the 66th


@pytest.mark.parametrize("framing", ["line", "length"])
def test_garbage_behind_a_right_reply_fails_the_message_whose_turn_it_was(book: Book, framing: str) -> None:
    wire = framing_of(framing)
    garbage = wire.encode(b"x" * 50)
    with Peer(answers(2 * len(wire.encode(b"ping")), wire.encode(b"ping") + garbage)) as peer:
        client = book.client(peer.port, framing=framing, max_frame=10)
        client.connect()
        client.send(b"ping")
        client.send(b"ping")
        assert client.receive(b"ping")
        wrong = client.receive(b"ping")
    assert wrong.outcome is Outcome.MISMATCH
    assert outcomes(book) == [Outcome.ANSWERED, Outcome.MISMATCH]
    assert "xxxx" in book.of(Phase.MESSAGE)[1].detail


def test_a_wrong_reply_loses_the_messages_behind_it_and_each_receive_says_so(book: Book) -> None:
    with Peer(answers(12, b"onexxxsix")) as peer:
        client = book.client(peer.port)
        client.connect()
        for _ in range(3):
            client.send(b"ping")
        assert client.receive(b"one")
        assert client.receive(b"two").outcome is Outcome.MISMATCH
        assert client.receive(b"six").outcome is Outcome.ABORTED
    assert outcomes(book) == [Outcome.ANSWERED, Outcome.MISMATCH, Outcome.ABORTED]


def with_a_stray(book: Book, peer: Peer, answered: int, seen: Event) -> TcpClient:
    """A client that got so many right replies, and one more that it has not looked at yet."""
    client = book.client(peer.port)
    for _ in range(answered):
        assert client.request(b"ping", b"pong")
    seen.set()
    await_bytes(client)
    return client


def stray_after(replies: int, seen: Event) -> Script:
    """Answers so many messages and, once the last answer was seen, that one again."""

    def script(link: socket.socket) -> None:
        for _ in range(replies):
            read(link, 4)
            link.sendall(b"pong")
        assert seen.wait(PATIENCE_S)
        link.sendall(b"pong")
        with suppress(ConnectionError):
            until_closed(link)

    return script


@pytest.mark.parametrize("answered", [1, OFTEN - 1, SELDOM, 2 * SELDOM])
def test_a_stray_that_looks_right_is_found_at_the_first_messages_and_at_one_of_many(
    book: Book, answered: int
) -> None:
    seen = Event()
    with Peer(stray_after(answered, seen)) as peer:
        client = with_a_stray(book, peer, answered, seen)
        client.free_ns = time.monotonic_ns()
        assert client.request(b"ping", b"pong").outcome is Outcome.MISMATCH
    assert book.of(Phase.MESSAGE)[-1].detail == "bytes that nobody asked for: b'pong'"


def test_a_stray_that_had_time_to_come_is_found_after_any_number_of_messages(book: Book) -> None:
    seen = Event()
    with Peer(stray_after(OFTEN + 3, seen)) as peer:
        client = with_a_stray(book, peer, OFTEN + 3, seen)
        client.free_ns = time.monotonic_ns() - PAUSE_NS - 1
        assert client.request(b"ping", b"pong").outcome is Outcome.MISMATCH


def test_the_greatest_payload_has_room_for_the_timing_header(book: Book) -> None:
    wire = framing_of("length")
    reply = wire.encode(wire.timing.pack(1, 2) + b"x" * 100)
    with Peer(answers(8, reply)) as peer:
        client = book.client(peer.port, framing="length", timing=True, max_frame=100)
        client.connect()
        assert client.request(b"ping", b"x" * 100)
        client.close()


def test_a_raw_reply_in_pieces_is_whole_by_its_size_or_by_its_mark(book: Book) -> None:
    with Peer(in_turn((4, b"12345"), (4, b"one\r\n"))) as peer:
        client = book.client(peer.port)
        client.connect()
        assert client.request(b"ping", end=sized(5)).payload == b"12345"
        assert client.request(b"ping", end=until(b"\r\n", 100)).payload == b"one\r\n"
        client.close()


@pytest.mark.parametrize(
    ("misuse", "remedy"),
    [
        (lambda client: client.request("ping"), "put b before the quotes"),
        (lambda client: client.request(b"ping", expect="pong"), "put b before the quotes"),
        (lambda client: client.request(b"ping", expect=5), "give bytes"),
        (lambda client: client.request(b"ping", b""), "reply=False"),
        (lambda client: client.send(None), "give bytes"),
        (lambda client: client.request(b"ping", end=b"x"), "give sized"),
        (lambda client: client.request(b"ping", end=sized(0)), "1 or more"),
        (lambda client: client.request(b"ping", end=until(b"")), "ends with"),
        (lambda client: (client.send(b"ping"), client.request(b"ping")), "receive\\(\\) for each"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    book: Book, misuse: object, remedy: str
) -> None:
    with Peer(takes_all) as peer:
        client = book.client(peer.port)
        client.connect()
        with pytest.raises(HarnessError, match=remedy):
            misuse(client)  # type: ignore[operator]
        client.close()
    assert Outcome.ANSWERED not in outcomes(book)


def test_where_frames_have_an_end_none_may_be_asked_for(book: Book) -> None:
    with pytest.raises(HarnessError, match="in line framing"):
        book.client(1, framing="line").request(b"ping", end=sized(5))


def test_a_newline_in_a_line_is_refused_before_anything_is_sent(book: Book) -> None:
    with pytest.raises(HarnessError, match="newline"):
        book.client(1, framing="line").request(b"GET\nx")


def test_an_end_beyond_the_bytes_that_are_there_is_no_answer(book: Book) -> None:
    with Peer(answers(4, b"pong")) as peer:
        client = book.client(peer.port)
        client.connect()
        with pytest.raises(HarnessError, match="`end` says 99 of 4 bytes"):
            client.request(b"ping", end=lambda held: 99)
        assert not client.connected
    assert outcomes(book) == [Outcome.ABORTED]


def test_what_is_no_frame_fails_its_message_with_the_peers_address_and_the_first_bytes(book: Book) -> None:
    with Peer(in_turn((5, b"\x0bACK\x1c\r")), in_turn((7, b"HTTP/1.1 400 Bad Request\r\n"))) as peer:
        client = book.client(peer.port, framing="mllp")
        assert client.request(b"MS").payload == b"ACK"
        client.abort()
        client.connect()
        assert client.request(b"MSH|").outcome is Outcome.MISMATCH
        assert not client.connected
        told = f"127.0.0.1:{peer.port} sent a frame that does not begin with b'\\x0b': b'HTTP/1.1 400"
    assert book.of(Phase.MESSAGE)[1].detail.startswith(told)


def test_a_client_takes_a_framing_of_ones_own(book: Book) -> None:
    def ends(held: bytes) -> int | None:
        return held[0] if held else None

    def cuts_the_second_short(link: socket.socket) -> None:
        read(link, 3)
        link.sendall(b"\x04one")
        read(link, 3)
        link.sendall(b"\x04t")

    with Peer(cuts_the_second_short) as peer:
        client = book.client(peer.port, framing=framed_by(ends))
        assert client.request(b"\x03in", expect=b"\x04one").outcome is Outcome.ANSWERED
        assert client.request(b"\x03in").outcome is Outcome.SHORT
        told = f"127.0.0.1:{peer.port} closed before the reply was whole: b'\\x04t'"
    assert book.of(Phase.MESSAGE)[1].detail == told


def test_a_function_that_says_nonsense_of_a_frame_ends_its_user(book: Book) -> None:
    with Peer(in_turn((3, b"\x04one"))) as peer:
        client = book.client(peer.port, framing=framed_by(lambda held: 0))
        with pytest.raises(HarnessError, match="it tells how many bytes the frame has"):
            client.request(b"\x03in")
