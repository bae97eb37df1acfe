"""A TcpUser of somebody's own, run by Locust's command: what its table counts, and how misuse ends it."""

from __future__ import annotations

import json
import socket
import socketserver
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HEAD = """
import gevent
from locust import task
from lockstep import TcpUser, sized, until

class Mine(TcpUser):
    host = "tcp://127.0.0.1:{port}"
    turns = 0

    def wait_time(self):
        self.turns += 1
        if self.turns < 30:
            return 0.01
        gevent.spawn(self.environment.runner.quit)
        return 3600

"""


@dataclass(frozen=True)
class Done:
    """How a run went. rows: Locust's, by type. messages: how many lines or pieces the peer heard."""

    code: int
    log: str
    rows: dict[str, dict[str, Any]]
    heard: int


@contextmanager
def peer(serve: Callable[[socket.socket, Callable[[], None]], None]) -> Iterator[tuple[int, list[int]]]:
    """A threaded server: its port, and how often `serve` has counted."""
    heard = [0]

    def count() -> None:
        heard[0] += 1

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                serve(self.request, count)
            except OSError:
                return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1], heard
        finally:
            server.shutdown()


def run(
    tmp_path: Path,
    body: str,
    serve: Callable[[socket.socket, Callable[[], None]], None],
) -> Done:
    """One user, until it has had thirty turns or has ended the run itself."""
    with peer(serve) as (port, heard):
        source = HEAD.format(port=port) + textwrap.indent(textwrap.dedent(body), "    ")
        (tmp_path / "mine.py").write_text(source)
        command = [sys.executable, "-m", "locust", "-f", "mine.py", "--headless", "--json", "-u", "1"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    rows = json.loads(done.stdout) if done.stdout.strip() else []
    return Done(done.returncode, done.stderr, {row["method"]: row for row in rows}, heard[0])


def lines(link: socket.socket) -> Iterator[bytes]:
    with link.makefile("rb") as stream:
        yield from stream


def takes_all(link: socket.socket, count: Callable[[], None]) -> None:
    for _ in lines(link):
        count()


def echoes_lines(link: socket.socket, count: Callable[[], None]) -> None:
    for line in lines(link):
        count()
        link.sendall(line)


def echoes_slowly(link: socket.socket, count: Callable[[], None]) -> None:
    for line in lines(link):
        count()
        time.sleep(0.2 if line == b"slow\n" else 0.01)
        link.sendall(line)


def answers_each_line_with_two(link: socket.socket, count: Callable[[], None]) -> None:
    for _ in lines(link):
        count()
        time.sleep(0.02)
        link.sendall(b"$5\r\nhello\r\n")


def hangs_up_after_three(link: socket.socket, count: Callable[[], None]) -> None:
    for number, line in enumerate(lines(link), 1):
        count()
        link.sendall(line)
        if number == 3:
            return


def test_messages_that_get_no_reply_are_counted_each_once(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        framing = "line"
        @task
        def log(self):
            self.client.send(b"event", reply=False)
        """,
        takes_all,
    )
    assert done.code == 0, done.log
    assert done.rows["send"]["num_requests"] == done.heard > 10
    assert done.rows["send"]["num_failures"] == 0


def test_messages_whose_reply_is_never_taken_are_failures_that_name_the_remedy(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        framing = "line"
        @task
        def log(self):
            self.client.send(b"event")
        @task
        def turn(self):
            self.client.close()
            self.client.connect()
        """,
        takes_all,
    )
    row = done.rows["message"]
    assert row["num_requests"] == row["num_failures"] == done.heard
    assert "reply=False" in done.log


def test_messages_after_an_abort_are_counted_as_aborted(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        framing = "line"
        @task
        def ask(self):
            self.client.request(b"x", b"x")
            if self.turns == 2:
                self.client.abort()
                assert not self.client.connected
        """,
        echoes_lines,
    )
    row = done.rows["message"]
    assert (row["num_requests"], row["num_failures"], done.heard) == (30, 27, 3)
    assert "aborted" in done.log


def test_no_time_is_shorter_than_the_servers_when_it_says_more_than_was_asked_for(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        framing = "line"
        @task
        def get(self):
            self.client.request(b"GET k")
        """,
        answers_each_line_with_two,
    )
    row = done.rows["message"]
    assert row["num_requests"] > 5
    assert not row["response_times"] or min(map(float, row["response_times"])) >= 20
    assert row["num_failures"] > 0
    assert "hello" in done.log


def test_a_connection_that_the_peer_ends_is_a_failure_and_the_next_message_opens_another(
    tmp_path: Path,
) -> None:
    done = run(
        tmp_path,
        """
        framing = "line"
        @task
        def ask(self):
            self.client.request(b"x", b"x")
        """,
        hangs_up_after_three,
    )
    assert "Traceback" not in done.log
    assert done.rows["connect"]["num_requests"] > 1
    assert done.heard == done.rows["message"]["num_requests"] - done.rows["message"]["num_failures"]


MISUSES = {
    "text": """
        @task
        def ask(self):
            self.client.request(b"x", expect="x")
        """,
    "in flight": """
        framing = "line"
        @task
        def ask(self):
            self.client.send(b"x")
            self.client.request(b"y")
        """,
}


@pytest.mark.parametrize(
    ("misuse", "remedy"),
    [("text", "put b before"), ("in flight", "receive")],
)
def test_misuse_ends_the_run_with_one_line_that_names_the_place_and_the_remedy(
    tmp_path: Path, misuse: str, remedy: str
) -> None:
    done = run(tmp_path, MISUSES[misuse], echoes_slowly)
    assert done.code == 2, done.log
    assert "Traceback" not in done.log
    (line,) = [line for line in done.log.splitlines() if "lockstep:" in line]
    assert "Mine (mine.py:" in line
    assert remedy in line


def test_raw_replies_without_an_end_are_said_to_be_timed_to_their_first_bytes(tmp_path: Path) -> None:
    body = """
        @task
        def ask(self):
            self.client.request(b"x\\n"{end})
        """
    noted = run(tmp_path, body.format(end=""), echoes_lines)
    assert noted.log.count("times run to its first bytes") == 1
    known = run(tmp_path, body.format(end=", end=until(b'\\n', 100)"), echoes_lines)
    assert "first bytes" not in known.log
    assert known.rows["message"]["num_failures"] == 0
