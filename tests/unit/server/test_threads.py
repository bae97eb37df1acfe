"""Threads by the thousand: counted while they run, and given a switch interval that suits their number."""

from __future__ import annotations

import _thread
import sys
import threading

import pytest

from lockstep_server import threads

PATIENCE_S = 20


@pytest.mark.parametrize(
    ("running", "interval_s"), [(0, 0.005), (1, 0.005), (100, 0.005), (1_000, 0.05), (10_000, 0.5)]
)
def test_the_more_threads_the_longer_each_may_keep_the_gil(running: int, interval_s: float) -> None:
    assert threads.switch_interval_s(running) == pytest.approx(interval_s)


def test_a_thread_counts_until_its_task_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    running: set[object] = set()
    told: list[float] = []
    ended = threading.Event()

    def tell(interval_s: float) -> None:
        told.append(interval_s)
        if not running:
            ended.set()

    monkeypatch.setattr(threads, "_running", running)
    monkeypatch.setattr(sys, "setswitchinterval", tell)
    go, seen = threading.Event(), list[int]()

    def task() -> None:
        go.wait(PATIENCE_S)
        seen.append(len(running))

    threads.start_thread(task)
    assert running == {task}
    go.set()
    assert ended.wait(PATIENCE_S)
    assert (seen, running) == ([1], set())
    assert told == [threads.switch_interval_s(1)] * 2


def test_a_thread_that_the_system_does_not_give_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    running: set[object] = set()
    monkeypatch.setattr(threads, "_running", running)
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        threads.start_thread(lambda: None)
    assert running == set()
