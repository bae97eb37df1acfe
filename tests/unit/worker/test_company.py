"""What idle and hostile users do to their peer, each on a connection of its own."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from socket import SO_LINGER, SOL_SOCKET

import gevent
import pytest
from gevent import socket

from lockstep.beside import KINDS
from lockstep.tcp.endpoint import Endpoint
from lockstep.traffic import Traffic
from lockstep.worker.company import Company, company_of
from lockstep.worker.opening import Opening
from tests.factories.reports import order

FRAME = b"00000000"
Serve = Callable[[socket.socket], None]


@contextmanager
def peer(serve: Serve) -> Iterator[int]:
    """A listener whose connections are each served by a greenlet."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    greenlets: list[gevent.Greenlet[..., None]] = []

    def accept() -> None:
        while True:
            link, _ = listening.accept()
            greenlets.append(gevent.spawn(serve, link))

    accepting = gevent.spawn(accept)
    yield listening.getsockname()[1]
    gevent.killall([accepting, *greenlets])
    listening.close()


def coming(kind: str, port: int, users: int = 1) -> Company:
    url = f"tcp://127.0.0.1:{port}"
    opening = Opening(1e9, lambda _: None)
    ordered = replace(order(), url=url, beside=kind, beside_users=users, framing="raw", reply=None)
    company = company_of(replace(ordered, traffic=Traffic(payload_bytes=8)), Endpoint.parse(url), opening)
    opening.expect(company.members)
    opening.start()
    company.start()
    opening.wait()
    return company


def heard(kind: str, seconds: float) -> bytes:
    """What the peer of one such user hears within so many seconds."""
    said: list[bytes] = []

    def listens(link: socket.socket) -> None:
        while data := link.recv(65536):
            said.append(data)

    with peer(listens) as port:
        company = coming(kind, port)
        gevent.sleep(seconds)
        company.end()
        gevent.sleep(0.05)
        assert company.counts == {"opened": 1}
    return b"".join(said)


def test_there_is_one_for_every_kind_that_a_plan_may_name() -> None:
    for kind in KINDS:
        with peer(lambda link: link.recv(1)) as port:
            company = coming(kind, port)
            assert company.counts["opened"] == 1
            company.end()


def test_an_idle_one_says_nothing() -> None:
    assert heard("idle", 0.1) == b""


def test_a_half_open_one_says_half_a_message() -> None:
    assert heard("half-open", 0.1) == FRAME[:4]


def test_a_slow_writer_says_a_byte_now_and_then() -> None:
    said = heard("slow-writer", 0.3)
    assert FRAME.startswith(said)
    assert 2 <= len(said) <= 8


def test_a_slow_reader_leaves_its_peer_with_what_it_cannot_send() -> None:
    stuck: list[bool] = []

    def echoes(link: socket.socket) -> None:
        while data := link.recv(65536):
            try:
                gevent.with_timeout(0.3, link.sendall, data * 1000)
            except gevent.Timeout:
                stuck.append(True)
                return

    with peer(echoes) as port:
        company = coming("slow-reader", port)
        gevent.sleep(1.0)
        company.end()
    assert stuck == [True]


def test_one_that_resets_does_so_in_mid_reply_and_comes_again() -> None:
    ends: list[str] = []

    def answers_at_length(link: socket.socket) -> None:
        link.recv(65536)
        try:
            link.sendall(bytes(1 << 22))
        except OSError as error:
            ends.append(type(error).__name__)

    with peer(answers_at_length) as port:
        company = coming("reset", port)
        gevent.sleep(0.5)
        company.end()
    assert company.counts["opened"] >= 2
    assert not company.counts["cut"]
    assert set(ends) <= {"ConnectionResetError", "BrokenPipeError"}
    assert len(ends) >= 2


def test_one_that_its_server_cuts_off_is_counted_and_comes_again() -> None:
    with peer(lambda link: link.close()) as port:
        company = coming("idle", port)
        gevent.sleep(0.35)
        company.end()
    assert company.counts["cut"] >= 2
    assert company.counts["opened"] >= company.counts["cut"]


def test_a_slow_reader_that_is_reset_is_cut_off_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    def resets(link: socket.socket) -> None:
        gevent.sleep(0.05)
        link.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        link.close()

    with peer(resets) as port:
        company = coming("slow-reader", port)
        gevent.sleep(0.3)
        company.end()
        gevent.sleep(0.05)
    assert company.counts["cut"] >= 1
    assert capfd.readouterr().err == ""


def test_one_that_is_not_taken_holds_nobody_up() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        company = coming("idle", holder.getsockname()[1])
        gevent.sleep(0.05)
        company.end()
    assert company.counts["refused"] >= 1


@pytest.mark.parametrize("users", [0, 20])
def test_as_many_come_as_are_asked_for(users: int) -> None:
    with peer(lambda link: gevent.sleep(1) if link else None) as port:
        company = coming("idle", port, users)
        gevent.sleep(0.1)
        company.end()
    assert company.counts["opened"] == users
