"""Waking at a moment: never before it, whatever happened to the alarm before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from lockstep.worker.alarm import Alarm

MS = 1_000_000
NEVER_NS = 10**18


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    alarm = Alarm()
    yield alarm
    alarm.close()


def waiting(alarm: Alarm, at_ns: int) -> gevent.Greenlet:
    """A greenlet that waits already."""
    greenlet = gevent.spawn(alarm.wait_until, at_ns)
    gevent.sleep(0)
    assert not greenlet.dead
    return greenlet


def test_nobody_wakes_before_the_moment(alarm: Alarm) -> None:
    for distance_ns in (1, 1000, 50_000, MS, 3 * MS):
        at_ns = time.monotonic_ns() + distance_ns
        alarm.wait_until(at_ns)
        assert time.monotonic_ns() >= at_ns


def test_a_moment_that_is_past_lets_nobody_else_run(alarm: Alarm) -> None:
    other = gevent.spawn(int)
    alarm.wait_until(time.monotonic_ns() - 1)
    alarm.wait_until(0)
    assert not other.dead
    other.join()


def test_others_run_while_one_waits(alarm: Alarm) -> None:
    other = gevent.spawn(int)
    # So late that it is not over before the wait begins, however slow the machine.
    alarm.wait_until(time.monotonic_ns() + 100 * MS)
    assert other.dead


def test_several_alarms_ring_in_the_order_of_their_moments() -> None:
    rung: list[int] = []
    now_ns = time.monotonic_ns()

    def ring(number: int) -> None:
        own = Alarm()
        # Far apart, for those that are due at once after a pause of the machine ring in any order.
        own.wait_until(now_ns + number * 100 * MS)
        rung.append(number)
        own.close()

    gevent.joinall([gevent.spawn(ring, number) for number in (3, 1, 2)], raise_error=True)
    assert rung == [1, 2, 3]


def test_an_alarm_serves_again_after_whoever_waited_was_killed(alarm: Alarm) -> None:
    waiting(alarm, NEVER_NS).kill()
    at_ns = time.monotonic_ns() + 5 * MS
    alarm.wait_until(at_ns)
    assert time.monotonic_ns() >= at_ns


def test_who_waits_on_an_alarm_ends_when_it_is_closed(alarm: Alarm) -> None:
    greenlet = waiting(alarm, NEVER_NS)
    alarm.close()
    assert isinstance(greenlet.get(), gevent.GreenletExit)


def test_killing_who_waits_on_an_alarm_that_is_just_closed_is_fine(alarm: Alarm) -> None:
    greenlet = waiting(alarm, NEVER_NS)
    alarm.close()
    greenlet.kill()
    assert greenlet.dead


def test_only_one_greenlet_may_wait_at_a_time(alarm: Alarm) -> None:
    first = waiting(alarm, NEVER_NS)
    with pytest.raises(RuntimeError, match="another greenlet"):
        alarm.wait_until(NEVER_NS)
    first.kill()


def test_a_closed_alarm_is_refused_and_closing_again_does_nothing(alarm: Alarm) -> None:
    alarm.close()
    alarm.close()
    with pytest.raises(RuntimeError, match="closed"):
        alarm.wait_until(0)


def test_closing_gives_the_file_back() -> None:
    def timers() -> set[str]:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return {link.name for link in links if "timerfd" in str(link.readlink())}

    before = timers()
    alarm = Alarm()
    (its,) = timers() - before  # those of other tests may go meanwhile
    alarm.close()
    assert its not in timers()
