"""What worker processes tell their server: moments through a pipe, counts in memory that they share.

What is written to a pipe in one go, up to PIPE_BUF bytes, stays whole, and all that is written stands in one
order (pipe(7)). So what several processes tell is booked as exactly as what threads do under a lock, and what
a process told before it died is there. Of a message nothing is told: a worker counts it in cells of its own,
which nobody else writes, and which are read whenever somebody asks.
"""

from __future__ import annotations

import json
import mmap
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lockstep_server.ledger import Ledger
from lockstep_server.occupancy import Occupancy, Stay
from lockstep_server.records import Cause, ConnectionRecord

_PIPE_BYTES = 65_536
_RECEIVED, _ANSWERED, _BYTES_RECEIVED, _BYTES_SENT = range(4)
_CELL_BYTES = 8

_now_ns = time.monotonic_ns

Cells = memoryview
"""What a worker has counted so far, of all its connections: received, answered, bytes in, bytes out."""
Tell = Callable[..., None]
"""Takes a worker's number, None for all of them together; what happened; and what is to be known of it."""
Ended = Callable[[int, ConnectionRecord | None], None]
"""Called when a worker has ended: its exit code, negative for a signal, and the connection lost with it."""


def shared_cells(workers: int) -> list[Cells]:
    """Cells for each, all 0; who is forked from here on shares them."""
    size = len(_counts_of(ConnectionRecord(0, "", 0)))
    whole = memoryview(mmap.mmap(-1, workers * size * _CELL_BYTES)).cast("q")
    return [whole[start : start + size] for start in range(0, workers * size, size)]


def teller(pipe: int) -> Tell:
    """Tells by that pipe. BrokenPipeError if nobody listens any more."""

    def tell(worker: int | None, what: str, *about: object) -> None:
        os.write(pipe, json.dumps([worker, what, *about]).encode() + b"\n")

    return tell


def _counts_of(record: ConnectionRecord) -> tuple[int, int, int, int]:
    return record.received, record.answered, record.bytes_received, record.bytes_sent


def _set_counts(record: ConnectionRecord, counts: Sequence[int]) -> None:
    record.received, record.answered, record.bytes_received, record.bytes_sent = counts


class _Counted:
    """An attribute of a record that is counted in a cell, on top of what the worker had counted before."""

    def __init__(self, cell: int) -> None:
        self._cell = cell

    def __get__(self, record: SharedRecord, _: type) -> int:
        count: int = record.cells[self._cell] - record.before[self._cell]
        return count

    def __set__(self, record: SharedRecord, count: int) -> None:
        record.cells[self._cell] = record.before[self._cell] + count


class SharedRecord(ConnectionRecord):
    """A record that the server can look into while its own process writes it."""

    __slots__ = ("before", "cells")

    received = _Counted(_RECEIVED)
    answered = _Counted(_ANSWERED)
    bytes_received = _Counted(_BYTES_RECEIVED)
    bytes_sent = _Counted(_BYTES_SENT)

    def __init__(self, peer: str, arrival_ns: int, cells: Cells) -> None:
        self.cells = cells
        self.before = cells.tolist()
        super().__init__(0, peer, arrival_ns)


class ToldBooks:
    """In a worker, in the place of both Ledger and Occupancy: the server, which is told, keeps them."""

    def __init__(self, cells: Cells, tell: Callable[..., None]) -> None:
        """tell: in this worker's name."""
        self._cells = cells
        self._tell = tell

    def arrive(self, peer: str, arrival_ns: int) -> ConnectionRecord:
        """See Ledger.arrive."""
        self._tell("arrival", peer, arrival_ns)
        return SharedRecord(peer, arrival_ns, self._cells)

    def line_up(self) -> None:
        """Who arrives lines up."""

    def give_up(self) -> None:
        """See Occupancy.give_up."""
        self._tell("refusal")

    def enter(self, stay: Stay) -> int:
        """See Occupancy.enter."""
        stay.admission_ns = admission_ns = _now_ns()
        self._tell("admission", admission_ns)
        return admission_ns

    def leave(self, stay: Stay) -> int:
        """See Occupancy.leave."""
        stay.release_ns = release_ns = _now_ns()
        self._tell("release", release_ns)
        return release_ns

    def close(self, record: ConnectionRecord, cause: Cause, close_ns: int) -> None:
        """See Ledger.close."""
        self._tell("close", cause, close_ns, _counts_of(record))


