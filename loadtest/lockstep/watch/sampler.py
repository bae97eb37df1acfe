"""Looks at a server in /proc, and at its sockets, and tells what became of it since the look before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

from lockstep.runs.watched import Watched
from lockstep.watch.proc import Look, Process, Thread, between, family, parse_process, parse_thread
from lockstep.watch.sock_diag import Connections, connections_to, listen_queue

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = "/proc"
_ROOM = 4_096
# The kernel goes through all of its connections for these, tens of thousands that are over included.
_ASK_EVERY_NS = 900_000_000


class CannotWatchError(Exception):
    """Why nothing can be seen of a process, in words."""


class Sampler:
    """One server under load. port: where it listens, None where that is no TCP port."""

    def __init__(self, pid: int, port: int | None) -> None:
        """CannotWatchError where there is nothing to be seen."""
        self._pid = pid
        self._port = port
        self._strangers: set[int] = set()
        self._asked_ns = 0
        self._last = look(pid, self._strangers)

    def sample(self) -> Watched:
        """What became of it since the last one. CannotWatchError where it has gone."""
        now = look(self._pid, self._strangers)
        became = between(self._last, now, _TICKS_PER_S)
        since_ns = self._last.at_ns
        self._last = now
        queue = None if self._port is None else listen_queue(self._port)
        connections = self._connections(now.at_ns)
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
            lasting=became.lasting,
            backlog=None if queue is None else queue.length,
            backlog_bound=None if queue is None else queue.bound,
            connections=None if connections is None else connections.count,
            rtt_us=None if connections is None else connections.rtt_us,
            unacked=None if connections is None else connections.unacked,
            retransmits=None if connections is None else connections.retransmits,
        )

    def _connections(self, now_ns: int) -> Connections | None:
        """Some of those to the port; None where it is too early to ask again."""
        if self._port is None or now_ns - self._asked_ns < _ASK_EVERY_NS:
            return None
        self._asked_ns = now_ns
        return connections_to(self._port)


def look(pid: int, strangers: set[int]) -> Look:
    """A process, its descendants and all of their threads, now. CannotWatchError where they are not seen.

    strangers: those of the machine's processes that were none of these at an earlier look, and so still are
    none: only others are asked. From now on it is those of this look.
    """
    began_ns = time.monotonic_ns()
    here = {int(name) for name in _names(_PROC) if name.isdecimal()}
    strangers &= here
    processes = {each.pid: each for each in family(pid, _processes(here - strangers))}
    if not processes:
        raise CannotWatchError("there is no such process here")
    strangers |= here - processes.keys()
    threads = {number: thread for each in processes for number, thread in _threads(each)}
    if not threads:
        raise CannotWatchError(f"this kernel does not tell how its threads fare ({_PROC}/{pid}/task)")
    # It takes its time, the more so where there is no core for it.
    return Look((began_ns + time.monotonic_ns()) // 2, processes, threads)


def _processes(pids: Iterable[int]) -> Iterator[Process]:
    """Those of them that this user may see. Who ends while it is looked at is left out."""
    for pid in pids:
        try:
            yield parse_process(_read(f"{_PROC}/{pid}/stat"))
        except (FileNotFoundError, ProcessLookupError):
            continue


def _threads(pid: int) -> Iterator[tuple[int, Thread]]:
    """The same of a process' threads. CannotWatchError where the kernel lets nobody look at them."""
    try:
        folder = os.open(f"{_PROC}/{pid}/task", os.O_RDONLY)
        try:
            for name in _names(folder):
                try:
                    status, schedstat = _read(f"{name}/status", folder), _read(f"{name}/schedstat", folder)
                except (FileNotFoundError, ProcessLookupError):
                    continue
                yield int(name), parse_thread(status, schedstat)
        finally:
            os.close(folder)
    except (FileNotFoundError, ProcessLookupError):
        return
    except OSError as refused:
        raise CannotWatchError(f"/proc/{pid}/task cannot be read ({refused.strerror})") from refused
    except ValueError as untold:
        raise CannotWatchError(str(untold)) from untold


def _names(folder: str | int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _read(path: str, folder: int | None = None) -> bytes:
    handle = os.open(path, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(handle, _ROOM)
    finally:
        os.close(handle)
