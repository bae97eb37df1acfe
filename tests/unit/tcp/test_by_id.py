"""Several greenlets on one connection: replies told by their id, or turns where there is none."""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import pytest
from gevent.event import Event
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.errors import HarnessError
from lockstep.tcp.by_id import IdClient, by_id
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.gevent_link import CooperativeLink
from lockstep.tcp.samples import Outcome, Phase
from lockstep.tcp.state import Line
from tests.support.clients import PATIENCE_S
from tests.support.peers import COOPERATIVE, Book, Peer, Script, refusing_port, until_closed

ID = by_id(lambda payload: None if payload.startswith(b"push") else payload[:4])


def id_client(book: Book, port: int, **settings: object) -> IdClient:
    client = IdClient(
        Endpoint("127.0.0.1", port),
        book.meter,
        **{"framing": "length", "timeout_s": PATIENCE_S, "link": CooperativeLink, **settings},  # type: ignore[arg-type]
    )
    client.match_by(ID, Event)
    return client


@pytest.fixture
def book() -> Book:
    return Book(COOPERATIVE)


def frame(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


def frames(link: socket.socket) -> Iterator[bytes]:
    stream = link.makefile("rb")
    while head := stream.read(4):
        yield stream.read(*struct.unpack(">I", head))


def answers_in_any_order(seed: int, at_once: int) -> Script:
    """Collects so many messages, or as many as there are for a moment, and answers them shuffled."""

    def script(link: socket.socket) -> None:
        rng = random.Random(seed)
        held: list[bytes] = []
        link.settimeout(0.01)
        buffer = b""
        while True:
            try:
                data = link.recv(65536)
                if not data:
                    return
                buffer += data
            except TimeoutError:
                data = b""
            while len(buffer) >= 4 and len(buffer) >= 4 + int.from_bytes(buffer[:4], "big"):
                size = 4 + int.from_bytes(buffer[:4], "big")
                held.append(buffer[4:size])
                buffer = buffer[size:]
            if len(held) >= at_once or (held and not data):
                rng.shuffle(held)
                if rng.random() < 0.3:
                    held.insert(0, b"push")
                for payload in held:
                    link.sendall(frame(payload if payload == b"push" else payload + b"!"))
                held.clear()

    return script


@contextmanager
def bounded() -> Iterator[None]:
    with gevent.Timeout(PATIENCE_S):
        yield


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000), at_once=st.integers(1, 5), greenlets=st.integers(1, 6), each=st.integers(1, 8)
)
def test_no_reply_answers_anothers_question_in_whatever_order_they_come(
    seed: int, at_once: int, greenlets: int, each: int
) -> None:
    book = Book(COOPERATIVE)
    with Peer(answers_in_any_order(seed, at_once)) as peer, bounded():
        client = id_client(book, peer.port)

        def talk(number: int) -> None:
            for turn in range(each):
                payload = b"%02d%02d" % (number, turn) + b"x" * (number * 1000)
                reply = client.request(payload, name=f"greenlet {number}")
                assert reply.payload == payload + b"!"

        gevent.joinall([gevent.spawn(talk, number) for number in range(greenlets)], raise_error=True)
        assert client.close() is Outcome.ANSWERED
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.ANSWERED] * greenlets * each
    assert len(book.of(Phase.CONNECT)) == 1


def slow_and_fast(link: socket.socket) -> None:
    """Answers `slow` only once it has answered five others."""
    slow, others = b"", 0
    for payload in frames(link):
        if payload.startswith(b"slow"):
            slow = payload
            continue
        others += 1
        link.sendall(frame(payload))
        if others == 5:
            link.sendall(frame(slow))


def test_a_heartbeat_beside_work_waits_for_nobody(book: Book) -> None:
    with Peer(slow_and_fast) as peer, bounded():
        client = id_client(book, peer.port)
        work = gevent.spawn(client.request, b"slow", b"slow", name="work")
        for beat in range(5):
            payload = b"%04d" % beat
            assert client.request(payload, payload, name="beat")
        assert work.get()
        client.close()
    assert [sample.name for sample in book.of(Phase.MESSAGE)] == ["beat"] * 5 + ["work"]


