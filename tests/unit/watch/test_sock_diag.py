"""The kernel's word on sockets, against what their owners know."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lockstep.watch.sock_diag import LOOKED_AT, connections_to, listen_queue, parse, request

BOUND = 17


@pytest.fixture(params=["127.0.0.1", "::1"])
def listening(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((request.param, 0))
        server.listen(BOUND)
        yield server


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def connect(stack: ExitStack, listening: socket.socket, count: int) -> list[socket.socket]:
    address = listening.getsockname()[:2]
    return [stack.enter_context(socket.create_connection(address)) for _ in range(count)]


def test_whom_nobody_has_accepted_is_in_the_queue(listening: socket.socket) -> None:
    with ExitStack() as stack:
        connect(stack, listening, 3)
        listening.accept()[0].close()
        queue = listen_queue(port_of(listening))
        assert queue is not None
        assert (queue.length, queue.bound) == (2, BOUND)


def test_a_connection_is_told_as_its_own_socket_tells_it(listening: socket.socket) -> None:
    with ExitStack() as stack:
        (client,) = connect(stack, listening, 1)
        found = connections_to(port_of(listening))
        info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        assert found is not None
        # `tcpi_rtt` and `tcpi_total_retrans` of linux/tcp.h.
        assert found.rtt_us == int.from_bytes(info[68:72], "little")
        assert (found.count, found.retransmits) == (1, int.from_bytes(info[100:104], "little"))


def test_of_many_connections_some_are_looked_at(listening: socket.socket) -> None:
    with ExitStack() as stack:
        for _ in range(LOOKED_AT + 5):
            connect(stack, listening, 1)
            stack.enter_context(listening.accept()[0])
        found = connections_to(port_of(listening))
        assert found is not None
        # Both ends are here; the server's are no connections to its port.
        assert found.count == LOOKED_AT


def test_a_port_at_which_nobody_is_tells_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        assert listen_queue(silent.getsockname()[1]) is None
        assert connections_to(silent.getsockname()[1]) is None


def test_a_question_that_the_kernel_does_not_take_is_an_error() -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as asking:
        # A filter that leaps to nowhere.
        asking.send(request(socket.AF_INET, 1 << 10, b"\x02\x08\xff\x7f\x00\x00\x00\x00"))
        with pytest.raises(OSError, match="Invalid argument"):
            parse(asking.recv(4_096))
