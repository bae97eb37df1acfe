"""Whoever misbehaves loses its own connection. Nobody else notices, and nothing leaks."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.clients import LENGTH, ask, closed_by_server, connect, reset, wait_until
from tests.support.server import ServerProcess

FLAGS = ("--framing", "length", "--reply", "echo", "--max-frame", "1MiB", "--idle-timeout", "400ms")
GATES = ("lock", "rlock", "semaphore=2", "condition=1", "ticket", "lock/message", "rwlock=2/message")
MODES = ("free", *GATES, "queue=1", "iterative", "asyncio", "process=2")


def break_off(link: socket.socket) -> None:
    ask(link, b"hello")
    reset(link)


def leave_in_mid_frame(link: socket.socket) -> None:
    link.sendall(b"\0\0\0\x09half")
    link.close()


def send_too_much(link: socket.socket) -> None:
    link.sendall(b"\xff\xff\xff\xff")
    closed_by_server(link)


def fall_silent(link: socket.socket) -> None:
    link.sendall(b"\0\0")
    closed_by_server(link)


def never_read(link: socket.socket) -> None:
    frame = LENGTH.encode(b"x" * 1_000_000)
    try:
        for _ in range(100):
            link.sendall(frame)
    except OSError:
        return  # the server has closed
    pytest.fail("the server took everything from a peer that reads nothing")


MISBEHAVIOURS = [
    (break_off, "reset"),
    (leave_in_mid_frame, "short"),
    (send_too_much, "too_long"),
    (fall_silent, "idle"),
    (never_read, "slow_reader"),
]


@pytest.mark.parametrize(("misbehave", "cause"), MISBEHAVIOURS)
def test_misbehaviour_costs_only_the_own_connection_in_every_mode(
    misbehave: Callable[[socket.socket], None], cause: str
) -> None:
    with ServerProcess(*MODES, flags=FLAGS) as server:
        for name in MODES:
            with connect(server.ports[name]) as link:
                misbehave(link)
            wait_until(lambda name=name: server.listeners()[name]["causes"][cause] == 1)  # type: ignore[misc]
            with connect(server.ports[name]) as link:
                assert ask(link, b"still there") == b"still there"
        told = [line for line in server.stderr.splitlines() if " WARNING " in line]
        assert len(told) == len(MODES)
        assert all(f": {cause}" in line for line in told)
        assert "Traceback" not in server.stderr


def drip_a_message(link: socket.socket) -> None:
    with suppress(OSError):
        link.sendall(b"\0\0\x01\0")
        while True:
            link.sendall(b"x")
            time.sleep(0.02)


def drip_in_a_reply(link: socket.socket) -> None:
    link.sendall(LENGTH.encode(b"x" * 2**20) * 4)
    link.shutdown(socket.SHUT_WR)
    with suppress(OSError):
        while link.recv(4096):
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("drip", "cause"), [(drip_a_message, "slow_sender"), (drip_in_a_reply, "slow_reader")]
)
def test_a_gate_is_lost_by_who_drips_a_message_or_takes_a_reply_in_drops(
    drip: Callable[[socket.socket], None], cause: str
) -> None:
    flags = (*FLAGS, "--message-timeout", "600ms")
    with ServerProcess(*GATES, flags=flags) as server, ExitStack() as slow_ones:
        for name in GATES:
            slow = slow_ones.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", server.ports[name]))
            threading.Thread(target=drip, args=(slow,), daemon=True).start()
        wait_until(lambda: all(seen["bytes_received"] for seen in server.listeners().values()))
        for name in GATES:
            with connect(server.ports[name]) as link:
                assert ask(link, b"my turn") == b"my turn"
        wait_until(lambda: all(seen["causes"][cause] == 1 for seen in server.listeners().values()))


def test_who_has_said_all_and_closes_its_half_gets_every_answer_in_every_mode() -> None:
    with ServerProcess(*MODES, flags=(*FLAGS, "--hold", "1ms")) as server:
        for name in MODES:
            with connect(server.ports[name]) as link:
                link.sendall(LENGTH.encode(b"one") + LENGTH.encode(b"two"))
                link.shutdown(socket.SHUT_WR)
                said = b"".join(iter(lambda link=link: link.recv(65536), b""))  # type: ignore[misc]
            assert said == LENGTH.encode(b"one") + LENGTH.encode(b"two")
            wait_until(lambda name=name: server.listeners()[name]["causes"]["peer"] == 1)  # type: ignore[misc]


def test_a_silent_peer_does_not_disturb_one_that_is_being_served() -> None:
    with ServerProcess("free", flags=FLAGS) as server:
        with connect(server.ports["free"]) as silent, connect(server.ports["free"]) as busy:
            silent.sendall(b"\0")
            while not server.listeners()["free"]["causes"]["idle"]:
                assert ask(busy, b"tick") == b"tick"
            assert ask(busy, b"tock") == b"tock"
        wait_until(lambda: server.listeners()["free"]["causes"]["peer"] == 1)


@pytest.mark.parametrize("name", ["lock", "rlock", "condition=1"])
def test_peers_that_left_while_they_waited_are_passed_over_at_once(name: str) -> None:
    with ServerProcess(name, flags=("--framing", "length", "--reply", "echo", "--hold", "300ms")) as server:
        with connect(server.ports[name]) as first:
            ask(first, b"mine")
            for leave in (socket.socket.close, reset):
                for _ in range(3):
                    link = connect(server.ports[name])
                    leave(link)
            angry = connect(server.ports[name])
            angry.sendall(LENGTH.encode(b"not worth the work"))
            wait_until(lambda: server.listeners()[name]["waiting"] == 7)
            reset(angry)
            with connect(server.ports[name]) as last:
                wait_until(lambda: server.listeners()[name]["waiting"] == 8)
                first.close()
                assert ask(last, b"my turn") == b"my turn"
        # Which of those who waited is next, a gate may choose: they need not all have been before the last.
        wait_until(lambda: server.listeners()[name]["closed"] == 9)
        seen = server.listeners()[name]
        assert seen["received"] == 2
        assert seen["causes"]["reset"] == 4


def test_a_frame_may_come_a_byte_at_a_time() -> None:
    with ServerProcess("free", flags=FLAGS) as server, connect(server.ports["free"]) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in LENGTH.encode("一个字节".encode()):
            link.sendall(bytes([byte]))
        assert link.recv(100) == LENGTH.encode("一个字节".encode())


def test_a_character_cut_by_a_segment_boundary_is_ordinary() -> None:
    with ServerProcess("free", flags=("--reply", "echo", "--log-level", "debug")) as server:
        with connect(server.ports["free"]) as link:
            first, second = "收".encode()[:2], "收".encode()[2:]
            for part in (first, second):
                link.sendall(part)
                assert link.recv(100) == part
        wait_until(lambda: server.listeners()["free"]["closed"] == 1)
        assert "says '收' (1 bytes)" in server.stderr
        assert "Traceback" not in server.stderr


@pytest.mark.parametrize("name", ["free", "asyncio", "process=1"])
def test_a_slow_reader_gets_every_byte_of_a_large_echo(name: str) -> None:
    payload = os.urandom(1 << 20)
    with ServerProcess(name, flags=FLAGS) as server, socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.settimeout(20)
        link.connect(("127.0.0.1", server.ports[name]))
        link.sendall(LENGTH.encode(payload))
        decoder, replies, pauses = LENGTH.decoder(2**21), list[bytes](), 5
        while not replies:
            if pauses:
                time.sleep(0.05)  # so that the server's send finds no room and goes on later
                pauses -= 1
            replies = decoder.feed(link.recv(32768))
        assert replies == [payload]


def test_nothing_is_left_behind_by_many_bad_connections() -> None:
    with ServerProcess(*MODES, flags=FLAGS) as server:
        before = resources(server)
        for name in MODES:
            for misbehave in (break_off, leave_in_mid_frame, send_too_much):
                for _ in range(5):
                    with connect(server.ports[name]) as link:
                        misbehave(link)
        wait_until(lambda: all(it["closed"] == 15 for it in server.listeners().values()))
        wait_until(lambda: resources(server) <= before)


def resources(server: ServerProcess) -> tuple[int, int]:
    """Open file descriptors and threads, the admin port's own aside (each request of ours costs it some)."""
    process = Path(f"/proc/{server.process.pid}")
    return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))
