"""Processes of the bench: each on the core it is given, each with a bound, each ended by its own number."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
SERVER_CORE, LOAD_CORE = 0, 1
STOP_TIMEOUT_S = 20.0
ANSWER_TIMEOUT_S = 60.0
POLL_S = 0.05
# What configures a Locust or a Lockstep of the user's would be options of ours.
NOT_INHERITED = ("LOCUST_", "LOCKSTEP_")


class ToolError(Exception):
    """A tool that could not do its part; the message is one line and says what, and the remedy."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process runs. core: None for any. open_files: the limit it needs, None for the usual."""

    core: int | None = None
    open_files: int | None = None

    def enter(self) -> None:
        """Called in the child, before it becomes the tool."""
        if self.core is not None and self.core in os.sched_getaffinity(0):
            os.sched_setaffinity(0, {self.core})
        if self.open_files is not None:
            raise_open_files(self.open_files)


ANYWHERE = Place()
ON_SERVER_CORE = Place(SERVER_CORE)
ON_LOAD_CORE = Place(LOAD_CORE)


def raise_open_files(wanted: int) -> None:
    """Raise this process's limit of open files to what is wanted, or as far as its rights go."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
    except (ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


class Running:
    """A process that runs. log: what it said on stderr, and on stdout where nobody reads that."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.name = name
        self.pid = process.pid
        self._process = process
        self._log = log
        self._unread = b""

    def check(self) -> None:
        """ToolError with its own last words if it has ended."""
        code = self._process.poll()
        if code is not None:
            raise ToolError(f"{self.name} ended with {code}: {self.last_words()}")

    def last_words(self) -> str:
        """The last line of its log."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it said nothing"

    def said(self) -> str:
        """All of its log."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def ask(self, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        """A newline to its stdin, and the JSON line that it answers."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._process.wait(STOP_TIMEOUT_S)
            self.check()
            raise
        return self.hear(timeout_s)

    def hear(self, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        """The next line of its stdout, as JSON. ToolError if none comes."""
        assert self._process.stdout is not None
        end = time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise ToolError(f"{self.name} said nothing within {timeout_s:g} s")
            data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                self._process.wait(STOP_TIMEOUT_S)
                self.check()
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            return json.loads(line)
        except json.JSONDecodeError:
            raise ToolError(f"{self.name} said {line.decode(errors='replace')!r}") from None

    def wait(self, timeout_s: float) -> int:
        """Its exit code, once it ends by itself. ToolError if it does not within the bound."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ToolError(f"{self.name} did not end within {timeout_s:g} s") from None

    def end(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """SIGTERM, or SIGKILL if that does not do; then the same to what it leaves behind. Its exit code."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.terminate()
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._end_group()
        return code

    def _end_group(self) -> None:
        """A shell script's child outlives it: it is still in the group, which nobody else can be in."""
        end = time.monotonic() + STOP_TIMEOUT_S
        kind = int(signal.SIGTERM)
        try:
            while True:
                os.killpg(self.pid, kind)
                time.sleep(POLL_S)
                kind = signal.SIGKILL if time.monotonic() > end else 0
        except ProcessLookupError:
            return


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    place: Place = ANYWHERE,
    *,
    spoken_with: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Run a command from the project's folder until the block is left.

    name: what to call it in a refusal. spoken_with: stdin and stdout are for ask() and hear(). environment:
    variables on top of the inherited ones, without those of Locust and Lockstep. ToolError where there is no
    such command.
    """
    pipe = subprocess.PIPE if spoken_with else None
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(NOT_INHERITED)}
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or log,
                stderr=log,
                env={**inherited, **(environment or {})},
                start_new_session=True,  # Ctrl-C is for the bench, which ends the others in its own order
                preexec_fn=place.enter,
            )
        except FileNotFoundError as error:
            raise ToolError(f"{name}: {error.filename} is not installed") from None
        tool = Running(name, process, log)
        try:
            yield tool
        finally:
            tool.end()
            if process.stdout is not None:
                process.stdout.close()


def python(*arguments: str) -> list[str]:
    """The command that runs this Python."""
    return [sys.executable, *arguments]
