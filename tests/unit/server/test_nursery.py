"""Who forks workers: what it does when the system gives none, and for whom it forks again."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable

import pytest

from lockstep_server.prefork import nursery
from lockstep_server.prefork.nursery import CUT, Nursery

Told = list[tuple[object, ...]]
Play = Callable[..., tuple["System", Told]]
EXIT_1, KILLED = 1 << 8, int(signal.SIGKILL)
GONE = (0, 0)


class System:
    """In the place of the kernel. forks: pids, or errors below 0. ends: pids with their statuses."""

    def __init__(self, forks: list[int], signals: list[int], ends: list[tuple[int, int]]) -> None:
        self.forks, self.signals, self.ends = forks, signals, ends
        self.killed: list[tuple[int, int]] = []
        self.slept = 0

    def fork(self, task: Callable[[], None]) -> int:
        pid = self.forks.pop(0)
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        return pid

    def sigwait(self, _: object) -> int:
        return self.signals.pop(0)

    def waitpid(self, _pid: int, _options: int) -> tuple[int, int]:
        if not self.ends:
            raise ChildProcessError
        return self.ends.pop(0)

    def kill(self, pid: int, number: int) -> None:
        self.killed.append((pid, number))

    def sleep(self, _: float) -> None:
        self.slept += 1


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Runs a nursery of two on such a system; gives that, and what was told."""

    def run(
        forks: list[int], signals: list[int] | None = None, ends: list[tuple[int, int]] | None = None
    ) -> tuple[System, Told]:
        system, told = System(forks, signals or [], ends or []), Told()
        monkeypatch.setattr(nursery, "fork", system.fork)
        for module, name in ((signal, "sigwait"), (os, "waitpid"), (os, "kill"), (time, "sleep")):
            monkeypatch.setattr(module, name, getattr(system, name))
        for name in ("signal", "pthread_sigmask"):
            monkeypatch.setattr(signal, name, lambda *_: None)
        Nursery(2, lambda _: None, lambda *what: told.append(what)).run()
        return system, told

    return run


def test_whoever_ends_well_is_not_followed_and_the_last_one_ends_it(play: Play) -> None:
    system, told = play([11, 12], [signal.SIGCHLD] * 2, [(12, 0), GONE, (11, 0), GONE])
    assert told == [(None, "started", "")]
    assert (system.forks, system.signals) == ([], [])


def test_whoever_dies_is_told_and_followed_in_the_same_place(play: Play) -> None:
    ends = [(11, KILLED), (12, EXIT_1), GONE, (14, 0), (13, 0)]
    _, told = play([11, 12, 13, 14], [signal.SIGCHLD] * 2, ends)
    assert told == [(None, "started", ""), (0, "end", -9), (1, "end", 1)]


def test_a_cut_is_for_all_who_are_there(play: Play) -> None:
    system, _ = play([11, 12], [CUT, signal.SIGCHLD], [(11, 0), (12, 0)])
    assert system.killed == [(11, CUT), (12, CUT)]


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM])
def test_a_system_that_gives_too_few_is_told_and_nobody_is_waited_for(play: Play, number: int) -> None:
    assert play([11, -number])[1] == [(None, "started", os.strerror(number))]


def test_a_successor_is_forked_once_the_system_has_room_which_is_told_once(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    ends = [(11, KILLED), GONE, (12, 0), (13, 0)]
    system, _ = play([11, 12, -errno.EAGAIN, -errno.EAGAIN, 13], [signal.SIGCHLD] * 2, ends)
    assert system.slept == 2
    (said,) = caplog.messages
    assert said.startswith("cannot fork a successor yet (Resource temporarily unavailable)")


def test_any_other_refusal_is_a_fault(play: Play) -> None:
    with pytest.raises(OSError, match="Function not implemented"):
        play([11, 12, -errno.ENOSYS], [signal.SIGCHLD], [(11, KILLED)])
