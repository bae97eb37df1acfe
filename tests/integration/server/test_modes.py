"""Every mode admits as many as it says, by the server's own count, and the seed's clients work unchanged."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.support.clients import LENGTH, ask, connect, crowd, reset, seed_clients, wait_until
from tests.support.server import ServerProcess

ACK = "收到客户端信息".encode()
FRAMED = ("--framing", "length", "--reply", "echo")
CROWD = 8
SMALL, LARGE = LENGTH.encode(b"x"), LENGTH.encode(b"x" * (16 << 20))


def visit_all_at_once(port: int, count: int, messages: int = 1) -> None:
    """A crowd of clients, a connection and a thread each."""
    together = threading.Barrier(count)

    def visit() -> None:
        together.wait(20)
        with connect(port) as link:
            for number in range(messages):
                assert ask(link, b"%d" % number) == b"%d" % number

    threads = [threading.Thread(target=visit) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize("accept", ["blocking", "nonblocking"])
@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("lock", 1),
        ("rlock", 1),
        ("semaphore=4", 4),
        ("condition=1", 1),
        ("condition=3", 3),
        ("ticket", 1),
        ("queue=1", 1),
        ("queue=3", 3),
        ("iterative", 1),
        ("process=1", 1),
        ("process=3", 3),
        ("lock/message", 1),
        ("rlock/message", 1),
        ("semaphore=2/message", 2),
        ("condition=2/message", 2),
        ("ticket/message", 1),
        ("rwlock=1/message", 1),
    ],
)
def test_a_mode_serves_as_many_at_once_as_it_has_permits(name: str, most: int, accept: str) -> None:
    with ServerProcess(name, flags=(*FRAMED, "--hold", "10ms", "--accept", accept)) as server:
        visit_all_at_once(server.ports[name], CROWD, messages=2)
        wait_until(lambda: server.listeners()[name]["closed"] == CROWD)
        seen = server.listeners()[name]
        assert seen["max_in_service"] == most == seen["permits"]
        assert (seen["accepted"], seen["open"], seen["waiting"], seen["in_service"]) == (CROWD, 0, 0, 0)
        assert (seen["received"], seen["answered"], seen["causes"]["peer"]) == (2 * CROWD, 2 * CROWD, CROWD)


@pytest.mark.parametrize("name", ["free", "asyncio"])
def test_without_a_gate_everyone_is_served_at_once(name: str) -> None:
    with ServerProcess(name, flags=FRAMED) as server, crowd(server.ports[name], 32) as links:
        for link in links:
            ask(link, b"hello")
        seen = server.listeners()[name]
        assert (seen["in_service"], seen["max_in_service"], seen["permits"]) == (32, 32, None)


def hold(link: socket.socket) -> None:
    """Send a message whose echo no buffer takes: it is in service until `take` reads."""
    link.sendall(LARGE)


def take(link: socket.socket) -> None:
    left = len(LARGE)
    while left:
        left -= len(link.recv(min(left, 1 << 20)))


def test_readers_share_a_read_write_lock_and_a_writer_waits_for_them() -> None:
    name = "rwlock=3/message"
    with ServerProcess(name, flags=(*FRAMED, "--max-frame", "16MiB")) as server:
        with crowd(server.ports[name], 3) as (first, second, third):
            hold(first)
            hold(second)
            wait_until(lambda: server.listeners()[name]["in_service"] == 2)
            third.sendall(SMALL)
            wait_until(lambda: server.listeners()[name]["waiting"] == 1)
            take(first)
            take(second)
            assert third.recv(100) == SMALL
        seen = server.listeners()[name]
        assert (seen["max_in_service"], seen["permits"], seen["scope"]) == (2, None, "message")


def test_a_writer_that_resets_while_it_waits_keeps_nobody_out() -> None:
    name = "rwlock=2/message"
    with ServerProcess(name, flags=(*FRAMED, "--max-frame", "16MiB")) as server:
        with crowd(server.ports[name], 3) as (reader, writer, newcomer):
            hold(reader)
            wait_until(lambda: server.listeners()[name]["in_service"] == 1)
            writer.sendall(SMALL)
            wait_until(lambda: server.listeners()[name]["waiting"] == 1)
            reset(writer)
            newcomer.sendall(SMALL)
            wait_until(lambda: server.listeners()[name]["waiting"] == 2)
            take(reader)
            assert newcomer.recv(100) == SMALL
        wait_until(lambda: server.listeners()[name]["closed"] == 3)
        seen = server.listeners()[name]
        assert (seen["causes"]["reset"], seen["waiting"], seen["in_service"]) == (1, 0, 0)
        assert (seen["received"], seen["answered"]) == (3, 2)


def test_lock_holds_for_the_whole_connection_and_lock_by_message_does_not() -> None:
    with ServerProcess("lock", "lock/message", flags=FRAMED) as server:
        with connect(server.ports["lock"]) as first, connect(server.ports["lock"]) as second:
            ask(first, b"mine")
            second.sendall(b"\0\0\0\x01x")
            wait_until(lambda: server.listeners()["lock"]["waiting"] == 1)
            assert server.listeners()["lock"]["received"] == 1
            first.close()
            assert second.recv(100) == b"\0\0\0\x01x"
        with connect(server.ports["lock/message"]) as first, connect(server.ports["lock/message"]) as second:
            ask(first, b"mine")
            ask(second, b"yours")
            ask(first, b"mine again")


def test_a_queue_admits_in_the_order_of_arrival() -> None:
    with ServerProcess("queue=1", flags=(*FRAMED, "--hold", "1ms")) as server:
        visit_all_at_once(server.ports["queue=1"], 16)
        wait_until(lambda: server.listeners()["queue=1"]["closed"] == 16)
        records = server.connections("queue=1")["connections"]
    by_arrival = sorted(records, key=lambda it: it["arrival_ns"])
    assert by_arrival == sorted(records, key=lambda it: it["admission_ns"])


@pytest.mark.parametrize(
    "name",
    [
        *("free", "lock", "rlock", "semaphore=4", "condition=1", "queue=1", "iterative", "ticket"),
        *("lock/message", "rwlock=2/message", "asyncio", "process=2"),
    ],
)
def test_the_seeds_clients_are_acknowledged_by_every_mode(name: str) -> None:
    with ServerProcess(name) as server:
        assert [visit.reply for visit in seed_clients(server.ports[name], 3)] == [ACK] * 3


def test_the_locked_seed_answers_a_second_apart_and_connects_at_once() -> None:
    with ServerProcess("lock", flags=("--pause", "1s")) as server:
        visits = seed_clients(server.ports["lock"], 3)
    for second, visit in enumerate(visits):
        assert second <= visit.replied_s < second + 0.7
        assert visit.connect_s < 0.5


@pytest.mark.parametrize(
    "name", ["rlock", "semaphore=2", "condition=1", "queue=1", "iterative", "ticket", "process=1"]
)
def test_the_pause_keeps_every_serialised_modes_permit(name: str) -> None:
    with ServerProcess(name, flags=("--pause", "50ms")) as server:
        seed_clients(server.ports[name], 2)
        wait_until(lambda: server.listeners()[name]["in_service"] == 0)
        for record in server.connections(name)["connections"]:
            assert record["release_ns"] - record["close_ns"] >= 50_000_000


@pytest.mark.parametrize("name", ["free", "asyncio"])
def test_without_a_gate_nobody_pauses(name: str) -> None:
    with ServerProcess(name, flags=("--pause", "20s")) as server:
        seed_clients(server.ports[name], 2)
        wait_until(lambda: server.listeners()[name]["in_service"] == 0)
