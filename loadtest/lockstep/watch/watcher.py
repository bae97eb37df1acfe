"""The one that leads has a server watched: a process beside the load, ordered cell by cell."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from lockstep.children import Program, end_with_parent, start
from lockstep.documents import read_record
from lockstep.runs.watched import Watched, thinned

# Once a second; where cells are short so many times in each, but not more often than five times a second.
EVERY_S, LEAST_S, IN_A_CELL = 1.0, 0.2, 10
# The last look at a server with ten thousand threads takes a quarter of a second.
_LAST_WORD_S = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a server in a cell. trouble: why no more in words, "" where nothing was in the way."""

    stretches: list[Watched] = field(default_factory=list)
    trouble: str = ""


def every_s(cell_s: float) -> float:
    """How often a cell of that length is looked at."""
    return min(max(cell_s / IN_A_CELL, LEAST_S), EVERY_S)


class Watcher:
    """Watches one server at a time. process_of: who is behind a series now; None where nobody is watched."""

    def __init__(self, process: subprocess.Popen[str], process_of: Callable[[str], int | None]) -> None:
        self._process = process
        self._process_of = process_of
        self._told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._watching = False
        self._troubles: set[str] = set()
        # A cell of hours tells more than a pipe takes in.
        threading.Thread(target=self._listen, daemon=True).start()

    def begin(self, mode: str, port: int | None, cell_s: float) -> None:
        """A cell of a mode begins now."""
        # Of a cell that came to nothing nobody has asked what was seen.
        self.end(0)
        pid = self._process_of(mode)
        self._watching = pid is not None
        if self._watching:
            self._order({"pid": pid, "port": port, "every_s": every_s(cell_s)})

    def end(self, began_ns: int) -> Seen:
        """It is over: what was seen, with times from began_ns on, monotonic. Nothing where nobody watched.

        The same trouble is told once: a kernel that says nothing says it in no cell.
        """
        if not self._watching:
            return Seen()
        self._watching = False
        self._order(None)
        stretches: list[Watched] = []
        trouble = ""
        try:
            while (told := self._told.get(timeout=_LAST_WORD_S)) is not None:
                if "trouble" in told:
                    trouble = told["trouble"]
                else:
                    stretches.append(_counted_from(read_record(told, Watched), began_ns / 1e6))
        except queue.Empty:
            trouble = f"what watches it said nothing for {_LAST_WORD_S:g} s"
        told_already = trouble in self._troubles
        self._troubles.add(trouble)
        return Seen(thinned(stretches), "" if told_already else trouble)

    def _order(self, what: dict[str, Any] | None) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._told.put({"trouble": "what watches it has ended"})
            self._told.put(None)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(json.loads(line))


def _counted_from(stretch: Watched, moment_ms: float) -> Watched:
    return replace(stretch, from_ms=stretch.from_ms - moment_ms, until_ms=stretch.until_ms - moment_ms)


@contextmanager
def watching(process_of: Callable[[str], int | None]) -> Iterator[Watcher]:
    """A watcher while it is used. process_of: as a Watcher has it."""
    process = start(
        Program.WATCH,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )
    try:
        yield Watcher(process, process_of)
    finally:
        process.kill()
        process.wait()
