"""A server is found by the datagrams that it sends."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

from lockstep.errors import HarnessError, ServerUnreachableError
from lockstep.target.admin import ServerView
from lockstep.target.discovery import Found, find_server, reachable_at
from tests.support.admin_port import admin_port, listener, listeners
from tests.support.clients import PATIENCE_S
from tests.support.peers import LOOPBACK


@contextmanager
def announced(*datagrams: bytes) -> Iterator[int]:
    """A UDP port to which these datagrams are sent, again and again, until the context is left."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    over = threading.Event()

    def announce() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
            while not over.wait(0.005):
                for datagram in datagrams:
                    mouth.sendto(datagram, (LOOPBACK, port))

    thread = threading.Thread(target=announce)
    thread.start()
    try:
        yield port
    finally:
        over.set()
        thread.join()


def announcement(admin_port: object) -> bytes:
    return json.dumps({"service": "lockstep", "listeners": [], "admin_port": admin_port}).encode()


def test_the_first_server_that_is_heard_is_found_with_address_and_admin_port() -> None:
    with announced(announcement(9100)) as port:
        found = find_server(port, PATIENCE_S)
    assert (found.host, found.admin_port) == (LOOPBACK, 9100)


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b"7",
        b'"x"',
        b"null",
        b"{}",
        announcement("9100"),
        announcement(None),
    ],
)
def test_other_peoples_datagrams_are_passed_over(noise: bytes) -> None:
    with announced(noise, announcement(9100)) as port:
        assert find_server(port, PATIENCE_S).admin_port == 9100


def test_silence_is_refused_with_the_remedy() -> None:
    with announced() as port, pytest.raises(HarnessError, match=r"start it with --announce") as refusal:
        find_server(port, within_s=0.02)
    assert str(port) in str(refusal.value)


def test_a_port_that_cannot_be_had_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("", 0))
        port = holder.getsockname()[1]
        with pytest.raises(HarnessError, match=rf"cannot listen on UDP port {port}"):
            find_server(port, within_s=0.02)


@pytest.mark.parametrize("announced_from", [LOOPBACK, "127.0.0.2"])
def test_a_server_of_this_machine_is_reached_on_loopback_too(
    announced_from: str,
) -> None:
    """127.0.0.2 is this machine's too, and nothing of the server listens there: as on a network's address."""
    with admin_port({"/listeners": [listeners(listener("free", 8888))]}) as port:
        found = Found(announced_from, int(port.address.rpartition(":")[2]))
        assert reachable_at(found) == LOOPBACK


@pytest.mark.parametrize("announced_from", [LOOPBACK, "192.0.2.1"])
def test_a_server_whose_admin_port_does_not_answer_is_refused_with_the_flag_that_it_lacks(
    announced_from: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def snapshot(view: ServerView) -> NoReturn:
        raise ServerUnreachableError(view.admin)

    monkeypatch.setattr(ServerView, "snapshot", snapshot)
    with pytest.raises(HarnessError, match=r"start it with --admin-host 0\.0\.0\.0 too") as refusal:
        reachable_at(Found(announced_from, 9100))
    assert announced_from in str(refusal.value)
