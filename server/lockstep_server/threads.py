"""Threads for sessions, by the thousand.

They are started by `_thread`: of threading.Thread a session would use nothing, and pay for it with memory and
with an end that passes locks common to all threads.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable

_STACK_BYTES = 512 * 1024
_SWITCH_S = sys.getswitchinterval()
_SWITCH_S_EACH = 50e-6

_running: set[Callable[[], None]] = set()


def gil_enabled() -> bool:
    """Whether threads of this interpreter run Python one at a time."""
    asked = getattr(sys, "_is_gil_enabled", None)  # from CPython 3.13 on
    return True if asked is None else bool(asked())


def limit_stacks() -> None:
    """Reserve 512 KiB for every stack from now on, not the system's 8 MiB. A session uses a few pages of it,
    and the C library keeps old stacks for new threads only as long as they fit into 40 MiB."""
    threading.stack_size(_STACK_BYTES)


def start_thread(task: Callable[[], None]) -> None:
    """Run the task in a thread of its own, which does not keep the process from ending. RuntimeError if the
    system gives none.

    Returns when the thread runs: tasks so begin in the order in which they were started, and sessions line up
    at an admission in the order of their arrival.
    """
    begun = _thread.allocate_lock()
    begun.acquire()
    _running.add(task)
    try:
        _thread.start_new_thread(_run, (task, begun))
    except RuntimeError:
        _running.discard(task)
        raise
    begun.acquire()
    sys.setswitchinterval(switch_interval_s(len(_running)))


def switch_interval_s(threads: int) -> float:
    """How long a thread may keep the GIL while others want it, in seconds.

    Everyone who waits for the GIL wakes once in that time to ask for it. With Python's 5 ms, ten thousand who
    wait make two million wakes a second: more than a machine does, and nobody gets on with anything. So the
    interval grows with the threads, to 20,000 wakes a second at most; up to 100 threads it stays as it is.
    """
    return max(_SWITCH_S, threads * _SWITCH_S_EACH)


def _run(task: Callable[[], None], begun: threading.Lock) -> None:
    try:
        begun.release()
        task()
    finally:
        _running.discard(task)
        sys.setswitchinterval(switch_interval_s(len(_running)))
