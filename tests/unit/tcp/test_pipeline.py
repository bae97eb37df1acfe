"""Many messages at once, in whatever pieces they travel; replies of several frames; caught replies."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.errors import HarnessError
from lockstep.tcp.samples import UNCHECKED, Outcome, Phase
from tests.support.peers import (
    BLOCKING,
    COOPERATIVE,
    Book,
    Peer,
    Script,
    echoes,
    in_turn,
    read,
    refusing_port,
    until_closed,
)


def test_replies_come_in_the_order_of_their_messages_each_with_its_own_check(book: Book) -> None:
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="line")
        replies = client.pipeline(
            [b"one", (b"two", b"two"), (b"three", lambda it: it == b"three")], name="all"
        )
        assert [reply.payload for reply in replies] == [b"one", b"two", b"three"]
        assert client.request(b"four", b"four")
        client.close()
    assert [sample.name for sample in book.of(Phase.MESSAGE)] == ["all"] * 3 + [""]
    assert all(sample.outcome is Outcome.ANSWERED for sample in book.samples)


def test_a_hundred_messages_of_half_a_megabyte_each_way_do_not_block_one_another(book: Book) -> None:
    """The peer answers as it reads, and so stops reading where nobody takes its answers."""
    payloads = [bytes([number]) * 500_000 for number in range(100)]
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="length")
        replies = client.pipeline([(payload, payload) for payload in payloads])
        assert all(replies)
        assert client.close() is Outcome.ANSWERED
    sent = [sample.start_ns for sample in book.of(Phase.MESSAGE)]
    assert sent == sorted(sent)
    assert len(sent) == 100


def fails_at(number: int, reply: bytes) -> Script:
    """Echoes so many lines, then says this to all that follows, and takes the rest."""

    def script(link: socket.socket) -> None:
        for _ in range(number):
            link.sendall(read(link, 2))
        read(link, 2)
        with suppress(ConnectionError):
            link.sendall(reply)
            until_closed(link)

    return script


@pytest.mark.parametrize("number", [0, 2, 4])
def test_a_wrong_reply_loses_those_behind_it_and_each_message_has_one_outcome(
    book: Book, number: int
) -> None:
    with Peer(fails_at(number, b"wrong\n")) as peer:
        client = book.client(peer.port, framing="line")
        replies = client.pipeline([(b"x", b"x")] * 5)
    outcomes = [Outcome.ANSWERED] * number + [Outcome.MISMATCH] + [Outcome.ABORTED] * (4 - number)
    assert [reply.outcome for reply in replies] == outcomes
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == outcomes


def test_where_there_is_no_connection_all_of_them_fail(book: Book) -> None:
    with refusing_port() as port:
        replies = book.client(port, framing="line").pipeline([b"one", b"two"], name="both")
    assert [reply.outcome for reply in replies] == [Outcome.REFUSED] * 2
    assert [(sample.outcome, sample.name) for sample in book.of(Phase.MESSAGE)] == [
        (Outcome.REFUSED, "both")
    ] * 2


def test_a_function_of_the_users_own_that_raises_leaves_no_message_without_an_outcome(book: Book) -> None:
    def fails(_: bytes) -> bool:
        raise LookupError("mine")

    with Peer(fails_at(2, b"x\n")) as peer:
        client = book.client(peer.port, framing="line")
        with pytest.raises(LookupError):
            client.pipeline([b"x", (b"x", fails), b"x"])
        assert not client.connected
    assert len(book.of(Phase.MESSAGE)) == 3


def test_an_empty_pipeline_is_nothing_and_one_behind_unfetched_replies_is_misuse(book: Book) -> None:
    with Peer(in_turn((5, b"ping\n"))) as peer:
        client = book.client(peer.port, framing="line")
        assert client.pipeline([]) == []
        client.send(b"ping")
        with pytest.raises(HarnessError, match=r"receive\(\) for each"):
            client.pipeline([b"ping"])
        assert client.receive(b"ping")
        client.close()


@pytest.mark.parametrize("waiting", [BLOCKING, COOPERATIVE], ids=["thread", "greenlet"])
@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 200_000), min_size=1, max_size=8))
def test_whatever_the_sizes_each_reply_is_that_of_its_message(waiting: object, sizes: list[int]) -> None:
    book = Book(waiting)  # type: ignore[arg-type]
    payloads = [b"%d:" % number + b"x" * size for number, size in enumerate(sizes)]
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="length")
        assert [reply.payload for reply in client.pipeline(payloads)] == payloads
        assert client.close() is Outcome.ANSWERED
    assert [sample.sent_bytes for sample in book.of(Phase.MESSAGE)] == [len(each) + 4 for each in payloads]


def test_several_frames_may_be_one_reply(book: Book) -> None:
    with Peer(in_turn((6, b"VALUE k\nxxx\nEND\n"), (6, b"VALUE k\nyyy\nEND\n"))) as peer:
        client = book.client(peer.port, framing="line")
        reply = client.request(b"get k", replies=3)
        assert reply.payloads == (b"VALUE k", b"xxx", b"END")
        assert client.request(b"get k", b"VALUE kyyyEND", replies=3).payload == b"VALUE kyyyEND"
        client.close()
    assert len(book.of(Phase.MESSAGE)) == 2


@pytest.mark.parametrize("replies", [0, -1, 1.5, "2"])
def test_how_many_frames_are_the_reply_must_make_sense(book: Book, replies: Any) -> None:
    with pytest.raises(HarnessError, match="give how many frames"):
        book.client(1, framing="line").request(b"x", replies=replies)
    with pytest.raises(HarnessError, match="only a framing has frames"):
        book.client(1).request(b"x", replies=2)


def test_a_caught_reply_is_booked_as_its_user_says(book: Book) -> None:
    with Peer(in_turn(*[(5, b"pong\n")] * 3)) as peer:
        client = book.client(peer.port, framing="line")
        with client.request(b"ping", name="one", catch=True) as reply:
            assert reply.payload == b"pong"
            assert book.of(Phase.MESSAGE) == []
            reply.failure("pong is not enough")
        with client.request(b"ping", b"pong", catch=True) as reply:
            pass
        assert reply
        assert client.request(b"ping", b"pong")
        client.close()
    failed, *answered = book.of(Phase.MESSAGE)
    assert (failed.outcome, failed.detail, failed.name) == (Outcome.ERROR, "pong is not enough", "one")
    assert [sample.outcome for sample in answered] == [Outcome.ANSWERED] * 2


def test_a_caught_reply_that_was_wrong_may_be_called_a_success(book: Book) -> None:
    with Peer(in_turn((5, b"-ERR\n"))) as peer:
        client = book.client(peer.port, framing="line")
        with client.request(b"ping", b"pong", name="one", catch=True) as reply:
            assert reply.outcome is Outcome.MISMATCH
            reply.success()
    (sample,) = book.of(Phase.MESSAGE)
    assert (sample.outcome, sample.name, sample.received_bytes) == (Outcome.ANSWERED, "one", 5)


def test_no_reply_is_no_success(book: Book) -> None:
    with refusing_port() as port:
        client = book.client(port)
        with (
            pytest.raises(HarnessError, match="without a reply"),
            client.request(b"ping", catch=True) as reply,
        ):
            reply.success()
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.REFUSED]


def test_a_caught_reply_is_booked_whatever_becomes_of_it(book: Book) -> None:
    with Peer(in_turn(*[(5, b"pong\n")] * 3)) as peer:
        client = book.client(peer.port, framing="line")
        client.request(b"ping", catch=True)
        client.request(b"ping", catch=True)
        with pytest.raises(LookupError), client.request(b"ping", catch=True):
            raise LookupError
        client.close()
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.ANSWERED] * 3


def test_whoever_catches_a_reply_checks_it_and_no_other(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    unchecked: list[bool] = []
    monkeypatch.setattr(
        book.meter, "message", lambda row, _=None: unchecked.append(bool(row[-1] & UNCHECKED))
    )
    with Peer(in_turn(*[(5, b"pong\n")] * 4)) as peer:
        client = book.client(peer.port, framing="line")
        client.request(b"ping")
        client.request(b"ping", catch=True)  # not a word of it
        with client.request(b"ping", name="one", catch=True) as reply:
            reply.success()
        client.request(b"ping")
        client.close()
    assert unchecked == [True, False, False, True]