def test_pushes_reach_their_listener_whoever_reads(book: Book) -> None:
    def script(link: socket.socket) -> None:
        for number, payload in enumerate(frames(link)):
            link.sendall(frame(b"push%d" % number) + frame(payload))

    with Peer(script) as peer, bounded():
        client = id_client(book, peer.port)
        pushes: list[bytes] = []

        def listen() -> None:
            for push in client.messages(timeout=PATIENCE_S):
                pushes.append(push)
                if len(pushes) == 3:
                    return

        listener = gevent.spawn(listen)
        for number in range(3):
            payload = b"%04d" % number
            assert client.request(payload, payload)
        listener.join()
        assert pushes == [b"push0", b"push1", b"push2"]
        assert list(client.messages(timeout=0.05)) == []
        assert client.close() is Outcome.ANSWERED
    assert len(book.of(Phase.RECEIVE)) == 3


def after_three(last: Callable[[socket.socket], object]) -> Script:
    """Takes three messages, and then does this."""

    def script(link: socket.socket) -> None:
        asked = frames(link)
        for _ in range(3):
            next(asked)
        last(link)

    return script


def resets(link: socket.socket) -> None:
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def says(data: bytes) -> Callable[[socket.socket], object]:
    def last(link: socket.socket) -> None:
        link.sendall(data)
        until_closed(link)

    return last


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (after_three(resets), Outcome.RESET),
        (after_three(says(frame(b"9999"))), Outcome.MISMATCH),
        (after_three(says(b"\xff" * 8)), Outcome.MISMATCH),
    ],
    ids=["reset", "an id of nobody's", "too long"],
)
def test_what_ends_the_connection_ends_all_that_wait_each_once(
    book: Book, script: Script, outcome: Outcome
) -> None:
    def tolerant(link: socket.socket) -> None:
        try:
            script(link)
        except ConnectionError:
            return

    with Peer(tolerant) as peer, bounded():
        client = id_client(book, peer.port)
        waiting = [gevent.spawn(client.request, b"%04d" % number) for number in range(3)]
        replies = [each.get() for each in waiting]
        assert not any(replies)
        assert outcome in {reply.outcome for reply in replies}
    assert len(book.of(Phase.MESSAGE)) == 3


def test_a_reply_that_is_late_ends_the_wait_of_all(book: Book) -> None:
    with Peer(until_closed) as peer, bounded():  # type: ignore[arg-type]
        client = id_client(book, peer.port, timeout_s=0.4)
        waiting = [gevent.spawn(client.request, b"%04d" % number) for number in range(3)]
        outcomes = [each.get().outcome for each in waiting]
        assert outcomes.count(Outcome.TIMEOUT) == 1
        assert outcomes.count(Outcome.ABORTED) == 2


@pytest.mark.parametrize("how", ["abort", "close", "kill"])
def test_who_ends_it_ends_all_that_wait_and_none_hangs(book: Book, how: str) -> None:
    def silent(link: socket.socket) -> None:
        try:
            until_closed(link)
        except ConnectionError:
            return

    with Peer(silent) as peer, bounded():
        client = id_client(book, peer.port)
        waiting = [gevent.spawn(client.request, b"%04d" % number) for number in range(3)]
        gevent.sleep(0.05)
        if how == "kill":
            waiting[0].kill()
        else:
            getattr(client, how)()
        gevent.joinall(waiting)
        assert not client.connected
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.ABORTED] * 3


def test_one_opens_the_connection_and_greets_and_the_others_wait_for_that(book: Book) -> None:
    def script(link: socket.socket) -> None:
        for payload in frames(link):
            link.sendall(frame(payload))

    with Peer(script) as peer, bounded():
        client = id_client(book, peer.port)

        def greet() -> None:
            assert client.request(b"auth", b"auth", name="login")
            gevent.sleep(0.05)

        client.on_connect = greet
        gevent.joinall(
            [gevent.spawn(client.request, b"%04d" % number, name="work") for number in range(4)],
            raise_error=True,
        )
        client.close()
    assert [sample.name for sample in book.of(Phase.MESSAGE)] == ["login"] + ["work"] * 4
    assert len(book.of(Phase.CONNECT)) == 1


def test_a_refused_connection_fails_each_message_once(book: Book) -> None:
    with refusing_port() as port, bounded():
        client = id_client(book, port, sleep=gevent.sleep)
        waiting = [gevent.spawn(client.request, b"%04d" % number) for number in range(3)]
        assert [each.get().outcome for each in waiting] == [Outcome.REFUSED] * 3
    assert len(book.of(Phase.MESSAGE)) == 3


