"""A process without a second thread, which so can fork at any time: workers, and successors of the dead."""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NoReturn

from lockstep_server.prefork.journal import Tell

log = logging.getLogger("lockstep.server")

CUT = signal.SIGUSR1
"""Has workers break their connections off. Not SIGTERM, which a system may send to all processes of a
service: when the time to drain is over, the server says."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PAUSE_S = 0.05
_OUT_OF_PROCESSES = {errno.EAGAIN, errno.ENOMEM}
_CONSOLE = "cannot fork a successor yet (%s); raise the limit on processes (ulimit -u) or end some"
# AttributeError where the system has no such thing.
_prctl = ctypes.CDLL(None).prctl


class Nursery:
    """Keeps `workers` processes running until each has ended of its own will, with exit code 0."""

    def __init__(self, workers: int, work: Callable[[int], None], tell: Tell) -> None:
        """work: called in each worker, with its number."""
        self._wanted = workers
        self._work = work
        self._tell = tell
        self._slots: dict[int, int] = {}

    def run(self) -> None:
        """Fork all; tell that it went well, or why not and give up; then wait for their ends."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, CUT})
        try:
            for slot in range(self._wanted):
                self._fork(slot)
        except OSError as error:
            self._tell(None, "started", error.strerror)
            return
        self._tell(None, "started", "")
        while self._slots:
            if signal.sigwait({signal.SIGCHLD, CUT}) == CUT:
                for pid in self._slots:
                    os.kill(pid, CUT)
            else:
                self._reap()

    def _fork(self, slot: int) -> None:
        pid = fork(partial(self._work, slot))
        self._slots[pid] = slot

    def _reap(self) -> None:
        """One signal may stand for several ends."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                slot, code = self._slots.pop(ended[0]), os.waitstatus_to_exitcode(ended[1])
                if code:
                    self._tell(slot, "end", code)
                    self._fork_in_time(slot)

    def _fork_in_time(self, slot: int) -> None:
        told = False
        while True:
            try:
                return self._fork(slot)
            except OSError as error:
                if error.errno not in _OUT_OF_PROCESSES:
                    raise
                if not told:
                    log.error(_CONSOLE, error.strerror)
                told = True
                time.sleep(_PAUSE_S)


def fork(task: Callable[[], None]) -> int:
    """Run a task in a process of its own, which ends with this one, however that ends. Returns its id.

    Only for who has a single thread: locks that others hold would stay held in the child for ever.
    """
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        _run(task, parent)
    return pid


def _run(task: Callable[[], None], parent: int) -> NoReturn:
    code = 1
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            task()
            code = 0
    except BrokenPipeError:
        pass  # the server is gone, and its signal is on the way
    except Exception:
        log.exception("a process fails")
    finally:
        os._exit(code)
