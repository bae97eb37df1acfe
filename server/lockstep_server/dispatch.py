"""Who runs a session: a thread of its own, a pool of workers, or whoever accepted it.

All threads are daemons: the process can end while they run.
"""

from __future__ import annotations

import queue
from collections.abc import Callable

from lockstep_server.threads import start_thread

Task = Callable[[], None]
Dispatch = Callable[[Task], None]
"""Takes a session's `run`. Raises RuntimeError if the system gives no thread for it."""


def thread_each(task: Task) -> None:
    """A thread for every session. Costs a thread's start for each connection, and a stack while it lives. It
    fails at the system's limit on threads: who comes then is closed unserved."""
    start_thread(task)


def one_after_another(task: Task) -> None:
    """The accepting thread itself. Costs nothing. It fails with the first slow peer: nobody else is accepted
    meanwhile, the rest wait in the backlog, and who finds that full is not let in at all."""
    task()


class WorkerPool:
    """`workers` threads that take sessions in the order of arrival. Costs the wake of a worker for each. The
    queue is unbounded, and so it fails: every waiting connection has a file, and only the limit on those
    turns anybody away."""

    def __init__(self, workers: int) -> None:
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        for _ in range(workers):
            thread_each(self._work)

    def __call__(self, task: Task) -> None:
        """Queue the task for the next free worker."""
        self._tasks.put(task)

    def _work(self) -> None:
        while True:
            self._tasks.get()()