@pytest.mark.parametrize(
    ("misuse", "words"),
    [
        (lambda client: client.request(b"push"), "finds no id"),
        (lambda client: client.request(b"0001", replies=2), "no replies="),
        (lambda client: client.request(b"0001", timeout=1), "no timeout="),
        (lambda client: client.request(b"0001", catch=True), "no catch="),
        (lambda client: client.send(b"0001"), "no send"),
        (lambda client: client.pipeline([b"0001"]), "no pipeline"),
    ],
)
def test_what_has_no_id_or_no_order_is_refused(
    book: Book, misuse: Callable[[IdClient], object], words: str
) -> None:
    with pytest.raises(HarnessError, match=words):
        misuse(id_client(book, 1))


def test_two_messages_with_one_id_are_refused(book: Book) -> None:
    with Peer(until_closed) as peer, bounded():  # type: ignore[arg-type]
        client = id_client(book, peer.port)
        first = gevent.spawn(client.request, b"0001")
        gevent.sleep(0.05)
        with pytest.raises(HarnessError, match="has no reply yet"):
            client.request(b"0001")
        client.close()
        first.join()


def test_a_send_beside_a_wait_does_not_mix_its_bytes_with_others(book: Book) -> None:
    """Large frames from several greenlets, while a peer reads slowly: each arrives whole."""
    got: list[bytes] = []

    def script(link: socket.socket) -> None:
        for payload in frames(link):
            time.sleep(0.01)
            got.append(payload)
            if len(got) == 6:
                link.sendall(frame(b"push"))
                return

    with Peer(script) as peer, bounded():
        client = id_client(book, peer.port)
        client.connect()
        listener = gevent.spawn(lambda: next(client.messages(timeout=PATIENCE_S), None))
        gevent.sleep(0.01)
        payloads = [bytes([number]) * 300_000 for number in range(6)]
        gevent.joinall(
            [gevent.spawn(client.send, payload, reply=False) for payload in payloads], raise_error=True
        )
        assert listener.get() == b"push"
        client.abort()
    assert sorted(got) == payloads
    assert len(book.of(Phase.SEND)) == 6


def test_a_line_is_first_come_first_served_and_who_gives_up_is_left_out() -> None:
    line, served = Line(Event), list[int]()

    def wait(number: int, timeout_s: float) -> None:
        try:
            line.wait(timeout_s)
            served.append(number)
        except HarnessError:
            served.append(-number)
        finally:
            line.next_one()

    with bounded():
        waiting = [gevent.spawn(wait, number, 0.01 if number == 2 else PATIENCE_S) for number in (1, 2, 3)]
        gevent.sleep(0)
        assert line
        waiting[1].join()
        line.next_one()
        gevent.joinall(waiting)
    assert served == [1, 3] or served == [-2, 1, 3]
    assert not line


def test_a_reply_whose_id_nobody_waits_for_is_called_that(book: Book) -> None:
    def answers_another(link: socket.socket) -> None:
        for _ in frames(link):
            link.sendall(frame(b"0002!"))

    with Peer(answers_another) as peer, bounded():
        client = id_client(book, peer.port)
        assert client.request(b"0001").outcome is Outcome.MISMATCH
    (failed,) = book.of(Phase.MESSAGE)
    assert failed.detail == (
        "a reply whose id, as by_id() finds it, is that of no message that waits: b'0002!'"
    )


def test_replies_in_which_no_id_is_found_are_told_where_one_is_missed(book: Book) -> None:
    def answers_without(link: socket.socket) -> None:
        for _ in frames(link):
            link.sendall(frame(b"push 0001"))

    with Peer(answers_without) as peer, bounded():
        client = id_client(book, peer.port, timeout_s=0.05)
        assert client.request(b"0001").outcome is Outcome.TIMEOUT
    (failed,) = book.of(Phase.MESSAGE)
    assert failed.detail == "nothing with its id within 0.05 s; by_id() found none in 1 that came"


def test_a_by_id_that_raises_fails_its_message_with_what_it_raised(book: Book) -> None:
    def echoes_frames(link: socket.socket) -> None:
        for payload in frames(link):
            link.sendall(frame(payload))

    with Peer(echoes_frames) as peer, bounded():
        client = id_client(book, peer.port)
        client._match = by_id(lambda payload: payload[9], lambda payload: payload)
        with pytest.raises(IndexError):
            client.request(b"0001")
    (failed,) = book.of(Phase.MESSAGE)
    assert (failed.outcome, failed.detail) == (Outcome.ABORTED, "IndexError: index out of range")
