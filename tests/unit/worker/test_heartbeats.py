"""Heartbeats beside the work, on the same connection."""

from __future__ import annotations

import socket

import pytest

from lockstep.errors import PlanError
from lockstep.scenario import HEARTBEAT
from lockstep.tcp.many import message_ring
from lockstep.tcp.messages import prepare
from lockstep.tcp.samples import ABSENT, Outcome, Phase
from lockstep.traffic import Traffic
from lockstep.worker import scenarios
from lockstep.worker.scenarios import VirtualUser, persistent, with_heartbeats
from lockstep_wire.framing import framing_of
from tests.support.peers import Book, Peer, echoes, read

RAW = framing_of("raw")
EVERY_NS = 1000


def user_of(book: Book, port: int) -> VirtualUser:
    ring = message_ring(RAW, 16, None, echo=True, timing=False)
    return VirtualUser(
        book.client(port), book.meter, Traffic(payload_bytes=16), ring, lambda: True, reply="echo", number=3
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The scenarios' clock, which stands at its one entry."""
    now = [10_000]
    monkeypatch.setattr(scenarios, "_now_ns", lambda: now[0])
    return now


def test_a_heartbeat_goes_between_two_messages_once_in_its_time(clock: list[int]) -> None:
    book = Book()
    run = with_heartbeats(persistent, prepare(RAW, b"ping", b"ping", timing=False, name=HEARTBEAT), EVERY_NS)
    with Peer(echoes) as peer:
        user = user_of(book, peer.port)
        for elapsed in (0, 999, 1, 500, 500, 1000):
            clock[0] += elapsed
            assert run(user, ABSENT)
        user.client.close()
    names = [sample.name for sample in book.of(Phase.MESSAGE)]
    assert names.count(HEARTBEAT) == 3
    assert len(names) == 9
    assert names[0] != HEARTBEAT


def test_users_do_not_beat_all_at_once(clock: list[int]) -> None:
    run = with_heartbeats(lambda _user, _due: True, prepare(RAW, b"ping", None, timing=False), 1_000_000_000)
    firsts = set()
    for number in range(1, 21):
        user = user_of(Book(), 1)
        user.number = number
        run(user, ABSENT)
        firsts.add((user.beat_ns - clock[0]) // 50_000_000)
    assert len(firsts) >= 15


def test_a_heartbeat_that_is_not_answered_fails_the_iteration_and_its_connection(clock: list[int]) -> None:
    book = Book()

    run = with_heartbeats(persistent, prepare(RAW, b"ping", b"ping", timing=False, name=HEARTBEAT), EVERY_NS)
    with Peer(echoes_once) as peer:
        user = user_of(book, peer.port)
        assert run(user, ABSENT)
        clock[0] += 2 * EVERY_NS
        assert not run(user, ABSENT)
        assert not user.client.connected
    assert [(sample.name, sample.outcome) for sample in book.of(Phase.MESSAGE)][-1] == (
        HEARTBEAT,
        Outcome.SHORT,
    )


def echoes_once(link: socket.socket) -> None:
    """One message, and no heartbeat."""
    link.sendall(read(link, 16))
    read(link, 4)


@pytest.mark.parametrize(
    ("text", "beats"),
    [("", None), ("1s", (1.0, b"ping")), ("250ms:PING", (0.25, b"PING")), ("1s:a:b", (1.0, b"a:b"))],
)
def test_how_often_and_with_what(text: str, beats: object) -> None:
    assert Traffic(scenario="persistent", heartbeat=text).heartbeats == beats


@pytest.mark.parametrize(
    "wrong",
    [{"heartbeat": "often"}, {"heartbeat": "1ns"}, {"scenario": "session"}, {"scenario": "pipelined"}],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(PlanError) as refusal:
        Traffic(**{"scenario": "persistent", "heartbeat": "1s", **wrong})  # type: ignore[arg-type]
    assert refusal.value.what == "heartbeat"
