"""Lockstep under Compose, as one throw-away project per test: own name, web port and results folder."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
# This process's own, so that two test runs on one machine never start each other's images.
TAG = f"test-{secrets.token_hex(4)}"
IMAGES = (f"lockstep-server:{TAG}", f"lockstep-loadtest:{TAG}")
UP_S = 300
DOWN_S = 120


def docker(*arguments: str, timeout_s: float = 60, env: Mapping[str, str] | None = None) -> str:
    """Run the docker command line and give its stdout; AssertionError with both outputs where it fails."""
    command = ["docker", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


@dataclass
class Stack:
    """`with Stack(results, {...}) as stack`: nothing of it is left afterwards but the results folder."""

    results: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"lockstep-test-{secrets.token_hex(4)}")
    web_port: int = field(default_factory=free_port)
    more: tuple[Path, ...] = ()
    """further Compose files, as a user would add a service of his own"""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                print(self.logs())
        finally:
            self.compose("down", "--volumes", "--timeout", "5", timeout_s=DOWN_S)

    def compose(self, *arguments: str, timeout_s: float = 60) -> str:
        env = {
            **self.settings,
            "LOCKSTEP_TAG": TAG,
            "LOCKSTEP_WEB_PORT": str(self.web_port),
            "LOCKSTEP_RESULTS": str(self.results),
        }
        files = [f"--file={file}" for file in (ROOT / "docker-compose.yml", *self.more)]
        project = ("compose", *files, "--project-name", self.name)
        return docker(*project, *arguments, timeout_s=timeout_s, env=env)

    def up(self, workers: int) -> None:
        """Build, and start everything; over when server and master are healthy and the workers started."""
        self.compose("up", "--detach", "--build", "--scale", f"worker={workers}", timeout_s=UP_S)

    def down(self) -> None:
        """As a user does it: every container gets its whole grace period."""
        self.compose("down", timeout_s=DOWN_S)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--all", "--quiet", service).split()

    def inspect(self, service: str) -> list[dict[str, Any]]:
        inspected: list[dict[str, Any]] = json.loads(docker("inspect", *self.containers(service)))
        return inspected

    def exit_code(self, service: str, timeout_s: float) -> int:
        """Wait for a service's only container to end."""
        (container,) = self.containers(service)
        return int(docker("wait", container, timeout_s=timeout_s))

    def logs(self) -> str:
        return self.compose("logs", "--no-color", "--tail", "60")


def run_document(results: Path) -> tuple[Path, dict[str, Any]]:
    """The folder and the run.json of the only run in a results folder."""
    (folder,) = results.iterdir()
    document: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return folder, document
