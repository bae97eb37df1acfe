"""An admin connection has its time: who is silent, or drips, does not stay."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from lockstep_server import admin_port
from lockstep_server.admin import Admin
from lockstep_server.admin_port import AdminConnection
from lockstep_server.flags import parse_settings

PATIENCE_S = 20


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The other end of an admin connection, whose requests have a tenth of a second."""
    monkeypatch.setattr(admin_port, "_REQUEST_S", 0.1)
    link, peer = socket.socketpair()
    peer.settimeout(PATIENCE_S)
    among: set[AdminConnection] = set()
    connection = AdminConnection(link, Admin([], parse_settings([], {})), among)
    thread = threading.Thread(target=connection.run, daemon=True)
    thread.start()
    with peer:
        yield peer
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert link.fileno() == -1


def told(peer: socket.socket) -> bytes:
    return b"".join(iter(lambda: peer.recv(65536), b""))


def test_who_says_nothing_is_closed_without_a_word(peer: socket.socket) -> None:
    assert told(peer) == b""


def test_who_stops_in_mid_request_is_told_that_its_time_is_over(peer: socket.socket) -> None:
    peer.sendall(b"GET /health HTT")
    assert told(peer).startswith(b"HTTP/1.1 408 ")


def test_who_drips_is_told_so_too_however_short_its_pauses(peer: socket.socket) -> None:
    peer.settimeout(0.02)
    answer = b""
    peer.sendall(b"GET /health HTTP/1.1\r\nX: ")
    while not answer:
        peer.sendall(b"x")
        try:
            answer = peer.recv(65536)
        except TimeoutError:
            continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_each_request_has_its_own_time(peer: socket.socket) -> None:
    for _ in range(20):
        peer.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        assert peer.recv(65536).endswith(b"\r\n\r\nok\n")
    assert told(peer) == b""
