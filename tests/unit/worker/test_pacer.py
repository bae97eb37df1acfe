"""Greenlets that take arrivals, are killed while they wait, or are sent home. The clock is moved by hand."""

from __future__ import annotations

import time

import gevent
import pytest

from lockstep.worker.alarm import Alarm
from lockstep.worker.arrivals import Constant
from lockstep.worker.pacer import MAX_IN_A_ROW, Pacer
from tests.support.hand_clock import HandClock, settle

MS = 1_000_000
START_NS = 1000 * MS


class Clock(HandClock):
    """Told by milliseconds after the schedule's start."""

    def __init__(self) -> None:
        super().__init__(START_NS - 5 * MS)

    def set(self, after_start_ms: int) -> None:
        super().set(START_NS + after_start_ms * MS)


def made(clock: Clock, patience_ms: int = 25) -> Pacer:
    """Started: arrivals at the start and every 10 ms after it."""
    pacer = Pacer(Constant(100, 0, 1), START_NS, patience_ms * MS, clock, clock)
    pacer.start()
    return pacer


def taking(pacer: Pacer) -> gevent.Greenlet:
    """A user that stands in line."""
    user = gevent.spawn(pacer.take)
    settle()
    return user


def due_ms(user: gevent.Greenlet) -> int | None:
    """What the user took, in ms after the start; it is not waited for."""
    due_ns = user.get(block=False)
    assert due_ns is None or isinstance(due_ns, int)
    return None if due_ns is None else (due_ns - START_NS) // MS


def counts(pacer: Pacer) -> tuple[int, int, int]:
    return pacer.taken, pacer.delayed, pacer.dropped


def test_idle_users_get_arrivals_in_the_order_in_which_they_came() -> None:
    clock = Clock()
    pacer = made(clock)
    first, second = taking(pacer), taking(pacer)
    clock.go_to(0)
    assert (due_ms(first), second.dead) == (0, False)
    clock.go_to(11)
    assert due_ms(second) == 10
    assert counts(pacer) == (2, 0, 0)


def test_an_arrival_that_found_nobody_is_taken_at_once_with_the_time_it_was_meant_for() -> None:
    clock = Clock()
    pacer = made(clock)
    clock.go_to(12)
    assert [(due - START_NS) // MS for due in (pacer.take(), pacer.take()) if due is not None] == [0, 10]
    assert counts(pacer) == (2, 2, 0)
    user = taking(pacer)
    clock.go_to(20)
    assert due_ms(user) == 20
    assert counts(pacer) == (3, 2, 0)


def test_an_arrival_that_nobody_came_for_in_time_is_dropped() -> None:
    clock = Clock()
    pacer = made(clock)
    clock.go_to(37)
    assert due_ms(taking(pacer)) == 20
    assert counts(pacer) == (1, 1, 2)


def test_a_user_that_is_killed_in_the_line_leaves_it() -> None:
    clock = Clock()
    pacer = made(clock)
    first, second = taking(pacer), taking(pacer)
    first.kill()
    clock.go_to(0)
    assert due_ms(second) == 0
    assert counts(pacer) == (1, 0, 0)


def test_an_arrival_given_to_a_user_that_is_killed_before_it_wakes_goes_to_the_next() -> None:
    clock = Clock()
    pacer = made(clock)
    killed = taking(pacer)
    killed.kill(block=False)  # on its way: asking now gives the arrival to who dies of it a moment later
    clock.set(0)
    assert pacer.take() == START_NS
    assert isinstance(killed.value, gevent.GreenletExit)
    assert counts(pacer) == (1, 0, 0)


def test_an_arrival_in_the_hand_of_a_killed_user_is_dropped_after_the_close() -> None:
    clock = Clock()
    pacer = made(clock)
    user = taking(pacer)
    user.kill(block=False)
    clock.set(0)
    pacer.close(START_NS + 1)
    settle()
    assert isinstance(user.value, gevent.GreenletExit)
    assert counts(pacer) == (0, 0, 1)


def test_closing_sends_everybody_home_and_nobody_waits_again() -> None:
    clock = Clock()
    pacer = made(clock)
    users = [taking(pacer) for _ in range(3)]
    clock.go_to(0)
    clock.set(10)
    pacer.close(START_NS + 10 * MS)
    pacer.close(START_NS + 99 * MS)
    settle()
    assert [due_ms(user) for user in users] == [0, None, None]
    assert pacer.take() is None
    assert counts(pacer) == (1, 0, 0)


def test_what_is_pending_at_the_close_is_dropped() -> None:
    clock = Clock()
    pacer = made(clock)
    clock.go_to(15)
    pacer.close(clock.now_ns)
    assert counts(pacer) == (0, 0, 2)


def test_an_idle_user_gets_what_was_due_just_before_the_close_though_the_alarm_had_not_rung() -> None:
    clock = Clock()
    pacer = made(clock)
    user = taking(pacer)
    clock.set(1)
    pacer.close(clock.now_ns)
    settle()
    assert due_ms(user) == 0
    assert counts(pacer) == (1, 0, 0)


def test_users_that_never_wait_let_others_run_now_and_then() -> None:
    clock = Clock()
    pacer = made(clock, patience_ms=10**6)
    clock.go_to(10 * 2 * MAX_IN_A_ROW)
    other = gevent.spawn(int)
    for _ in range(MAX_IN_A_ROW + 1):
        pacer.take()
    assert other.dead


def test_a_broken_alarm_closes_the_pacer(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def wait_until(self, at_ns: int) -> None:
            raise OSError("no timer")

    pacer = Pacer(Constant(100, 0, 1), START_NS, MS, Broken(), Clock())
    pacer.start()
    assert due_ms(taking(pacer)) is None
    assert "no timer" in capsys.readouterr().err


def test_with_a_true_clock_every_arrival_is_taken_or_dropped() -> None:
    alarm = Alarm()
    start_ns = time.monotonic_ns()
    schedule = Constant(2000, 0, 1)
    pacer = Pacer(schedule, start_ns, 50 * MS, alarm)
    pacer.start()
    taken: list[int] = []

    def user() -> None:
        while (due_ns := pacer.take()) is not None:
            assert time.monotonic_ns() >= due_ns
            taken.append(due_ns)
            gevent.sleep(0)

    users = [gevent.spawn(user) for _ in range(4)]
    killed = [gevent.spawn(user) for _ in range(20)]
    while schedule.count_before(time.monotonic_ns() - start_ns) < 200:
        gevent.sleep(0.002)
        if killed:
            killed.pop().kill()
    end_ns = time.monotonic_ns()
    pacer.close(end_ns)
    gevent.joinall(users, raise_error=True)
    gevent.killall(killed)
    alarm.close()
    assert len(set(taken)) == len(taken) == pacer.taken
    assert pacer.taken + pacer.dropped == schedule.count_before(end_ns - start_ns)