@dataclass(slots=True)
class _Worker:
    """What the server knows of one. before: what its connections had come to when the present one arrived."""

    cells: Cells
    before: list[int]
    record: ConnectionRecord | None = None

    @property
    def served(self) -> ConnectionRecord:
        """Whom it serves, as it has told."""
        assert self.record is not None, "an arrival is told before all else"
        return self.record

    def counts(self) -> list[int]:
        """What the present connection has come to."""
        return [now - before for now, before in zip(self.cells, self.before, strict=True)]


class Journal:
    """The server's end: what workers tell becomes entries of a listener's ledger and occupancy."""

    def __init__(
        self, pipe: int, cells: Sequence[Cells], ledger: Ledger, occupancy: Occupancy, ended: Ended
    ) -> None:
        """pipe: the end to read from, which does not block."""
        self._pipe = pipe
        self._workers = [_Worker(each, each.tolist()) for each in cells]
        self._ledger = ledger
        self._occupancy = occupancy
        self._ended = ended
        self._lock = threading.Lock()
        self.refusal: str | None = None
        """Why workers cannot be had; empty once all are there, None as yet."""

    def catch_up(self) -> bool:
        """Book all that has been told by now; False once nobody is left who could tell more."""
        with self._lock:
            try:
                # A pipe holds no more than this: what was in it is read, and it is whole lines.
                told = os.read(self._pipe, _PIPE_BYTES)
            except BlockingIOError:
                told = None
            for line in (told or b"").splitlines():
                self._book(*json.loads(line))
            for worker in self._workers:
                if worker.record and worker.record.close_ns is None:
                    _set_counts(worker.record, worker.counts())
            return told != b""

    def lose_all(self) -> int:
        """Nobody is left who could tell how it goes on; returns how many connections are lost by that."""
        with self._lock:
            return sum(self._lose(worker) is not None for worker in self._workers)

    def _book(self, slot: int | None, what: str, *about: Any) -> None:
        if slot is None:
            (self.refusal,) = about
            return
        worker = self._workers[slot]
        match what, *about:
            case "arrival", peer, arrival_ns:
                worker.record = self._ledger.arrive(peer, arrival_ns)
                self._occupancy.line_up()
            case "admission", admission_ns:
                self._occupancy.enter(worker.served, admission_ns)
            case "close", cause, close_ns, counts:
                self._close(worker, Cause(cause), close_ns, counts)
            case ("refusal",):
                self._occupancy.give_up()
                worker.record = None
            case "release", release_ns:
                self._occupancy.leave(worker.served, release_ns)
                worker.record = None
            case "end", code:
                self._ended(code, self._lose(worker))

    def _close(self, worker: _Worker, cause: Cause, close_ns: int, counts: Sequence[int]) -> None:
        _set_counts(worker.served, counts)
        worker.before = [before + count for before, count in zip(worker.before, counts, strict=True)]
        self._ledger.close(worker.served, cause, close_ns)

    def _lose(self, worker: _Worker) -> ConnectionRecord | None:
        """The connection that a worker had open when it died. What it had counted of it, counts."""
        record, died_ns = worker.record, _now_ns()
        if record is None:
            return None
        was_open = record.close_ns is None
        if was_open:
            self._close(worker, Cause.DIED, died_ns, worker.counts())
        if record.admission_ns is None:
            self._occupancy.give_up()
        else:
            self._occupancy.leave(record, died_ns)
        worker.record = None
        return record if was_open else None
