"""How the server starts, refuses to start, drains and ends."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.error import URLError

import pytest

from tests.support.clients import ask, closed_by_server, connect, crowd, wait_until
from tests.support.server import ROOT, ServerProcess

FRAMED = ("--framing", "length", "--reply", "echo")


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ServerProcess.python, "-m", "lockstep_server", *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_ready_line_gives_modes_permits_scopes_and_true_ports() -> None:
    with ServerProcess("free", "semaphore=4", "lock/message") as server:
        told = [(it["mode"], it["permits"], it["scope"]) for it in server.ready["listeners"]]
        assert told == [("free", None, "connection"), ("semaphore", 4, "connection"), ("lock", 1, "message")]
        for port in server.ports.values():
            connect(port).close()
        assert json.loads(server.ask("/listeners"))["server"]["pid"] == server.process.pid


def test_the_environment_sets_what_flags_do_not() -> None:
    env = {
        "LOCKSTEP_FRAMING": "line",
        "LOCKSTEP_REPLY": "echo",
        "LOCKSTEP_TIMING": "",
        "LOCKSTEP_HOLD": "1ms",
    }
    with ServerProcess("free", env=env) as server, connect(server.ports["free"]) as link:
        link.sendall(b"hello\n")
        assert link.recv(100) == b"hello\n"
        assert json.loads(server.ask("/listeners"))["server"]["hold_ns"] == 1_000_000


@pytest.mark.parametrize(
    ("arguments", "env", "told"),
    [
        (["--hold", "2"], {}, "--hold 2 is not a duration"),
        (["--listen", "queue:1"], {}, "--listen queue:1 lacks how many"),
        ([], {"LOCKSTEP_LISTEN": "lock:x"}, "LOCKSTEP_LISTEN=lock:x is not a listener"),
        (["--frame", "raw"], {}, "unrecognized arguments: --frame raw"),
        (
            ["--bind", "192.0.2.1", "--listen", "free:0"],
            {},
            "--bind 192.0.2.1 is not an address of this machine",
        ),
    ],
)
def test_a_bad_start_ends_with_one_line_and_exit_code_2(
    arguments: list[str], env: dict[str, str], told: str
) -> None:
    done = run(*arguments, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lockstep-server: {told}")
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_refused_in_one_line_be_it_a_listeners_or_the_admins() -> None:
    with ServerProcess("free") as server:
        port, admin = server.ports["free"], server.ready["admin_port"]
        taken = run("--listen", f"lock:{port}", "--admin-port", "0")
        assert (taken.returncode, taken.stderr.count("\n")) == (2, 1)
        assert taken.stderr.startswith(
            f"lockstep-server: --listen lock:{port}: port {port} on 0.0.0.0 is in use"
        )
        taken = run("--listen", "lock:0", "--admin-port", str(admin))
        assert (taken.returncode, taken.stderr.count("\n")) == (2, 1)
        assert taken.stderr.startswith(
            f"lockstep-server: --admin-port {admin}: port {admin} on 127.0.0.1 is in use"
        )


@pytest.mark.parametrize("accept", ["blocking", "nonblocking"])
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once_with_exit_code_0(signal_number: signal.Signals, accept: str) -> None:
    with ServerProcess("free", "queue=2", "iterative", "process=2", flags=("--accept", accept)) as server:
        server.process.send_signal(signal_number)
        assert server.process.wait(20) == 0


@pytest.mark.parametrize(
    "name",
    [
        *("free", "lock", "rlock", "condition=1", "ticket", "rwlock=2/message", "queue=1", "asyncio"),
        "process=3",
    ],
)
def test_sessions_may_end_while_the_server_drains_queued_ones_too(name: str) -> None:
    with ServerProcess(name, flags=(*FRAMED, "--drain", "20s")) as server:
        with crowd(server.ports[name], 3) as links:
            for link in links:
                link.sendall(b"\0\0\0\x01x")
            wait_until(lambda: server.listeners()[name]["accepted"] == 3)
            server.process.terminate()
            wait_until(lambda: "stopping" in server.stderr)
            finish = [threading.Thread(target=finish_session, args=(link,)) for link in links]
            for thread in finish:
                thread.start()
            for thread in finish:
                thread.join(20)
        assert server.process.wait(20) == 0
        assert "drained" not in server.stderr


def finish_session(link: socket.socket) -> None:
    assert link.recv(100) == b"\0\0\0\x01x"
    link.close()


EVERY_MODE = (
    *("free", "lock", "rlock", "semaphore=2", "condition=1", "ticket", "lock/message", "rwlock=2/message"),
    *("queue=2", "iterative", "asyncio", "process=2"),
)


def test_whatever_was_sent_before_a_stop_is_answered_in_every_mode_in_the_backlog_too() -> None:
    flags = (*FRAMED, "--hold", "5ms", "--drain", "20s")
    with ServerProcess(*EVERY_MODE, flags=flags) as server, crowds(server, 15) as links:
        stop_with_messages_sent(server, links)
        answered = [threading.Thread(target=finish_session, args=(link,)) for link in links]
        for thread in answered:
            thread.start()
        for thread in answered:
            thread.join(20)
        assert server.process.wait(20) == 0
        assert "drained" not in server.stderr
        assert "Traceback" not in server.stderr


def test_who_is_not_served_before_the_drain_is_over_sees_an_end_and_no_reset_in_every_mode() -> None:
    flags = (*FRAMED, "--hold", "500ms", "--drain", "50ms")
    with ServerProcess(*EVERY_MODE, flags=flags) as server, crowds(server, 15) as links:
        stop_with_messages_sent(server, links)
        for link in links:
            assert link.recv(100) in (b"", b"\0\0\0\x01x")
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.stderr


@contextmanager
def crowds(server: ServerProcess, size: int) -> Iterator[list[socket.socket]]:
    """So many connections to each of its ports."""
    with ExitStack() as all_of_them:
        yield [
            link for port in server.ports.values() for link in all_of_them.enter_context(crowd(port, size))
        ]


def stop_with_messages_sent(server: ServerProcess, links: list[socket.socket]) -> None:
    for link in links:
        link.sendall(b"\0\0\0\x01x")
    wait_until(lambda: all(seen["accepted"] for seen in server.listeners().values()))
    server.process.terminate()
    wait_until(lambda: "stopping" in server.stderr)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_stop_ends_the_server_at_once(second: signal.Signals) -> None:
    with (
        ServerProcess(*EVERY_MODE, flags=(*FRAMED, "--drain", "5m")) as server,
        crowds(server, 1) as links,
    ):
        for link in links:
            ask(link, b"mine")
        server.process.terminate()
        wait_until(lambda: "stopping" in server.stderr)
        server.process.send_signal(second)
        assert server.process.wait(20) == -second
        assert all(closed_by_server(link) for link in links)


@pytest.mark.parametrize("name", ["lock", "rlock", "condition=1"])
def test_who_stays_beyond_the_drain_is_cut_off_and_the_server_still_ends_well(name: str) -> None:
    with ServerProcess(name, flags=(*FRAMED, "--drain", "50ms")) as server:
        with connect(server.ports[name]) as served, connect(server.ports[name]) as queued:
            ask(served, b"mine")
            wait_until(lambda: server.listeners()[name]["waiting"] == 1)
            assert server.terminate() == 0
            assert closed_by_server(served)
            assert closed_by_server(queued)
        assert "drained: 2 connections were still open and are cut" in server.stderr
        assert "drained (the server is stopping)" in server.stderr


@pytest.mark.parametrize("name", ["lock", "process=1"])
def test_a_long_pause_does_not_keep_a_server_from_ending(name: str) -> None:
    with ServerProcess(name, flags=("--pause", "1m")) as server:
        with connect(server.ports[name]) as link:
            link.sendall(b"hello")
            link.recv(100)
        wait_until(lambda: server.listeners()[name]["closed"] == 1)
        assert server.terminate() == 0


@pytest.mark.parametrize("name", ["free", "asyncio", "process=8"])
def test_a_server_under_fire_ends_well(name: str) -> None:
    with ServerProcess(name, flags=("--drain", "0", "--log-level", "debug")) as server:
        links = [connect(server.ports[name]) for _ in range(8)]
        threads = [threading.Thread(target=fire, args=(link,)) for link in links]
        for thread in threads:
            thread.start()
        wait_until(lambda: server.listeners()[name]["received"] > 100)
        assert server.terminate() == 0
        for thread in threads:
            thread.join(20)
        assert "Traceback" not in server.stderr
        assert "Fatal" not in server.stderr


def fire(link: socket.socket) -> None:
    with link:
        try:
            while True:
                link.sendall(b"x")
                if not link.recv(100):
                    return
        except OSError:
            return  # the server has gone, as it was told


def test_a_server_out_of_file_descriptors_says_so_and_recovers() -> None:
    with ServerProcess("free", flags=FRAMED) as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (24, 24))
        with crowd(server.ports["free"], 30) as links:
            wait_until(lambda: "cannot accept (Too many open files); raise the limit" in server.stderr)
            links[0].close()
            assert server.stderr.count("cannot accept") >= 1
        wait_until(lambda: answers(server))
        with connect(server.ports["free"]) as link:
            assert ask(link, b"better") == b"better"
        assert server.stderr.count("cannot accept") < 30


def answers(server: ServerProcess) -> bool:
    try:
        return server.ask("/health") == "ok\n"
    except (URLError, OSError):
        return False


def test_a_server_is_found_by_its_announcement() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("", 0))
        ear.settimeout(20)
        target = f"127.255.255.255:{ear.getsockname()[1]}"
        with ServerProcess("free", "lock", flags=("--announce", "--announce-to", target)) as server:
            said = json.loads(ear.recv(65536))
            assert said == {"service": "lockstep", **server.ready}
            assert json.loads(ear.recv(65536)) == said
