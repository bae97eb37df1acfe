"""A server in a process of its own, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 20


class ServerProcess:
    """`lockstep-server` on ports the system picks, from entering the context until leaving it.

        with ServerProcess("free", "lock", flags=("--hold", "2ms")) as server:
            socket.create_connection(("127.0.0.1", server.ports["lock"]))

    listeners: specs without port, such as `semaphore=4` or `lock/message`; they are also the keys of `ports`.
    """

    python = sys.executable
    """The interpreter that it runs on."""

    def __init__(
        self, *listeners: str, flags: tuple[str, ...] = (), env: dict[str, str] | None = None
    ) -> None:
        specs = [text for name in listeners for text in ("--listen", f"{name}:0")]
        self.command = [self.python, "-m", "lockstep_server", "--admin-port", "0", *specs, *flags]
        self.names = listeners
        self.ready: dict[str, Any] = {}
        self.ports: dict[str, int] = {}
        self.admin_url = ""
        self._env = {**os.environ, **(env or {})}
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving the context
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> ServerProcess:
        self._process = subprocess.Popen(
            self.command, cwd=ROOT, env=self._env, stdout=subprocess.PIPE, stderr=self._stderr, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait(_PATIENCE_S)
            raise RuntimeError(f"the server did not start (exit {code}): {self.stderr}")
        self.ready = json.loads(line)
        self.ports = dict(zip(self.names, (it["port"] for it in self.ready["listeners"]), strict=True))
        self.admin_url = f"http://127.0.0.1:{self.ready['admin_port']}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(_PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._stderr.close()

    @property
    def process(self) -> subprocess.Popen[str]:
        """The running process."""
        assert self._process is not None, "enter the context first"
        return self._process

    @property
    def stderr(self) -> str:
        """What the server has logged so far."""
        # pread, because the server writes at this same file's position.
        return os.pread(self._stderr.fileno(), 2**24, 0).decode()

    def ask(self, path: str, method: str = "GET") -> str:
        """The admin port's answer. urllib.error.HTTPError if it refuses."""
        request = urllib.request.Request(self.admin_url + path, method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:
            return str(response.read().decode())

    def listeners(self) -> dict[str, dict[str, Any]]:
        """GET /listeners, by name."""
        return {it["name"]: it for it in json.loads(self.ask("/listeners"))["listeners"]}

    def reset_peaks(self) -> None:
        """POST /peaks."""
        self.ask("/peaks", "POST")

    def connections(self, name: str | None = None, **query: int) -> dict[str, Any]:
        """GET /connections of one listener, or of all."""
        if name is not None:
            query["port"] = self.ports[name]
        answer: dict[str, Any] = json.loads(self.ask(f"/connections?{urllib.parse.urlencode(query)}"))
        return answer

    def terminate(self) -> int:
        """SIGTERM; returns the exit code once the server has drained."""
        self.process.terminate()
        return self.process.wait(_PATIENCE_S)
