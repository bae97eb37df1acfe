"""Whoever writes a user class, or names a host, wrongly is told once, before the run."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import environment
from tests.support.server import ROOT

PATIENCE_S = 60
HEADLESS = ("--headless", "--users", "2", "--run-time", "30s", "--only-summary")


def locust(locustfile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Locust with this file, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(locustfile), *arguments],
        cwd=locustfile.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def greeter(folder: Path, *lines: str) -> Path:
    """A locustfile with one user class that has these lines."""
    file = folder / "greeter.py"
    head = "from locust import task\nfrom lockstep.users import TcpUser\n\nclass Greeter(TcpUser):\n"
    body = [*lines, "@task", "def greet(self): self.client.connect()"]
    file.write_text(head + "".join(f"    {line}\n" for line in body))
    return file


@pytest.mark.parametrize(
    ("lines", "more", "told"),
    [
        ([], (), "no host is given"),
        (["host = 'tcp://127.0.0.1'"], (), "'tcp://127.0.0.1' has no port"),
        (["host = 'tcp://nowhere.invalid:80'"], (), "cannot find host 'nowhere.invalid'"),
        (["host = 'tls://127.0.0.1:9?ca=nowhere.pem'"], (), "ca=nowhere.pem cannot be read"),
        (["host = 'tcp://127.0.0.1:9'"], ("--host", "http://127.0.0.1:9"), "is not a TCP target"),
        (["host = 'tcp://127.0.0.1:9'", "framing = object"], (), "framing = <class 'object'>"),
        (["host = 'tcp://127.0.0.1:9'", "timeout = 1.0"], (), "did you mean timeout_s?"),
        # With a page too: no form could mend it.
        (["host = 'tcp://127.0.0.1:9'", "framing = 'lin'"], ("page",), "did you mean line?"),
        (["host = 'tcp://127.0.0.1:9'", "timeout_s = 0"], (), "timeout_s = 0"),
    ],
)
def test_a_wrong_user_class_ends_locust_in_one_line(
    tmp_path: Path, lines: list[str], more: tuple[str, ...], told: str
) -> None:
    page = ("--web-host", "127.0.0.1", "--web-port", "0")
    arguments = page if more == ("page",) else (*HEADLESS, *more)
    done = locust(greeter(tmp_path, *lines), *arguments)
    assert done.returncode == 2, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("lockstep: ")]
    assert len(said) == 1
    assert said[0].startswith("lockstep: Greeter: ")
    assert told in said[0]
    assert "Traceback" not in done.stderr


def test_the_page_refuses_a_start_towards_nobody_and_takes_the_next(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "locust", "-f", str(greeter(tmp_path)), "--web-host", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--web-port", str(port)], cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL
    ) as page:
        try:
            for host, started, told in (
                ("", False, "no host is given"),
                ("tcp://nowhere.invalid:80", False, "cannot find host"),
                ("tcp://127.0.0.1", False, "has no port"),
                ("tcp://127.0.0.1:9", True, "Swarming started"),
            ):
                answer = swarm(port, host)
                assert (answer["success"], told in answer["message"]) == (started, True), answer
        finally:
            page.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def swarm(port: int, host: str) -> Any:
    """What the page answers to its own form, once it is there."""
    form = urllib.parse.urlencode({"user_count": 1, "spawn_rate": 1, "host": host}).encode()
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/swarm", form, PATIENCE_S) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            assert time.monotonic() < deadline, "no page"
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("host", "told"),
    [("tcp://nowhere.invalid:80", "cannot find host 'nowhere.invalid'"), ("tcp://127.0.0.1", "has no port")],
)
def test_a_wrong_host_for_the_shipped_users_ends_locust_in_one_line(
    tmp_path: Path, host: str, told: str
) -> None:
    out = tmp_path / "results"
    done = locust(ROOT / "loadtest" / "locustfile.py", *HEADLESS, "--host", host, "--out", str(out))
    assert done.returncode == 2, done.stderr
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("lockstep: ")]
    assert told in said
    assert "Traceback" not in done.stderr
    assert not out.exists()
