"""Many connections at once: how many fit, and when they are all there."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

from bench.processes import Running, ToolError, raise_open_files

# What a process has open besides its connections, and so leaves free below its limit.
SPARE_FILES = 100
TIMEOUT_S = 60.0
POLL_S = 0.1


def most_open_files(wanted: int) -> int:
    """How many files a process started from here may open: those wanted, or as far as its rights go."""
    raise_open_files(wanted)
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def fitting(wanted: int, open_files: int) -> int:
    """How many connections, at most those wanted, one process can hold that may open so many files."""
    return min(wanted, open_files - SPARE_FILES)


def await_open(
    process: Running, count_open: Callable[[], int], wanted: int, timeout_s: float = TIMEOUT_S
) -> None:
    """Wait until that many are open. ToolError if the process ends or they do not get open in time."""
    end = time.monotonic() + timeout_s
    while (there := count_open()) < wanted:
        process.check()
        if time.monotonic() > end:
            raise ToolError(f"{process.name}: {there:,} of {wanted:,} connections after {timeout_s:g} s")
        time.sleep(POLL_S)
