"""Services that are started for a run by a command of their owner's, and ended after it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lockstep.children import end_with_parent
from lockstep.errors import HarnessError, PlanError
from lockstep.target.named import Named, split_name
from lockstep.tcp.endpoint import Endpoint, Scheme

FORM = "write NAME='COMMAND {port}', for example new='./server --port {port}'"
READY_S = 30.0
STOP_S = 10.0
_POLL_S = 0.02
_LAST_LINES = 3
_PLACES = ("{port}", "{socket}")


@dataclass(frozen=True, slots=True)
class Command:
    """name: of the target. text: the command, in which {port} or {socket} says where it is to listen."""

    name: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Command:
        """`NAME=COMMAND`. PlanError says what is wrong with it; nothing is started."""
        name, command = split_name("run", text, FORM)
        if sum(place in command for place in _PLACES) != 1:
            raise PlanError("run", f"{text!r} does not say where the server is to listen: {FORM}")
        try:
            shlex.split(command)
        except ValueError as wrong:
            raise PlanError("run", f"{text!r} cannot be cut into words ({wrong}): check its quotes") from None
        return cls(name, command)

    def words(self, where: str) -> list[str]:
        """The command line, with where to listen put in. No shell reads it."""
        return [word.replace("{port}", where).replace("{socket}", where) for word in shlex.split(self.text)]


class Started:
    """A service that was started for the run. command: by what. named: the target that it is."""

    def __init__(self, command: str, named: Named, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.command = command
        self.named = named
        self._process = process
        self._log = log

    def check(self) -> None:
        """HarnessError, with its exit code and last words, where it has ended."""
        code = self._process.poll()
        if code is not None:
            how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
            raise HarnessError(f"the server of {self.named.name} has ended ({how}){self.last_words()}")

    def last_words(self) -> str:
        """`: ` and what it said last; nothing where it said nothing."""
        lines = [line.strip() for line in self.said().splitlines() if line.strip()]
        return f": {' | '.join(lines[-_LAST_LINES:])}" if lines else ""

    def said(self) -> str:
        """All that it has printed so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def await_ready(self, line: re.Pattern[str] | None, within_s: float) -> None:
        """Until it accepts a connection or, where `line` is given, has printed a line in which that is found.

        HarnessError where it ends instead, or does neither in time.
        """
        deadline = time.monotonic() + within_s
        while not (self._accepts() if line is None else line.search(self.said())):
            self.check()
            if time.monotonic() > deadline:
                missed = "accepted nobody" if line is None else f"printed no line with {line.pattern!r}"
                raise HarnessError(
                    f"the server of {self.named.name} {missed} within {within_s:g} s{self.last_words()}"
                )
            time.sleep(_POLL_S)

    def _accepts(self) -> bool:
        endpoint = self.named.endpoint
        unix = endpoint.scheme is Scheme.UNIX
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(endpoint.host if unix else (endpoint.host, endpoint.port))
            except OSError:
                return False
        return True

    def stop(self) -> None:
        """End it and what it has started, by SIGTERM, and where that does not do, by SIGKILL."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()


@contextmanager
def started(
    command: Command,
    environment: Mapping[str, str],
    ready: re.Pattern[str] | None = None,
    ready_s: float = READY_S,
) -> Iterator[Started]:
    """The service that a command starts, at a free port of 127.0.0.1 or a unix socket, while it is used.

    environment: of its process. ready: as for await_ready. PlanError where there is no such program;
    HarnessError where it does not get ready.
    """
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory(prefix="lockstep-") as folder:
        endpoint = _where(command, Path(folder))
        words = command.words(endpoint.host if endpoint.scheme is Scheme.UNIX else str(endpoint.port))
        try:
            process = subprocess.Popen(
                words,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a group of its own: Ctrl-C is for the run, and it ends after that
                preexec_fn=end_with_parent,
            )
        except OSError as error:
            raise PlanError(
                "run", f"{command.name}: {words[0]!r} cannot be started ({error.strerror}): check its path"
            ) from error
        service = Started(command.text, Named(command.name, endpoint), process, log)
        try:
            service.await_ready(ready, ready_s)
            yield service
        finally:
            service.stop()


def _where(command: Command, folder: Path) -> Endpoint:
    if "{socket}" in command.text:
        return Endpoint.parse(f"unix://{folder / 'socket'}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Endpoint("127.0.0.1", probe.getsockname()[1])
