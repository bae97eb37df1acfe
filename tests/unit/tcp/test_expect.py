"""What may be expected of a reply, and how each kind of failure is told and booked."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp.replies import prefix, size, sized, wanted, what_is_wrong
from lockstep.tcp.samples import Outcome, Phase
from lockstep_wire.framing import framing_of
from lockstep_wire.framings.delimited import Delimited
from tests.support.peers import Book, Peer, Script, in_turn, stays_silent

WRONG = "the reply is not what was expected"


def no_digits(payload: bytes) -> str | None:
    return "it has digits" if re.search(rb"\d", payload) else None


@pytest.mark.parametrize(
    ("expect", "payload", "wrong"),
    [
        (None, b"anything", None),
        (b"OK", b"OK", None),
        (bytearray(b"OK"), b"OK", None),
        (b"OK", b"OK!", WRONG),
        (re.compile(rb"id=\d+"), b"OK id=42", None),
        (re.compile(rb"^id=\d+$"), b"OK id=42", r"nothing in the reply matches b'^id=\\d+$'"),
        (prefix(b"+"), b"+OK", None),
        (prefix(b"+"), b"-ERR", "the reply does not begin with b'+'"),
        (size(3), b"abc", None),
        (size(3), b"ab", "the reply has 2 bytes, not 3"),
        (no_digits, b"abc", None),
        (no_digits, b"a1", "it has digits"),
        (lambda payload: payload == b"OK", b"OK", None),
        (lambda payload: payload == b"OK", b"KO", WRONG),
    ],
)
def test_each_kind_of_expectation_says_what_is_wrong(expect: Any, payload: bytes, wrong: str | None) -> None:
    assert what_is_wrong(payload, wanted(expect)) == wrong


@pytest.mark.parametrize(
    ("expect", "remedy"),
    [
        ("OK", "put b before the quotes"),
        (re.compile("OK"), "re.compile(rb"),
        (7, "prefix(b'...')"),
    ],
)
def test_what_can_be_no_expectation_is_refused_with_what_can(expect: Any, remedy: str) -> None:
    with pytest.raises(HarnessError, match=re.escape(remedy)):
        wanted(expect)


SENSELESS = (
    lambda: prefix(b""),
    lambda: prefix("+"),  # type: ignore[arg-type]
    lambda: size(-1),
    lambda: size(True),
)


@pytest.mark.parametrize("make", SENSELESS)
def test_a_prefix_and_a_size_that_say_nothing_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(HarnessError):
        make()


SIX = (re.compile(rb"^pong"), prefix(b"pong"), size(6), lambda payload: len(payload) == 6)


@pytest.mark.parametrize("expect", SIX)
def test_a_framed_reply_is_checked_whole_however_it_comes(book: Book, expect: Any) -> None:
    frame = framing_of("length").encode(b"pong42")
    with Peer(in_turn((8, frame))) as peer:
        client = book.client(peer.port, framing="length")
        assert client.request(b"ping", expect).payload == b"pong42"
        client.close()
    assert book.of(Phase.MESSAGE)[0].outcome is Outcome.ANSWERED


def may_be_reset(script: Script) -> Script:
    """The script, whose client may leave by a reset."""

    def played(link: socket.socket) -> None:
        with suppress(ConnectionError):
            script(link)

    return played


@pytest.mark.parametrize(
    ("expect", "reply", "outcome"),
    [
        (prefix(b"+OK12345"), b"+OK12345", Outcome.ANSWERED),
        (prefix(b"+OK"), b"-ERR", Outcome.MISMATCH),
        (size(6), b"abcdef", Outcome.ANSWERED),
        (size(6), b"abcdefg", Outcome.MISMATCH),
        (re.compile(rb"OK"), b"KO", Outcome.MISMATCH),
    ],
)
def test_a_raw_reply_ends_where_what_is_expected_of_it_does(
    book: Book, monkeypatch: pytest.MonkeyPatch, expect: Any, reply: bytes, outcome: Outcome
) -> None:
    if not isinstance(expect, re.Pattern):
        # In pieces: of these it can be known that more must come.
        for module in ("link", "gevent_link"):
            monkeypatch.setattr(f"lockstep.tcp.{module}.RECEIVE_BYTES", 4)
    with Peer(may_be_reset(in_turn((4, reply)))) as peer:
        client = book.client(peer.port)
        got = client.request(b"ping", expect)
        assert got.outcome is outcome
        assert client.connected is (outcome is Outcome.ANSWERED)
        client.abort()


def test_what_goes_wrong_in_a_function_of_the_users_own_fails_its_message_and_is_raised(book: Book) -> None:
    def fails(payload: bytes) -> str | None:
        raise LookupError(payload)

    with Peer(in_turn((8, framing_of("length").encode(b"pong")))) as peer:
        client = book.client(peer.port, framing="length")
        with pytest.raises(LookupError):
            client.request(b"ping", fails)
        assert not client.connected
    (sample,) = book.of(Phase.MESSAGE)
    assert (sample.outcome, sample.detail) == (Outcome.ABORTED, "LookupError: b'pong'")


def test_a_function_that_says_neither_is_misuse(book: Book) -> None:
    with Peer(in_turn((8, framing_of("length").encode(b"pong")))) as peer:
        client = book.client(peer.port, framing="length")
        with pytest.raises(HarnessError, match="says 0"):
            client.request(b"ping", lambda _: 0)  # type: ignore[arg-type]


class Complaining(Delimited):
    """Lines of which those that begin with a minus are errors."""

    def error_in(self, payload: bytes) -> str | None:
        """See Framing.error_in."""
        return payload[1:].decode() if payload.startswith(b"-") else None


COMPLAINING = Complaining(b"\n")


@pytest.mark.parametrize("expect", [None, b"+OK", prefix(b"+")])
def test_an_error_in_the_peers_own_words_fails_its_message_and_the_connection_goes_on(
    book: Book, expect: Any
) -> None:
    with Peer(in_turn((5, b"-ERR no such key\n"), (5, b"+OK\n"))) as peer:
        client = book.client(peer.port, framing=COMPLAINING)
        refused = client.request(b"ping", expect, name="GET")
        assert not refused
        assert (refused.outcome, refused.payload) == (Outcome.ERROR, b"-ERR no such key")
        assert client.connected
        assert client.request(b"ping", expect).payload == b"+OK"
        assert client.close() is Outcome.ANSWERED
    failed, answered = book.of(Phase.MESSAGE)
    assert (failed.outcome, failed.detail, failed.name) == (Outcome.ERROR, "ERR no such key", "GET")
    assert (failed.reply, answered.outcome) == (refused, Outcome.ANSWERED)
    assert book.connections[0][1].messages == 1


def test_an_error_that_was_expected_is_an_answer(book: Book) -> None:
    with Peer(in_turn((5, b"-ERR\n"))) as peer:
        client = book.client(peer.port, framing=COMPLAINING)
        assert client.request(b"ping", b"-ERR")
        client.close()


def test_an_error_that_is_fetched_later_is_told_once(book: Book) -> None:
    with Peer(in_turn((10, b"-ERR\n+OK\n"))) as peer:
        client = book.client(peer.port, framing=COMPLAINING)
        client.send(b"ping")
        client.send(b"pong")
        assert [client.receive().outcome for _ in range(2)] == [Outcome.ERROR, Outcome.ANSWERED]
        client.close()


def test_a_name_goes_with_its_message_however_that_ends(book: Book) -> None:
    with Peer(in_turn((4, b"pong"), (4, b"wrong"))) as peer:
        client = book.client(peer.port)
        client.request(b"ping", b"pong", name="one")
        client.request(b"ping", b"pong", name="two")
    assert client.request(b"ping", b"pong", name="three").outcome is Outcome.REFUSED
    assert [sample.name for sample in book.of(Phase.MESSAGE)] == ["one", "two", "three"]


def test_a_request_may_have_a_bound_of_its_own(book: Book) -> None:
    with Peer(stays_silent) as peer:
        client = book.client(peer.port)
        client.connect()
        assert client.request(b"ping", end=sized(4), timeout=0.05).outcome is Outcome.TIMEOUT
        assert client.timeout_s == book.client(peer.port).timeout_s
    assert book.of(Phase.MESSAGE)[0].detail == "nothing within 0.05 s"


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "1", True])
def test_a_bound_that_is_none_is_refused(book: Book, timeout: Any) -> None:
    with pytest.raises(HarnessError, match="timeout = "):
        book.client(1).request(b"ping", timeout=timeout)
