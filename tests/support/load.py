"""A Locust master with its web page and two workers, in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Any, Self

from tests.support.server import ROOT

WORKERS = 2
READY_S = 30.0
STOP_S = 15.0


class LoadProcesses:
    """From entering the context until leaving it: a master at `url` and its workers, all at hand.

    admin: `host:port` of the server's admin port, "" where there is none. folder: gets the logs, and the run
    folders in `results`. workers: how many. flags: more of the master's. host: None where none is given.
    """

    def __init__(
        self,
        admin: str,
        folder: Path,
        workers: int = WORKERS,
        flags: tuple[str, ...] = (),
        host: str | None = "tcp://127.0.0.1",
    ) -> None:
        self.results = folder / "results"
        self._host = () if host is None else ("-H", host)
        self._admin = admin
        self._workers = workers
        self._flags = flags
        self._folder = folder
        self.master_port, self._web_port = _free_ports(2)
        self._ends = contextlib.ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._web_port}"

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as started:
            self._ends = started
            web = ("--web-host", "127.0.0.1", "--web-port", str(self._web_port), *self._host)
            bind = ("--master-bind-host", "127.0.0.1", "--master-bind-port", str(self.master_port))
            self._start("master", "--master", *bind, *web, "--out", str(self.results), *self._flags)
            for number in range(self._workers):
                to_master = ("--master-host", "127.0.0.1", "--master-port", str(self.master_port))
                self._start(f"worker-{number}", "--worker", *to_master)
            self._await_workers()
            self._ends = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def start(self, **fields: object) -> None:
        """What the page's Start button sends."""
        code, answer = self.post("/swarm", {}, **fields)
        assert code == 200, answer
        assert answer["success"], answer

    def post(self, path: str, headers: dict[str, str], **fields: object) -> tuple[int, dict[str, Any]]:
        """POST a form; the status and the JSON that came back."""
        data = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def settle(self) -> None:
        """Stop the run that a failed test left under way, so that the next one fails or passes for itself."""
        with contextlib.suppress(urllib.error.URLError):  # a test may have ended the processes
            # Not asked for the state first: Locust tells one that may be seconds old.
            self.post("/stop", {})
            deadline = time.monotonic() + STOP_S
            while self._state() not in ("ready", "stopped"):
                assert time.monotonic() < deadline, f"not stopped within {STOP_S} s\n{self.logs()}"
                time.sleep(0.1)

    def end_in_order(self) -> None:
        """End workers first and the master last, as Compose does, and wait for them."""
        self._ends.close()

    def logs(self) -> str:
        """What the processes have written so far."""
        return "\n".join(
            f"--- {path.stem}\n{path.read_text()}" for path in sorted(self._folder.glob("*.log"))
        )

    def _start(self, name: str, *flags: str) -> None:
        log = self._ends.enter_context((self._folder / f"{name}.log").open("w"))
        command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", *flags]
        self._ends.callback(_end, _popen(command, {"LOCKSTEP_ADMIN": self._admin}, log))

    def _await_workers(self) -> None:
        deadline = time.monotonic() + READY_S
        while self._worker_count() != self._workers:
            assert time.monotonic() < deadline, f"not ready within {READY_S} s\n{self.logs()}"
            time.sleep(0.1)

    def _worker_count(self) -> int | None:
        """None where the master is not listening yet."""
        try:
            return int(self._get("/worker-count")["worker_count"])
        except urllib.error.URLError:
            return None

    def _state(self) -> str:
        return str(self._get("/stats/requests")["state"])

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            document: dict[str, Any] = json.load(answer)
        return document


def _popen(command: list[str], env: dict[str, str], log: IO[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=log, stderr=log)


def _end(process: subprocess.Popen[bytes]) -> None:
    """As a user would; and for certain."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody held a moment ago; held together until all are known, so that they differ."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in sockets]
