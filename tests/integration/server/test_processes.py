"""Mode process=N: what one process breaks costs nobody else anything, and no process outlives its server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.clients import LENGTH, ask, closed_by_server, connect, wait_until
from tests.support.server import ROOT, ServerProcess

NAME = "process=2"
FLAGS = ("--framing", "length", "--reply", "echo")


def children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processes(server: ServerProcess) -> tuple[int, list[int]]:
    """Who forks, and those who serve."""
    (nursery,) = children(server.process.pid)
    return nursery, children(nursery)


def lives(pid: int) -> bool:
    """Whether it runs; who ended and was not asked after by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_process_that_dies_takes_its_own_connection_along_and_is_followed_by_another() -> None:
    with ServerProcess(NAME, flags=FLAGS) as server:
        _, workers = processes(server)
        with connect(server.ports[NAME]) as one, connect(server.ports[NAME]) as other:
            for link in (one, other):
                ask(link, b"hello")
            # An answer is counted as it has gone out; who dies in between has not counted it.
            wait_until(lambda: server.listeners()[NAME]["answered"] == 2)
            os.kill(workers[0], signal.SIGKILL)
            wait_until(lambda: server.listeners()[NAME]["causes"]["died"] == 1)
            seen = server.listeners()[NAME]
            assert (seen["open"], seen["closed"], seen["in_service"], seen["released"]) == (1, 1, 1, 1)
            with connect(server.ports[NAME]) as newcomer:
                assert ask(newcomer, b"me too") == b"me too"
            assert sum(still_answers(link) for link in (one, other)) == 1
        wait_until(lambda: server.listeners()[NAME]["in_service"] == 0)
        seen = server.listeners()[NAME]
        assert (seen["accepted"], seen["closed"], seen["waiting"], seen["max_in_service"]) == (3, 3, 0, 2)
        assert (seen["received"], seen["answered"], seen["bytes_sent"]) == (4, 4, 3 * 9 + 10)
        records = server.connections(NAME)["connections"]
        assert sorted(it["cause"] for it in records) == ["died", "peer", "peer"]
        assert seen["in_service_ns"] == seen["held_ns"] == sum(it["hold_ns"] for it in records)
        assert server.stderr.count("disconnected after 1 messages: died (its process ended: SIGKILL)") == 1


def still_answers(link: socket.socket) -> bool:
    try:
        link.sendall(LENGTH.encode(b"again"))
        return link.recv(100) == LENGTH.encode(b"again")
    except OSError:
        return False


def test_a_process_that_dies_with_nothing_to_do_is_followed_by_another() -> None:
    with ServerProcess(NAME, flags=FLAGS) as server:
        _, workers = processes(server)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: server.stderr.count("a process ended (SIGKILL), and has a successor") == 2)
        with connect(server.ports[NAME]) as one, connect(server.ports[NAME]) as other:
            assert [ask(one, b"1"), ask(other, b"2")] == [b"1", b"2"]
        wait_until(lambda: server.listeners()[NAME]["causes"]["peer"] == 2)


def test_what_is_counted_of_an_open_connection_is_seen_from_outside_message_by_message() -> None:
    with ServerProcess(NAME, flags=FLAGS) as server, connect(server.ports[NAME]) as link:
        for number in range(1, 4):
            ask(link, b"hello")
            wait_until(lambda number=number: server.listeners()[NAME]["answered"] == number)  # type: ignore[misc]
            (record,) = server.connections(NAME)["connections"]
            assert (record["messages"], record["bytes_received"]) == (number, 9 * number)


def test_a_server_that_is_killed_leaves_no_process_behind() -> None:
    with ServerProcess(NAME, flags=FLAGS) as server:
        nursery, workers = processes(server)
        with connect(server.ports[NAME]) as link:
            ask(link, b"hello")
            server.process.kill()
            wait_until(lambda: not any(map(lives, (nursery, *workers))))
            assert closed_by_server(link)


def test_where_nobody_can_be_forked_any_more_all_are_lost_and_counted_and_nobody_is_left_waiting() -> None:
    with ServerProcess(NAME, "free", flags=FLAGS) as server:
        nursery, workers = processes(server)
        with connect(server.ports[NAME]) as link:
            ask(link, b"hello")
            wait_until(lambda: server.listeners()[NAME]["answered"] == 1)
            os.kill(nursery, signal.SIGKILL)
            told = f"{NAME}: its processes are gone, and 1 connections with them; start the server again"
            wait_until(lambda: told in server.stderr)
        seen = server.listeners()[NAME]
        assert (seen["open"], seen["in_service"], seen["causes"]["died"], seen["answered"]) == (0, 0, 1, 1)
        wait_until(lambda: not any(map(lives, workers)))
        with pytest.raises(ConnectionRefusedError):
            connect(server.ports[NAME])
        with connect(server.ports["free"]) as link:
            assert ask(link, b"still there") == b"still there"
        assert server.terminate() == 0


def test_who_stays_beyond_the_drain_is_cut_off_by_its_process() -> None:
    with ServerProcess(NAME, flags=(*FLAGS, "--drain", "50ms")) as server:
        with connect(server.ports[NAME]) as one, connect(server.ports[NAME]) as other:
            ask(one, b"mine")
            ask(other, b"mine")
            assert server.terminate() == 0
            assert closed_by_server(one)
            assert closed_by_server(other)
        assert "drained: 2 connections were still open and are cut" in server.stderr
        assert server.stderr.count("drained (the server is stopping)") == 2


def test_a_stop_that_reaches_every_process_still_lets_sessions_end() -> None:
    with ServerProcess(NAME, flags=FLAGS) as server, connect(server.ports[NAME]) as link:
        ask(link, b"hello")
        nursery, workers = processes(server)
        for pid in (nursery, *workers):
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(pid, number)
        server.process.terminate()
        wait_until(lambda: "stopping" in server.stderr)
        assert ask(link, b"and again") == b"and again"
        link.close()
        assert server.process.wait(20) == 0
        assert "drained" not in server.stderr


# Said to a Python before it becomes the server.
NO_CTYPES = "import sys; sys.modules['ctypes'] = None"
ONLY_TWO = """
import errno, os
real, left = os.fork, [2]
def fork():
    if not left[0]:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    left[0] -= 1
    return real()
os.fork = fork
"""


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (NO_CTYPES, "needs Linux, and a Python with ctypes: its processes must end with the server"),
        (ONLY_TWO, "cannot have its processes (Resource temporarily unavailable); ask for fewer"),
        (ONLY_TWO.replace("[2]", "[0]"), "cannot have its processes (Resource temporarily unavailable); ask"),
    ],
)
def test_processes_that_cannot_be_had_are_refused_in_one_line(before: str, told: str) -> None:
    become = f"{before}\nimport runpy; runpy.run_module('lockstep_server', run_name='__main__')"
    done = subprocess.run(
        [ServerProcess.python, "-P", "-c", become, "--admin-port", "0", "--listen", "process=3:0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"lockstep-server: --listen process=3:0 {told}")
