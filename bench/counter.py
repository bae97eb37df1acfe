"""The counting server as a process, and what it has counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.ports import free_port
from bench.processes import SERVER_CORE, Place, Running, python, running


@dataclass(frozen=True, slots=True)
class Counts:
    """Since it started. sessions: connections closed that had said something."""

    bytes: int
    opened: int
    closed: int
    sessions: int

    @property
    def open(self) -> int:
        """Connections now."""
        return self.opened - self.closed


class Counter:
    """A counting server that runs."""

    def __init__(self, process: Running) -> None:
        self._process = process
        self.port: int = process.hear()

    def counts(self) -> Counts:
        """All it has counted by now."""
        return Counts(**self._process.ask())

    def messages(self, frame_bytes: int) -> int:
        """Whole messages of that size by now."""
        return self.counts().bytes // frame_bytes

    def sessions(self) -> int:
        """Sessions by now."""
        return self.counts().sessions


@contextmanager
def counting(open_files: int | None = None, port: int | None = None) -> Iterator[Counter]:
    """A fresh counting server on a port of its own, or on one that it shares with others.

    A new port for every measurement also means that no earlier one's TIME_WAIT stands in its way: a closed
    connection only blocks the same four addresses.
    """
    command = python("-m", "bench.counting_server", *([] if port is None else [str(port)]))
    place = Place(SERVER_CORE, open_files)
    with running("counting server", command, place, spoken_with=True) as process:
        yield Counter(process)


@contextmanager
def sharing(count: int) -> Iterator[list[Counter]]:
    """That many counting servers behind one port: together they hold more connections than a process may."""
    port = free_port()
    with ExitStack() as stack:
        yield [stack.enter_context(counting(port=port)) for _ in range(count)]
