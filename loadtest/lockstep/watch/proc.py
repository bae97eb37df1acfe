"""The texts of /proc as values: see proc(5). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Of sixty lines three are looked for: with a thousand threads all of them would take as long as the kernel.
_STATE = re.compile(rb"\nState:\t(\w)")
_SWITCHES = re.compile(rb"\nvoluntary_ctxt_switches:\t(\d+)\nnonvoluntary_ctxt_switches:\t(\d+)")
_TIMES = re.compile(rb"(\d+) (\d+) \d+")


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread's counts since it began. run_ns: on a core; delay_ns: on a run queue, without one.

    runnable: whether it is in state R: on a core, or on a run queue. voluntary, involuntary: switches.
    """

    runnable: bool
    run_ns: int
    delay_ns: int
    voluntary: int
    involuntary: int


@dataclass(frozen=True, slots=True)
class Process:
    """A process. ticks: of processor time, of all the threads that it has ever had.

    ended: whether all that is left of it is that its parent has not asked how it ended.
    """

    pid: int
    parent: int
    ticks: int
    ended: bool = False


def parse_thread(status: bytes, schedstat: bytes) -> Thread:
    """Of /proc/PID/task/TID/status and /schedstat. ValueError where they are not what proc(5) says."""
    state, switches, times = _STATE.search(status), _SWITCHES.search(status), _TIMES.match(schedstat)
    if state is None or switches is None or times is None:
        raise ValueError("this kernel does not tell how its threads fare (/proc/PID/task/TID)")
    return Thread(
        runnable=state[1] == b"R",
        run_ns=int(times[1]),
        delay_ns=int(times[2]),
        voluntary=int(switches[1]),
        involuntary=int(switches[2]),
    )


def parse_process(stat: bytes) -> Process:
    """Of /proc/PID/stat. Its second field is a name in parentheses, which may hold blanks and parentheses."""
    head, _, rest = stat.rpartition(b")")
    fields = rest.split()
    # Counted from the third field on: state, ppid, ...; utime and stime are the 14th and 15th.
    ticks = int(fields[11]) + int(fields[12])
    return Process(int(head.partition(b"(")[0]), int(fields[1]), ticks, ended=fields[0] in (b"Z", b"X"))


def family(pid: int, processes: Iterable[Process]) -> list[Process]:
    """A process and all that descend from it, itself first; empty where it is not there, or has ended."""
    children: dict[int, list[Process]] = {}
    found: list[Process] = []
    for each in (process for process in processes if not process.ended):
        children.setdefault(each.parent, []).append(each)
        if each.pid == pid:
            found.append(each)
    for each in found:
        found += children.get(each.pid, [])
    return found


@dataclass(frozen=True, slots=True)
class Look:
    """All of a server's processes and threads at one moment, by their ids. at_ns: monotonic."""

    at_ns: int
    processes: Mapping[int, Process]
    threads: Mapping[int, Thread]


_NOTHING = Thread(runnable=False, run_ns=0, delay_ns=0, voluntary=0, involuntary=0)
_UNBORN = Process(0, 0, 0)


def _earlier(was: Thread | None, now: Thread) -> Thread:
    """A thread at the look before. Nothing of who was not there, or has the number of one that ended."""
    return _NOTHING if was is None or was.run_ns > now.run_ns else was


@dataclass(frozen=True, slots=True)
class Between:
    """What became of a server between two looks; see runs/watched.py for the figures."""

    processes: int
    threads: int
    on_cpu: float
    delayed: float
    runnable: int
    voluntary: float
    involuntary: float
    lasting: float


def between(before: Look, after: Look, ticks_per_s: int) -> Between:
    """The difference of two looks, the second of which is later.

    What a thread waited that has ended in between is not known, nor what a process used that has.
    """
    span_s = (after.at_ns - before.at_ns) / 1e9
    pairs = [(_earlier(before.threads.get(each), now), now) for each, now in after.threads.items()]
    ran_s = sum(now.run_ns - was.run_ns for was, now in pairs) / 1e9
    ticks = sum(
        now.ticks - before.processes.get(each, _UNBORN).ticks for each, now in after.processes.items()
    )
    return Between(
        processes=len(after.processes),
        threads=len(after.threads),
        on_cpu=ticks / ticks_per_s / span_s,
        delayed=sum(now.delay_ns - was.delay_ns for was, now in pairs) / 1e9 / span_s,
        runnable=sum(each.runnable for each in after.threads.values()),
        voluntary=sum(now.voluntary - was.voluntary for was, now in pairs) / span_s,
        involuntary=sum(now.involuntary - was.involuntary for was, now in pairs) / span_s,
        lasting=ran_s / span_s,
    )
