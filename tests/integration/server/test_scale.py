"""Thousands at once, the limits they run into, and whether time in service adds up."""

from __future__ import annotations

import json
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from lockstep_wire.greeting import ACKNOWLEDGEMENT
from tests.support.clients import ask, connect, crowd, wait_until
from tests.support.server import ServerProcess

MANY = 2_000


@contextmanager
def open_files(soft: int | None) -> Iterator[int]:
    """This process's soft limit, which its children inherit; None: as high as it goes. Gives the hard one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if soft is None else soft, hard))
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def about(server: ServerProcess) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(server.ask("/listeners"))["server"]
    return seen


def test_thousands_are_served_at_once_and_nobody_is_turned_away() -> None:
    flags = ("--backlog", "4096", "--idle-timeout", "5m")
    with open_files(None), ServerProcess("free", flags=flags) as server:
        with crowd(server.ports["free"], MANY) as links:
            for link in links:
                link.sendall(b"hello")
            assert all(link.recv(100) == ACKNOWLEDGEMENT for link in links)
            seen = server.listeners()["free"]
            assert (seen["accepted"], seen["in_service"], seen["max_in_service"]) == (MANY, MANY, MANY)
        wait_until(lambda: server.listeners()["free"]["closed"] == MANY)
        seen = server.listeners()["free"]
        assert (seen["answered"], seen["causes"]["peer"], seen["released"]) == (MANY, MANY, MANY)
        assert seen["in_service_ns"] == seen["held_ns"]
        assert server.stderr.count("WARNING") == 0


def test_the_server_lifts_its_limit_on_open_files_and_tells_what_it_has() -> None:
    with open_files(256) as hard, ServerProcess("free") as server:
        assert about(server)["open_files_limit"] == (None if hard == resource.RLIM_INFINITY else hard)
        assert about(server)["threads_limit"] > 1


def test_connections_that_find_the_backlog_full_are_counted() -> None:
    with ServerProcess("iterative", flags=("--backlog", "1")) as server, ExitStack() as links:
        served = links.enter_context(connect(server.ports["iterative"]))
        served.sendall(b"hello")
        served.recv(100)
        before = about(server)["listen_overflows"]
        for _ in range(6):
            link = links.enter_context(socket.socket())
            link.setblocking(False)
            link.connect_ex(("127.0.0.1", server.ports["iterative"]))
        wait_until(lambda: about(server)["listen_overflows"] > before)


@pytest.mark.parametrize(
    "name",
    [
        *("free", "lock", "rlock", "semaphore=2", "condition=2", "ticket", "queue=2", "iterative"),
        *("lock/message", "rwlock=2/message", "asyncio", "process=2"),
    ],
)
def test_the_time_in_service_is_the_sum_of_all_holds(name: str) -> None:
    flags = ("--framing", "length", "--reply", "echo", "--hold", "1ms", "--pause", "1ms")
    with ServerProcess(name, flags=flags) as server:
        for _ in range(4):
            with connect(server.ports[name]) as link:
                ask(link, b"one")
                ask(link, b"two")
        wait_until(lambda: server.listeners()[name]["closed"] == 4)
        wait_until(lambda: server.listeners()[name]["in_service"] == 0)
        seen = server.listeners()[name]
        records = server.connections(name)["connections"]
        assert seen["released"] == (8 if name.endswith("/message") else 4)
        assert seen["in_service_ns"] == seen["held_ns"] == sum(record["hold_ns"] for record in records)


def test_time_in_service_grows_while_somebody_is_served() -> None:
    with ServerProcess("free") as server, connect(server.ports["free"]) as link:
        link.sendall(b"hello")
        link.recv(100)
        first, second = (server.listeners()["free"] for _ in range(2))
        assert (first["released"], first["held_ns"]) == (0, 0)
        elapsed_ns = second["at_ns"] - first["at_ns"]
        assert second["in_service_ns"] - first["in_service_ns"] == elapsed_ns
