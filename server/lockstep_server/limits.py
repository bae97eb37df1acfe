"""How many files and threads the system lets this process have."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_MAPPINGS_A_THREAD = 3  # its stack, the guard page below, and the interpreter's own stack of frames


def raise_open_files_limit() -> None:
    """Lift the soft limit on open files to the hard one: every connection is a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_files_limit() -> int | None:
    """The soft limit; None if there is none."""
    return _finite(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def threads_limit() -> int | None:
    """The least of the limits that threads run into, other processes' threads not taken off; None if there is
    none to be read. Memory is not among them."""
    user = None if os.getuid() == 0 else _finite(resource.getrlimit(resource.RLIMIT_NPROC)[0])
    return least(user, *_system_limits(_PROC), *cgroup_limits(_PROC, _CGROUPS))


def _system_limits(proc: Path) -> Iterator[int | None]:
    yield read_number(proc / "sys/kernel/threads-max")
    yield read_number(proc / "sys/kernel/pid_max")
    mappings = read_number(proc / "sys/vm/max_map_count")
    yield None if mappings is None else mappings // _MAPPINGS_A_THREAD


def cgroup_limits(proc: Path, mount: Path) -> Iterator[int | None]:
    """pids.max of this process's control groups, its own and those above (version 1: of the `pids` tree)."""
    memberships = proc / "self/cgroup"
    for line in memberships.read_text().splitlines() if memberships.exists() else ():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "pids"):
            continue
        top = mount / controllers
        group = top / path.lstrip("/")
        for folder in (group, *group.parents):
            yield read_number(folder / "pids.max")
            if folder == top:
                break


def least(*limits: int | None) -> int | None:
    """The smallest of those that exist."""
    return min((limit for limit in limits if limit is not None), default=None)


def read_number(path: Path) -> int | None:
    """The number in a file; None if the file is not there or says that there is no limit (`max`)."""
    try:
        text = path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    return int(text) if text.isdigit() else None


def _finite(limit: int) -> int | None:
    return None if limit == resource.RLIM_INFINITY else limit
