"""Takes one profile at a time: a profiler beside the server, from a cell's beginning to its end."""

from __future__ import annotations

import linecache
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lockstep.children import end_with_parent
from lockstep.errors import PlanError
from lockstep.profiling.stacks import read_stacks
from lockstep.profiling.tools import Tool, in_words, recording, tool_for
from lockstep.runs.profiles import Stack

# It has to write what it has seen.
_LAST_WORD_S = 30.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What a profiler saw. trouble: why nothing, in words; "" where nothing was in the way."""

    tool: str = ""
    seconds: float = 0.0
    stacks: list[Stack] = field(default_factory=list)
    trouble: str = ""


class Profiler:
    """process_of: who is behind a series now; None where nobody is known."""

    def __init__(self, process_of: Callable[[str], int | None]) -> None:
        self._process_of = process_of
        self._recording: _Recording | None = None

    def begin(self, mode: str) -> None:
        """A cell of a mode begins now. PlanError where its process cannot be looked into."""
        self.stop()
        pid = self._process_of(mode)
        assert pid is not None, "who cannot be profiled is refused before the run"
        self._recording = _Recording(tool_for(pid), pid)

    def end(self) -> Taken:
        """It is over: what was seen. Nothing where no profile was begun."""
        ended, self._recording = self._recording, None
        return Taken() if ended is None else ended.taken()

    def stop(self) -> None:
        """End a profile that nobody will ask for."""
        if self._recording is not None:
            self._recording.kill()
            self._recording = None


class _Recording:
    """A profiler at work."""

    def __init__(self, tool: Tool, pid: int) -> None:
        self._tool = tool
        self._folder = tempfile.TemporaryDirectory(prefix="lockstep-")
        self._file = Path(self._folder.name) / "stacks"
        self._log = (Path(self._folder.name) / "log").open("w+", encoding="utf-8", errors="replace")
        self._began_s = time.monotonic()
        try:
            self._process = subprocess.Popen(
                recording(tool, pid, self._file),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,  # Ctrl-C is for the run
                preexec_fn=end_with_parent,
            )
        except OSError as error:
            raise PlanError("profile", f"{tool.name} cannot be started ({error.strerror})") from error

    def taken(self) -> Taken:
        """End it, and tell what it saw."""
        seconds = time.monotonic() - self._began_s
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_LAST_WORD_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return Taken(self._tool.name, seconds, trouble=f"did not end within {_LAST_WORD_S:g} s")
        stacks = []
        if self._file.is_file():
            text = self._file.read_text(encoding="utf-8", errors="replace")
            stacks = read_stacks(text, linecache.getline)
        self._log.seek(0)
        said = self._log.readlines()
        self.kill()
        trouble = "" if stacks else in_words(self._tool.name, said)
        return Taken(self._tool.name, seconds, stacks, trouble)

    def kill(self) -> None:
        """Nothing of it is left."""
        self._process.kill()
        self._process.wait()
        self._log.close()
        self._folder.cleanup()
