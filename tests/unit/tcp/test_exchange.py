"""The short way through an exchange: one send, one receive, one fast check; and what needs a full one."""

from __future__ import annotations

import socket

import pytest

from lockstep.runs.connections import ClientView
from lockstep.tcp.messages import Message, prepare
from lockstep.tcp.samples import ABSENT, MessageRow, Outcome, Phase, Reply, Sample
from lockstep_wire.framing import FRAMINGS, framing_of
from tests.support.peers import (
    Book,
    Peer,
    Script,
    echoes,
    in_turn,
    read,
    refusing_port,
    stays_silent,
    until_closed,
)

LONGEST_NS = (1 << 63) - 1
TIMED = ("length", "raw")


def ping(framing: str, *, timing: bool = False, payload: bytes = b"ping") -> Message:
    """A message that is to come back as it went."""
    return prepare(framing_of(framing), payload, payload, timing)


def told(framing: str, payload: bytes, wait_ns: int, service_ns: int) -> bytes:
    """A reply as a server sends it that tells its times."""
    wire = framing_of(framing)
    return wire.encode(wire.timing.pack(wait_ns, service_ns) + payload)


def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a receive brings one byte."""
    for module in ("link", "gevent_link"):
        monkeypatch.setattr(f"lockstep.tcp.{module}.RECEIVE_BYTES", 1)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in pieces"])
@pytest.mark.parametrize("timing", [True, False], ids=["timed", "plain"])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_right_reply_is_booked_alike_whole_or_in_pieces(
    book: Book, monkeypatch: pytest.MonkeyPatch, framing: str, timing: bool, whole: bool
) -> None:
    if not whole:
        in_pieces(monkeypatch)
    message = ping(framing, timing=timing)
    size = len(message.frame)
    reply = told(framing, b"ping", 7_000, 9_000) if timing else message.frame
    with Peer(in_turn((size, reply), (size, reply))) as peer:
        client = book.client(peer.port, framing=framing, timing=timing)
        client.connect()
        assert client.exchange(message) is Outcome.ANSWERED
        assert client.exchange(message) is Outcome.ANSWERED
        assert client.close() is Outcome.ANSWERED
    phases = [Phase.CONNECT, Phase.MESSAGE, Phase.FIRST_REPLY, Phase.MESSAGE, Phase.CLOSE]
    assert book.outcomes() == [(phase, Outcome.ANSWERED) for phase in phases]
    times = (7_000, 9_000) if timing else (None, None)
    for sample in book.of(Phase.MESSAGE):
        assert (sample.sent_bytes, sample.received_bytes) == (size, len(reply))
        assert (sample.wait_ns, sample.service_ns) == times
    assert book.connections[0][1].messages == 2


def test_the_first_reply_takes_the_time_of_the_first_message_alone(book: Book) -> None:
    message = ping("length")
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="length")
        client.connect()
        for _ in range(3):
            client.exchange(message)
        client.close()
    (first,) = book.of(Phase.FIRST_REPLY)
    one, _, _ = book.of(Phase.MESSAGE)
    assert (first.start_ns, first.end_ns) == (one.start_ns, one.end_ns)
    ((_, view),) = book.connections
    assert (view.first_sent_ns, view.first_reply_ns) == (first.start_ns, first.end_ns)


@pytest.mark.parametrize(
    ("framing", "timing", "reply"),
    [
        ("raw", False, b"pong"),
        ("line", False, b"pong\n"),
        ("line", False, b"pingping\n"),
        ("length", False, b"\0\0\0\4pong"),
        ("length", False, b"\0\0\0\3pin"),
        ("length", False, b"\0\0\0\0"),
        ("length", True, told("length", b"pong", 1, 2)),
        ("length", True, told("length", b"pin", 1, 2)),
        ("length", True, told("length", b"pinging", 1, 2)),
        ("raw", True, told("raw", b"pong", 1, 2)),
        ("line", True, told("line", b"pong", 1, 2)),
    ],
)
def test_a_wrong_reply_is_a_mismatch_and_the_connection_is_given_up(
    book: Book, framing: str, timing: bool, reply: bytes
) -> None:
    message = ping(framing, timing=timing)
    size = len(message.frame)
    right = told(framing, b"ping", 1, 2) if timing else message.frame
    with Peer(in_turn((size, reply)), in_turn((size, right))) as peer:
        client = book.client(peer.port, framing=framing, timing=timing)
        client.connect()
        assert client.exchange(message) is Outcome.MISMATCH
        assert not client.connected
        assert client.exchange(message) is Outcome.ANSWERED
        assert client.close() is Outcome.ANSWERED
    wrong, _ = book.of(Phase.MESSAGE)
    assert wrong.detail.startswith("the reply is not what was expected")
    assert (wrong.sent_bytes, wrong.received_bytes) == (size, len(reply))
    assert [view.messages for _, view in book.connections] == [0, 1]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_bytes_behind_the_reply_spoil_it_and_are_shown(book: Book, framing: str) -> None:
    message = ping(framing)
    with Peer(in_turn((len(message.frame), message.frame + b"\0\0"))) as peer:
        client = book.client(peer.port, framing=framing)
        client.connect()
        assert client.exchange(message) is Outcome.MISMATCH
        assert not client.connected
    (wrong,) = book.of(Phase.MESSAGE)
    assert wrong.detail == r"bytes that nobody asked for: b'\x00\x00'"
    assert wrong.received_bytes == len(message.frame) + 2


def test_a_reply_beyond_the_greatest_frame_is_a_mismatch_and_ends_the_connection(book: Book) -> None:
    message = ping("length")
    with Peer(in_turn((len(message.frame), b"\0\0\3\xe8"))) as peer:
        client = book.client(peer.port, framing="length", max_frame=100)
        client.connect()
        assert client.exchange(message) is Outcome.MISMATCH
        assert not client.connected
    assert "the limit is 100" in book.of(Phase.MESSAGE)[0].detail


def sends_half(link: socket.socket) -> None:
    read(link, 8)
    link.sendall(b"\0\0\0\4pi")


def hangs_up(link: socket.socket) -> None:
    read(link, 8)


@pytest.mark.parametrize(
    ("script", "timeout_s", "outcome", "received"),
    [
        (sends_half, 20.0, Outcome.SHORT, 6),
        (hangs_up, 20.0, Outcome.SHORT, 0),
        (stays_silent, 0.05, Outcome.TIMEOUT, 0),
    ],
)
def test_a_reply_that_does_not_come_whole_is_booked_once_with_what_came_of_it(
    book: Book, script: Script, timeout_s: float, outcome: Outcome, received: int
) -> None:
    message = ping("length")
    with Peer(script) as peer:
        client = book.client(peer.port, framing="length", timeout_s=timeout_s)
        client.connect()
        assert client.exchange(message) is outcome
        assert not client.connected
    (sample,) = book.of(Phase.MESSAGE)
    assert (sample.outcome, sample.sent_bytes, sample.received_bytes) == (outcome, 8, received)
    assert sample.detail
    assert book.of(Phase.FIRST_REPLY) == []


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in pieces"])
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(
    ("wait_ns", "service_ns", "outcome"),
    [
        (0, 0, Outcome.ANSWERED),
        (LONGEST_NS, LONGEST_NS, Outcome.ANSWERED),
        (LONGEST_NS + 1, 0, Outcome.MISMATCH),
        (0, LONGEST_NS + 1, Outcome.MISMATCH),
        (2**64 - 1, 2**64 - 1, Outcome.MISMATCH),
    ],
)
def test_a_time_that_no_clock_can_have_counted_is_no_timing_header(
    book: Book,
    monkeypatch: pytest.MonkeyPatch,
    framing: str,
    whole: bool,
    wait_ns: int,
    service_ns: int,
    outcome: Outcome,
) -> None:
    if not whole:
        in_pieces(monkeypatch)
    message = ping(framing, timing=True)
    reply = told(framing, b"ping", wait_ns, service_ns)
    with Peer(in_turn((len(message.frame), reply))) as peer:
        client = book.client(peer.port, framing=framing, timing=True)
        client.connect()
        assert client.exchange(message) is outcome
        client.close()
    (sample,) = book.of(Phase.MESSAGE)
    if outcome is Outcome.ANSWERED:
        assert (sample.wait_ns, sample.service_ns) == (wait_ns, service_ns)
    else:
        assert "--timing" in sample.detail


@pytest.mark.parametrize("framing", TIMED)
def test_a_reply_without_the_timing_header_is_never_taken_for_one_with(book: Book, framing: str) -> None:
    """The payload is long enough to look like a header with a payload behind it."""
    wire = framing_of(framing)
    message = prepare(wire, b"x" * 20, b"x" * 20, timing=True)
    with Peer(in_turn((len(message.frame), message.frame))) as peer:
        client = book.client(peer.port, framing=framing, timing=True, timeout_s=0.05)
        client.connect()
        assert client.exchange(message) is not Outcome.ANSWERED
        client.close()


def test_an_unchecked_reply_may_be_anything(book: Book) -> None:
    message = prepare(framing_of("length"), b"ping", None, timing=False)
    with Peer(in_turn((8, b"\0\0\0\5hello"), (8, b"\0\0\0\0"))) as peer:
        client = book.client(peer.port, framing="length")
        client.connect()
        assert [client.exchange(message) for _ in range(2)] == [Outcome.ANSWERED] * 2
        assert client.close() is Outcome.ANSWERED


def test_an_exchange_without_a_connection_opens_one(book: Book) -> None:
    with Peer(echoes) as peer:
        client = book.client(peer.port)
        assert client.exchange(ping("raw")) is Outcome.ANSWERED
        client.close()
    phases = [Phase.CONNECT, Phase.MESSAGE, Phase.FIRST_REPLY, Phase.CLOSE]
    assert book.outcomes() == [(phase, Outcome.ANSWERED) for phase in phases]


def test_a_message_whose_connection_is_refused_is_booked_with_the_connects_outcome(book: Book) -> None:
    with refusing_port() as port:
        client = book.client(port)
        assert client.exchange(ping("raw")) is Outcome.REFUSED
    assert book.outcomes() == [(Phase.CONNECT, Outcome.REFUSED), (Phase.MESSAGE, Outcome.REFUSED)]
    assert book.of(Phase.MESSAGE)[0].sent_bytes == 0


class DueMeter:
    """Keeps when messages were due and sent."""

    wants_connections = False

    def __init__(self) -> None:
        self.due_ns: list[int] = []

    def message(self, row: MessageRow, _reply: Reply | None = None) -> None:
        self.due_ns.append(row[0])

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        """Of no interest here."""

    def failure(self, sample: Sample) -> None:
        raise AssertionError(sample)

    def connection(self, address: str, view: ClientView) -> None:
        raise AssertionError(view)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in pieces"])
def test_when_a_message_was_due_is_told_with_it(
    book: Book, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    if not whole:
        in_pieces(monkeypatch)
    meter = DueMeter()
    book.meter = meter  # type: ignore[assignment]
    message = ping("length")
    with Peer(echoes) as peer:
        client = book.client(peer.port, framing="length")
        client.connect()
        client.exchange(message, 12_345)
        client.exchange(message)
        client.close()
    assert meter.due_ns == [12_345, ABSENT]


def test_after_every_step_the_client_says_since_when_it_is_free(book: Book) -> None:
    message = ping("raw")
    with Peer(echoes) as peer:
        client = book.client(peer.port)
        assert client.free_ns == ABSENT
        client.connect()
        client.exchange(message)
        assert client.free_ns == book.of(Phase.MESSAGE)[0].end_ns
        client.request(b"ping", b"ping")
        assert client.free_ns == book.of(Phase.MESSAGE)[1].end_ns
        client.close()
        assert client.free_ns == book.of(Phase.CLOSE)[0].end_ns


def test_abort_wakes_an_exchange_and_books_it_as_aborted(book: Book) -> None:
    def aborts_the_client(link: socket.socket) -> None:
        read(link, 4)
        book.waiting.prod(client.abort)
        until_closed(link)

    with Peer(aborts_the_client) as peer:
        client = book.client(peer.port)
        client.connect()
        assert client.exchange(ping("raw")) is Outcome.ABORTED
        assert not client.connected
    assert [sample.outcome for sample in book.of(Phase.MESSAGE)] == [Outcome.ABORTED]
