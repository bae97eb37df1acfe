"""The targets of a comparison, as `--target` and `--run` give them: read first, then started and asked."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lockstep.children import guarded, how_it_ended
from lockstep.errors import HarnessError, PlanError
from lockstep.target.named import Named, NamedTargets, Spoken, named_twice, read_targets, split_name
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep_wire.framing import framing_of

FORM = "write NAME='COMMAND {port}', for example new='./server --port {port}'"
READY_S = 30.0
# Who takes longer to end than this is waited for aloud, and so long.
SOON_S = 1.0
STOP_S = 9.0
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

    @property
    def process(self) -> int:
        """Its own; what it has started descends from it."""
        return self._process.pid

    def check(self) -> None:
        """HarnessError, with its exit code and last words, where it has ended."""
        code = self._process.poll()
        if code is not None:
            raise HarnessError(
                f"the server of {self.named.name} has ended ({how_it_ended(code)}){self.last_words()}; "
                f"try its command by hand: {self.command}"
            )

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
                    f"the server of {self.named.name} {missed} within {within_s:g} s{self.last_words()}; "
                    f"try its command by hand: {self.command}"
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

    def stop(self, tell: Callable[[str], None]) -> None:
        """End it by SIGTERM, and where that does not do, and what it has started, by SIGKILL.

        tell: is told what is waited for, and what had to be done.
        """
        self._signal(signal.SIGTERM)
        server = f"the server of {self.named.name}"
        try:
            for wait_s, words in (
                (SOON_S, f"waiting for {server} to end"),
                (STOP_S, f"{server} did not end within {SOON_S + STOP_S:g} s of SIGTERM: killed"),
            ):
                try:
                    self._process.wait(wait_s)
                    break
                except subprocess.TimeoutExpired:
                    tell(words)
        finally:
            # Also where somebody stops the run while it waits, for a server that is started anew.
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


@contextmanager
def started(
    command: Command,
    environment: Mapping[str, str],
    ready: re.Pattern[str] | None = None,
    ready_s: float = READY_S,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Started]:
    """The service that a command starts, at a free port of 127.0.0.1 or a unix socket, while it is used.

    environment: of its process. ready: as for await_ready. tell: as for Started.stop. PlanError where there
    is no such program; HarnessError where it does not get ready.
    """
    with (
        tempfile.TemporaryFile() as log,
        tempfile.TemporaryDirectory(prefix="lockstep-") as folder,
        guarded() as watch,
    ):
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
            )
        except OSError as error:
            raise PlanError(
                "run", f"{command.name}: {words[0]!r} cannot be started ({error.strerror}): check its path"
            ) from error
        service = Started(command.text, Named(command.name, endpoint), process, log)
        try:
            watch(process.pid)
            service.await_ready(ready, ready_s)
            yield service
        finally:
            service.stop(tell)


def _where(command: Command, folder: Path) -> Endpoint:
    if "{socket}" in command.text:
        return Endpoint.parse(f"unix://{folder / 'socket'}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Endpoint("127.0.0.1", probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Chosen:
    """commands: services to start; ready: what these print when they are. running: those that run already.

    spoken: how those talk that are no Lockstep servers. environment: of the processes to start.
    """

    commands: tuple[Command, ...]
    running: tuple[Named, ...]
    ready: re.Pattern[str] | None
    spoken: Spoken
    environment: Mapping[str, str]

    @classmethod
    def read(
        cls,
        commands: Sequence[str],
        targets: Sequence[str],
        ready: str | None,
        spoken: Spoken,
        environment: Mapping[str, str],
    ) -> Chosen:
        """Nothing is started, and nobody asked. PlanError says what is wrong with one of them."""
        chosen = cls(
            commands=tuple(map(Command.parse, commands)),
            running=tuple(each for text in targets for each in read_targets(text)),
            ready=None if ready is None else _pattern(ready),
            spoken=spoken,
            environment=environment,
        )
        if (twice := named_twice(chosen.names)) is not None:
            raise PlanError("target", f"{twice!r} is there twice: give each a name of its own")
        if chosen.ready is not None and not chosen.commands:
            raise PlanError("ready", "is for servers that --run starts: leave it out")
        return chosen

    @property
    def names(self) -> tuple[str, ...]:
        """Of all of them, in their order: the last is what others are compared with, unless that is said."""
        return (*(each.name for each in self.commands), *(each.name for each in self.running))

    def bring_up(self, stack: ExitStack, tell: Callable[[str], None]) -> NamedTargets:
        """Start those that are to be started, and ask those that can be asked.

        stack: ends what was started. tell: as for Started.stop. PlanError, HarnessError and
        ServerUnreachableError pass through.
        """
        services = {
            command.name: stack.enter_context(started(command, self.environment, self.ready, tell=tell))
            for command in self.commands
        }
        named = [*(service.named for service in services.values()), *self.running]
        return NamedTargets.of(named, self.spoken, services)


def checked_framing(text: str) -> str:
    """A framing's name. PlanError where there is none of it."""
    try:
        return framing_of(text).name
    except ValueError as wrong:
        raise PlanError("framing", str(wrong)) from None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        raise PlanError("ready", f"{text!r} is not a regular expression: {error}") from None
