"""A client and its target's addresses: which one it uses, what it tells of it, and how long it waits."""

from __future__ import annotations

import errno
import socket

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import Address, AddressBook
from lockstep.tcp.client import TcpClient
from lockstep.tcp.dialling import LONGEST_NS
from lockstep.tcp.samples import Outcome, Phase
from tests.support.clients import PATIENCE_S, reset
from tests.support.peers import LOOPBACK, Book, Peer, answers, breaking, refusing_port, stays_silent


def book_of(*ips: str) -> AddressBook:
    """A book in which every name has these addresses."""

    def look_up(_: str, port: int) -> list[Address]:
        return [
            Address(socket.AF_INET6, (ip, port, 0, 0)) if ":" in ip else Address(socket.AF_INET, (ip, port))
            for ip in ips
        ]

    return AddressBook(look_up)


def client_of(
    book: Book, host: str, port: int, slept: list[float] | None = None, **more: object
) -> TcpClient:
    """A client of that host; the waits of its back-off are noted instead of slept."""
    sleep = ([] if slept is None else slept).append
    return book.client(port, host, sleep=sleep, **more)


def client_at(book: Book, port: int, *ips: str, slept: list[float] | None = None) -> TcpClient:
    """A client of a name with these addresses."""
    return client_of(book, "name", port, slept, addresses=book_of(*ips))


def test_an_address_that_refuses_is_left_for_the_next_one(book: Book) -> None:
    with Peer(answers(4, b"pong")) as peer:
        client = client_at(book, peer.port, "::1", LOOPBACK)
        assert client.connect() is Outcome.ANSWERED
        assert client.address == f"{LOOPBACK}:{peer.port}"
        assert client.request(b"ping", b"pong")
        client.close()
    connects = book.of(Phase.CONNECT)
    assert [sample.outcome for sample in connects] == [Outcome.ANSWERED]
    ((_, view),) = book.connections
    assert view.peer == client.address


def test_what_is_used_is_counted_in_the_book(book: Book) -> None:
    with Peer(stays_silent, stays_silent) as peer:
        addresses = book_of("::1", LOOPBACK)
        client = client_of(book, "name", peer.port, addresses=addresses)
        for _ in range(2):
            client.connect()
            client.close()
    assert addresses.used == {f"{LOOPBACK}:{peer.port}": 2}


def test_where_no_address_takes_a_connection_one_failure_names_them_all(book: Book) -> None:
    with refusing_port() as port:
        client = client_at(book, port, "::1", LOOPBACK)
        assert client.connect() is Outcome.REFUSED
    (sample,) = book.samples
    assert (sample.phase, sample.outcome) == (Phase.CONNECT, Outcome.REFUSED)
    assert f"[::1]:{port}: Connection refused; {LOOPBACK}:{port}: Connection refused" in sample.detail


def test_a_single_address_is_named_beside_the_reason(book: Book) -> None:
    with refusing_port() as port:
        client_at(book, port, LOOPBACK).connect()
    assert book.samples[0].detail == f"Connection refused ({LOOPBACK}:{port})"


def test_the_bound_of_a_try_among_several_is_not_the_bound_of_what_follows(book: Book) -> None:
    bounds_s: list[float | None] = []

    class Noting(book.waiting.link):  # type: ignore[name-defined, misc]
        def __init__(self, family: socket.AddressFamily, timeout_s: float | None) -> None:
            bounds_s.append(timeout_s)
            super().__init__(family, timeout_s)

        def bound(self, timeout_s: float | None) -> None:
            bounds_s.append(timeout_s)
            super().bound(timeout_s)

    with Peer(stays_silent) as peer:
        client = client_of(book, "name", peer.port, addresses=book_of(LOOPBACK, LOOPBACK), link=Noting)
        client.connect()
        assert bounds_s[0] == PATIENCE_S / 2
        assert bounds_s[-1] == PATIENCE_S
        client.close()


