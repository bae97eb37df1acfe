"""The small parts: units, work, dispatch."""

from __future__ import annotations

import threading
import time

import pytest

from lockstep_server.dispatch import WorkerPool, one_after_another, thread_each
from lockstep_server.work import get_work, no_work
from lockstep_wire.units import parse_duration_ns, parse_size_bytes

PATIENCE_S = 20


@pytest.mark.parametrize(
    ("text", "duration_ns"),
    [
        ("0", 0),
        ("0s", 0),
        ("7ns", 7),
        ("500us", 500_000),
        ("2ms", 2_000_000),
        ("1.5s", 1_500_000_000),
        ("0.1ms", 100_000),
        ("2m", 120_000_000_000),
    ],
)
def test_durations_are_exact(text: str, duration_ns: int) -> None:
    assert parse_duration_ns(text) == duration_ns


@pytest.mark.parametrize("text", ["", "2", "ms", "-1s", "1 hour", "1e3s", "nan", "inf s", "１s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"500us, 2ms, 1\.5s"):
        parse_duration_ns(text)


@pytest.mark.parametrize(
    ("text", "size"), [("1024", 1024), ("1B", 1), ("64KiB", 65536), ("1MiB", 2**20), ("1.5KiB", 1536)]
)
def test_sizes_are_whole_bytes(text: str, size: int) -> None:
    assert parse_size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "0", "0.5", "1kb", "-1", "many"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="64KiB or 1MiB"):
        parse_size_bytes(text)


@pytest.mark.parametrize("name", ["sleep", "cpu"])
def test_work_takes_at_least_its_time_and_says_how_long(name: str) -> None:
    assert get_work(name, 1_000_000)() >= 1_000_000


def test_computing_takes_processor_time_and_sleeping_does_not() -> None:
    start_ns = time.thread_time_ns()
    get_work("cpu", 5_000_000)()
    computed_ns = time.thread_time_ns() - start_ns
    assert computed_ns >= 5_000_000


def test_no_hold_is_no_work_at_all() -> None:
    assert get_work("sleep", 0) is no_work
    assert no_work() == 0


def test_a_thread_each_runs_sessions_at_the_same_time_in_daemon_threads() -> None:
    together = threading.Barrier(3)
    daemons: list[bool] = []

    def meet() -> None:
        daemons.append(threading.current_thread().daemon)
        together.wait(PATIENCE_S)

    thread_each(meet)
    thread_each(meet)
    together.wait(PATIENCE_S)
    assert daemons == [True, True]


def test_a_pool_takes_sessions_in_the_order_of_arrival() -> None:
    taken: list[int] = []
    done = threading.Event()
    pool = WorkerPool(1)
    for number in range(50):
        pool(lambda number=number: taken.append(number))  # type: ignore[misc]
    pool(done.set)
    assert done.wait(PATIENCE_S)
    assert taken == list(range(50))


def test_a_pool_has_as_many_workers_as_asked_for() -> None:
    together = threading.Barrier(4)

    def meet() -> None:
        together.wait(PATIENCE_S)

    pool = WorkerPool(3)
    for _ in range(3):
        pool(meet)
    together.wait(PATIENCE_S)


def test_one_after_another_is_the_calling_thread() -> None:
    ran_in: list[int] = []
    one_after_another(lambda: ran_in.append(threading.get_ident()))
    assert ran_in == [threading.get_ident()]
