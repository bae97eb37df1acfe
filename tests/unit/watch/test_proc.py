"""What /proc says, as values."""

from __future__ import annotations

import pytest

from lockstep.watch.proc import (
    Look,
    Process,
    Thread,
    between,
    family,
    parse_process,
    parse_thread,
)

# As a kernel 6.18 writes it, without the lines between.
STATUS = b"""Name:\tlockstep-server
Umask:\t0022
State:\t%c (%s)
Tgid:\t4711
Threads:\t12
voluntary_ctxt_switches:\t153
nonvoluntary_ctxt_switches:\t42
"""
RUNNING, SLEEPING = STATUS % (b"R", b"running"), STATUS % (b"S", b"sleeping")
SECOND_NS = 1_000_000_000


def test_a_thread_is_its_state_its_times_and_its_switches() -> None:
    assert parse_thread(RUNNING, b"680930 2040999 31\n") == Thread(True, 680_930, 2_040_999, 153, 42)
    assert not parse_thread(SLEEPING, b"680930 2040999 31\n").runnable


@pytest.mark.parametrize("status", [b"", b"State:\n", RUNNING.replace(b"voluntary_ctxt", b"other")])
def test_a_kernel_that_counts_no_switches_is_named(status: bytes) -> None:
    with pytest.raises(ValueError, match="kernel does not tell how its threads fare"):
        parse_thread(status, b"1 2 3\n")


@pytest.mark.parametrize("schedstat", [b"", b"1 2\n", b"a b c\n"])
def test_a_kernel_that_keeps_no_run_queue_delay_is_named(schedstat: bytes) -> None:
    with pytest.raises(ValueError, match="kernel does not tell how its threads fare"):
        parse_thread(RUNNING, schedstat)


@pytest.mark.parametrize("name", [b"redis-server", b"a b", b"a) R 1 (b", b")"])
def test_a_process_may_be_called_anything(name: bytes) -> None:
    stat = b"4711 (%s) S 17 4711 4711 0 -1 4194560 902 0 0 0 25 7 3 1 20 0 12 0 380755 0\n" % name
    assert parse_process(stat) == Process(pid=4711, parent=17, ticks=32)


def test_a_family_is_whoever_descends_from_its_first() -> None:
    shell, server, child, grandchild, stranger = (
        Process(pid, parent, 0) for pid, parent in ((9, 1), (20, 9), (31, 20), (12, 31), (21, 9))
    )
    everybody = [grandchild, stranger, child, server, shell]
    assert family(20, everybody) == [server, child, grandchild]
    assert family(77, everybody) == []


def test_a_process_that_has_ended_is_there_until_its_parent_asks_how() -> None:
    ended = parse_process(b"4711 (it) Z 17 4711 4711 0 -1 4228300 902 0 0 0 25 7 3 1 20 0 1 0 380755 0\n")
    assert ended.ended
    assert family(4711, [ended]) == []


def look_at(at_s: float, ticks: dict[int, int], threads: dict[int, Thread]) -> Look:
    processes = {pid: Process(pid, 1, each) for pid, each in ticks.items()}
    return Look(round(at_s * SECOND_NS), processes, threads)


def thread(run_s: float = 0.0, delay_s: float = 0.0, voluntary: int = 0, involuntary: int = 0) -> Thread:
    return Thread(run_s > 0, round(run_s * SECOND_NS), round(delay_s * SECOND_NS), voluntary, involuntary)


def test_time_on_a_core_and_time_without_one_are_numbers_of_threads() -> None:
    before = look_at(10, {7: 100}, {7: thread(0.5, 0.1, 10, 5), 8: thread(0.5, 0.0)})
    after = look_at(12, {7: 400}, {7: thread(2.5, 0.1, 30, 5), 8: thread(1.5, 3.0, 0, 8), 9: thread()})
    became = between(before, after, 100)
    assert (became.processes, became.threads, became.runnable) == (1, 3, 2)
    # Three seconds of processor time, and as many on a run queue, in two seconds.
    assert (became.on_cpu, became.delayed) == (1.5, 1.5)
    assert (became.voluntary, became.involuntary) == (10, 4)
    assert became.lasting == 1.5


def test_what_a_thread_used_that_has_ended_is_in_its_process_and_not_seen() -> None:
    before = look_at(0, {7: 0}, {7: thread(), 8: thread(3.0)})
    after = look_at(1, {7: 100}, {7: thread(0.25)})
    became = between(before, after, 100)
    assert (became.on_cpu, became.lasting) == (1, 0.25)


def test_a_child_that_was_born_in_between_counts_from_its_birth() -> None:
    before = look_at(0, {7: 50}, {7: thread(0.5)})
    after = look_at(1, {7: 50, 90: 100}, {7: thread(0.5), 90: thread(1.0, 0.5)})
    became = between(before, after, 100)
    assert (became.processes, became.on_cpu, became.delayed) == (2, 1, 0.5)


def test_a_thread_number_says_nothing_of_whom_it_was_before() -> None:
    """A new thread may get the number of one that has ended: it has used less than nothing."""
    before = look_at(0, {7: 0}, {8: thread(3.0, 2.0, 50, 50)})
    after = look_at(1, {7: 10}, {8: thread(0.1, 0.2, 3, 4)})
    became = between(before, after, 100)
    assert (became.on_cpu, became.delayed, became.voluntary, became.involuntary) == (0.1, 0.2, 3, 4)
