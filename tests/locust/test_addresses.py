"""Names and addresses beside a load."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent.server import StreamServer

from lockstep.tcp.addresses import LIFETIME_NS, AddressBook
from lockstep.tcp.client import TcpClient
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.gevent_link import CooperativeLink
from lockstep.tcp.samples import Outcome, Sample, SampleMeter


def echo(link: socket.socket, _: object) -> None:
    while data := link.recv(65536):
        link.sendall(data)


@contextmanager
def server(ip: str = "127.0.0.1", port: int = 0) -> Iterator[StreamServer]:
    """An echo server on one address."""
    listening = StreamServer((ip, port), echo)
    listening.start()
    try:
        yield listening
    finally:
        listening.stop()


@contextmanager
def names(*ips: str, takes_s: float = 0.0) -> Iterator[list[str]]:
    """Every name has these addresses, which may be changed; asking takes its time."""
    known, before = list(ips), socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        gevent.sleep(takes_s)
        rows: list[Any] = []
        for ip in known:
            family = socket.AF_INET6 if ":" in ip else socket.AF_INET
            rows += before(ip, port, family, socket.SOCK_STREAM)
        return rows

    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]
    try:
        yield known
    finally:
        socket.getaddrinfo = before


def client(port: int, samples: list[Sample], addresses: AddressBook) -> TcpClient:
    return TcpClient(
        Endpoint("name", port),
        SampleMeter(samples.append),
        link=CooperativeLink,
        addresses=addresses,
        timeout_s=10.0,
    )


def test_a_name_whose_first_address_refuses_is_reached_at_its_second() -> None:
    with server() as peer, names("::1", "127.0.0.1"):
        samples: list[Sample] = []
        users = [client(peer.server_port, samples, AddressBook()) for _ in range(10)]
        assert [user.connect() for user in users] == [Outcome.ANSWERED] * 10
        assert all(user.request(b"ping", b"ping") for user in users)
        assert {sample.outcome for sample in samples} == {Outcome.ANSWERED}
        for user in users:
            user.close()


def test_a_slow_resolver_holds_up_nobody_who_is_connected_and_is_asked_once() -> None:
    with server() as peer, names("127.0.0.1", takes_s=0.3):
        addresses = AddressBook()
        talking = TcpClient(
            Endpoint("127.0.0.1", peer.server_port), SampleMeter(lambda _: None), link=CooperativeLink
        )
        talking.connect()
        users = [client(peer.server_port, [], addresses) for _ in range(50)]
        connecting = [gevent.spawn(user.connect) for user in users]
        gevent.sleep(0)
        answered = 0
        while not any(each.dead for each in connecting):
            assert talking.request(b"ping", b"ping")
            answered += 1
        assert answered > 10
        gevent.joinall(connecting, raise_error=True)
        assert addresses.used == {f"127.0.0.1:{peer.server_port}": 50}
        for user in (talking, *users):
            user.close()


def test_a_load_follows_a_name_to_its_new_address() -> None:
    with server() as old, server("127.0.0.2", old.server_port) as new, names("127.0.0.1") as known:
        now_ns = 0
        addresses = AddressBook(clock_ns=lambda: now_ns)
        user = client(old.server_port, [], addresses)
        user.connect()
        assert user.address == f"127.0.0.1:{old.server_port}"
        known[:] = ["127.0.0.2"]
        now_ns = LIFETIME_NS
        # Asked beside the load: the connect that finds it stale still goes to the old one.
        user.connect()
        gevent.sleep(0.01)
        user.connect()
        assert user.address == f"127.0.0.2:{new.server_port}"
        user.close()
