"""Many connections at once: when they are all there."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.processes import Running, ToolError

# What a process has open besides its connections.
SPARE_FILES = 500
TIMEOUT_S = 60.0
SETTLE_S = 2.0
POLL_S = 0.1


def await_open(
    process: Running, count_open: Callable[[], int], wanted: int, timeout_s: float = TIMEOUT_S
) -> float:
    """Seconds from now until that many are open, then a moment in which they talk.

    Called as soon as the process is started, so that what it needs to start is in it. ToolError if it ends or
    they do not get open in time.
    """
    start = time.monotonic()
    while (there := count_open()) < wanted:
        process.check()
        if time.monotonic() - start > timeout_s:
            raise ToolError(f"{process.name}: {there:,} of {wanted:,} connections after {timeout_s:g} s")
        time.sleep(POLL_S)
    seconds = time.monotonic() - start
    time.sleep(SETTLE_S)
    return seconds
