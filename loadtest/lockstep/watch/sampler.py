"""Looks at a server in /proc, and at its sockets, and tells what became of it since the look before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lockstep.runs.watched import Watched
from lockstep.watch.proc import Look, Process, Thread, between, family, parse_process, parse_thread
from lockstep.watch.sock_diag import connections_to, listen_queue

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = "/proc"
_ROOM = 4_096


class CannotWatchError(Exception):
    """Why nothing can be seen of a process, in words."""


class Sampler:
    """One server under load. port: where it listens, None where that is no TCP port."""

    def __init__(self, pid: int, port: int | None) -> None:
        """CannotWatchError where there is nothing to be seen."""
        self._pid = pid
        self._port = port
        self._last = look(pid)

    def sample(self) -> Watched:
        """What became of it since the last one. CannotWatchError where it has gone."""
        now = look(self._pid)
        became = between(self._last, now, _TICKS_PER_S)
        since_ns = self._last.at_ns
        self._last = now
        queue = None if self._port is None else listen_queue(self._port)
        connections = None if self._port is None else connections_to(self._port)
        return Watched(
            from_ms=since_ns / 1e6,
            until_ms=now.at_ns / 1e6,
            processes=became.processes,
            threads=became.threads,
            on_cpu=became.on_cpu,
            delayed=became.delayed,
            runnable=became.runnable,
            voluntary=became.voluntary,
            involuntary=became.involuntary,
            seen=became.seen,
            backlog=None if queue is None else queue.length,
            backlog_bound=None if queue is None else queue.bound,
            connections=0 if connections is None else connections.count,
            rtt_us=None if connections is None else connections.rtt_us,
            unacked=None if connections is None else connections.unacked,
            retransmits=None if connections is None else connections.retransmits,
        )


def look(pid: int) -> Look:
    """A process, its descendants and all of their threads, now. CannotWatchError where they are not seen."""
    at_ns = time.monotonic_ns()
    processes = {each.pid: each for each in family(pid, _processes())}
    if not processes:
        raise CannotWatchError("there is no such process here")
    threads = {number: thread for each in processes for number, thread in _threads(each)}
    return Look(at_ns, processes, threads)


def _processes() -> Iterator[Process]:
    """Those that this user may see. Who ends while it is looked at is left out."""
    for name in _names(_PROC):
        if name.isdecimal():
            try:
                yield parse_process(_read(f"{_PROC}/{name}/stat"))
            except (FileNotFoundError, ProcessLookupError):
                continue


def _threads(pid: int) -> Iterator[tuple[int, Thread]]:
    """The same of a process' threads. CannotWatchError where the kernel lets nobody look at them."""
    try:
        with _opened(f"{_PROC}/{pid}/task") as folder:
            for name in _names(folder):
                try:
                    status, schedstat = (_read(f"{name}/{what}", folder) for what in ("status", "schedstat"))
                except (FileNotFoundError, ProcessLookupError):
                    continue
                yield int(name), parse_thread(status, schedstat)
    except (FileNotFoundError, ProcessLookupError):
        return
    except OSError as refused:
        raise CannotWatchError(f"/proc/{pid}/task cannot be read ({refused.strerror})") from refused
    except ValueError as untold:
        raise CannotWatchError(str(untold)) from untold


def _names(folder: str | int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


@contextmanager
def _opened(path: str, folder: int | None = None) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def _read(path: str, folder: int | None = None) -> bytes:
    with _opened(path, folder) as handle:
        return os.read(handle, _ROOM)
