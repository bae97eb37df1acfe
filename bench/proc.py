"""What the kernel tells of a process in /proc: processor time, memory, children."""

from __future__ import annotations

import errno
import os
import re
import time
from pathlib import Path

NS_PER_S = 1_000_000_000
KIB = 1024
# Where /proc/PID/stat has them, counted after the command's name: proc(5), fields 16 and 17.
_CHILDRENS_TIMES = slice(13, 15)
# What clock_getcpuclockid(3) makes of a process id: its complement, and which of its clocks.
_CLOCK_BITS, _SCHEDULERS_CLOCK = 3, 2


def childrens_ticks_of(stat: str) -> int:
    """cutime and cstime out of one /proc/PID/stat, summed: clock ticks of children that are dead.

    The command's name may hold blanks and brackets: fields are counted from its closing bracket.
    """
    return sum(map(int, stat.rpartition(")")[2].split()[_CHILDRENS_TIMES]))


def resident_bytes_of(status: str) -> int:
    """VmRSS out of one /proc/PID/status; 0 where there is none: the process is over."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * KIB if found else 0


def family(pid: int) -> list[int]:
    """A process, its children, theirs and so on: those that live."""
    pids = [pid]
    for each in pids:
        for thread in _listed(Path(f"/proc/{each}/task")):
            pids += map(int, _read(Path(f"/proc/{each}/task/{thread}/children")).split())
    return pids


def cpu_ns(pid: int) -> int:
    """Processor time of a process and its family in nanoseconds.

    Of those that live it is exact, as fifty processes need that each do little. Of children that are dead the
    kernel tells ticks of 10 ms.
    """
    living = family(pid)
    tick_ns = NS_PER_S // os.sysconf("SC_CLK_TCK")
    stats = (_read(Path(f"/proc/{each}/stat")) for each in living)
    return sum(map(_own_cpu_ns, living)) + sum(childrens_ticks_of(stat) for stat in stats if stat) * tick_ns


def _own_cpu_ns(pid: int) -> int:
    """Of one process, threads that have ended included; 0 if it is over."""
    try:
        return time.clock_gettime_ns((~pid << _CLOCK_BITS) | _SCHEDULERS_CLOCK)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return 0
        raise


def resident_bytes(pid: int) -> int:
    """Resident memory of a process alone."""
    return resident_bytes_of(_read(Path(f"/proc/{pid}/status")))


def open_files(pid: int) -> int:
    """How many files and sockets a process has open; 0 if it is over."""
    return len(_listed(Path(f"/proc/{pid}/fd")))


def _listed(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except FileNotFoundError:
        return []


def _read(file: Path) -> str:
    """A file of /proc; empty where its process has just ended."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