def test_connecting_over_ipv6_works_from_a_source_too(book: Book) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        client = client_of(book, "::1", port, source="::1")
        assert client.connect() is Outcome.ANSWERED
        accepted, peer = listener.accept()
        assert client.address == f"[::1]:{port}"
        accepted.close()
        client.close()
    assert [address for address, _ in book.connections] == [f"[::1]:{peer[1]}"]


def test_a_source_of_the_other_kind_is_refused_before_anything_is_tried(book: Book) -> None:
    client = client_of(book, "::1", 1, source="127.0.0.1")
    with pytest.raises(HarnessError, match="IPv4 or IPv6"):
        client.connect()
    assert book.samples == []


def test_a_closed_port_is_tried_ever_more_seldom_and_that_is_no_part_of_the_connect(book: Book) -> None:
    slept: list[float] = []
    with refusing_port() as port:
        client = client_at(book, port, LOOPBACK, slept=slept)
        for _ in range(12):
            assert client.connect() is Outcome.REFUSED
    assert len(book.of(Phase.CONNECT)) == 12
    # What is left of the wait at each try: the fake sleep takes no time.
    assert len(slept) == 11
    assert slept[-1] > LONGEST_NS / 2 / 1e9 * 0.9
    assert max(slept) <= LONGEST_NS / 1e9


def test_a_connection_that_was_answered_is_followed_by_the_next_at_once(book: Book) -> None:
    slept: list[float] = []
    with Peer(*[answers(4, b"pong")] * 3) as peer:
        client = client_at(book, peer.port, LOOPBACK, slept=slept)
        for _ in range(3):
            client.connect()
            client.request(b"ping", b"pong")
            client.close()
    assert slept == []


def test_a_peer_that_takes_connections_only_to_break_them_off_is_backed_off_from(book: Book) -> None:
    slept: list[float] = []
    with Peer(*[reset] * 4) as peer:
        client = client_at(book, peer.port, LOOPBACK, slept=slept)
        for _ in range(4):
            client.connect()
            if client.connected:
                client.request(b"ping", b"pong")
            client.close()
    assert len(slept) == 3


def test_an_unknown_name_is_backed_off_from_too(book: Book) -> None:
    def unknown(*_: object) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    slept: list[float] = []
    client = client_of(book, "name", 1, slept, addresses=AddressBook(unknown))
    for _ in range(3):
        with pytest.raises(HarnessError, match="cannot find host"):
            client.connect()
    assert len(slept) == 2


def test_one_that_is_not_patient_never_waits(book: Book) -> None:
    slept: list[float] = []
    with refusing_port() as port:
        client = client_of(book, LOOPBACK, port, slept, patient=False)
        for _ in range(5):
            client.connect()
        assert (slept, client.back_off_s) == ([], 0.0)


def test_who_finds_no_local_port_waits_for_one_and_that_is_neither_a_failure_nor_connect_time(
    book: Book,
) -> None:
    left = [OSError(errno.EADDRNOTAVAIL, "no port")] * 3

    class Portless(book.waiting.link):  # type: ignore[name-defined, misc]
        def connect(self, *target: object) -> None:
            if left:
                raise left.pop()
            super().connect(*target)

    slept: list[float] = []
    with Peer(stays_silent) as peer:
        addresses = book_of(LOOPBACK)
        client = client_of(book, "name", peer.port, slept, addresses=addresses, link=Portless)
        assert client.connect() is Outcome.ANSWERED
        client.close()
    assert len(slept) == 3
    assert addresses.port_waits == 1
    assert [sample.outcome for sample in book.samples] == [Outcome.ANSWERED] * 2


def test_who_waits_for_a_port_can_be_stopped(book: Book) -> None:
    link = breaking(book.waiting.link, "connect", OSError(errno.EADDRNOTAVAIL, "no port"))
    client: TcpClient = book.client(1, link=link, sleep=lambda _: client.abort(stopped=True))
    assert client.connect() is Outcome.ABORTED
    assert book.outcomes() == [(Phase.CONNECT, Outcome.ABORTED)]
