"""Admissions admit as many as they have permits for, and the ticket admission in the order of asking."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest

from lockstep_server.modes import (
    MODES,
    Admission,
    ConditionAdmission,
    LockAdmission,
    OpenAdmission,
    ReadWriteAdmission,
    ReentrantLockAdmission,
    SemaphoreAdmission,
    TicketAdmission,
)
from lockstep_server.occupancy import Occupancy
from lockstep_server.prefork.listener import PreforkedListener
from lockstep_server.records import ConnectionRecord
from tests.support.clients import wait_until

PATIENCE_S = 20


@pytest.mark.parametrize(
    ("make", "permits"),
    [
        (LockAdmission, 1),
        (ReentrantLockAdmission, 1),
        (TicketAdmission, 1),
        (lambda: SemaphoreAdmission(1), 1),
        (lambda: SemaphoreAdmission(3), 3),
        (lambda: ConditionAdmission(1), 1),
        (lambda: ConditionAdmission(3), 3),
        (lambda: ReadWriteAdmission(1), 1),
    ],
)
def test_never_more_are_in_service_than_there_are_permits(
    make: Callable[[], Admission], permits: int
) -> None:
    admission, occupancy = make(), Occupancy()

    def come_and_go() -> None:
        record = ConnectionRecord(1, "x:1", 0)
        for _ in range(200):
            occupancy.line_up()
            admission.acquire()
            occupancy.enter(record)
            occupancy.leave(record)
            admission.release()

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    count = occupancy.snapshot()
    assert (count.waiting, count.in_service) == (0, 0)
    assert 1 <= count.max_in_service <= permits


def test_the_open_gate_admits_everyone() -> None:
    admission = OpenAdmission()
    for _ in range(100):
        admission.acquire()
    admission.release()


def test_the_ticket_gate_admits_in_the_order_of_asking() -> None:
    admission, admitted = TicketAdmission(), list[int]()
    admission.acquire()

    def ask(number: int) -> None:
        admission.acquire()
        admitted.append(number)
        admission.release()

    threads = []
    for number in range(20):
        threads.append(threading.Thread(target=ask, args=(number,)))
        threads[-1].start()
        while len(admission._waiters) <= number:
            threading.Event().wait(0.0005)
    admission.release()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert admitted == list(range(20))


def test_a_ticket_gate_that_everyone_left_is_free_again() -> None:
    admission = TicketAdmission()
    for _ in range(3):
        admission.acquire()
        admission.release()


def test_a_reentrant_gate_lets_its_holder_in_again_and_keeps_others_out_until_it_has_left_as_often() -> None:
    admission, events = ReentrantLockAdmission(), list[str]()

    def ask() -> None:
        admission.acquire()
        events.append("admitted")
        admission.release()

    admission.acquire()
    admission.acquire()
    other = threading.Thread(target=ask)
    other.start()
    admission.release()
    events.append("one given back")
    admission.release()
    other.join(PATIENCE_S)
    assert events == ["one given back", "admitted"]


def test_only_the_thread_that_holds_a_reentrant_gate_can_give_it_back() -> None:
    admission, told = ReentrantLockAdmission(), list[str]()

    def give_back() -> None:
        try:
            admission.release()
        except RuntimeError as error:
            told.append(str(error))

    admission.acquire()
    other = threading.Thread(target=give_back)
    other.start()
    other.join(PATIENCE_S)
    assert told == ["cannot release un-acquired lock"]


class CountingCondition(threading.Condition):
    """Knows how often somebody lay down, and how often one woke; both change with its lock held only."""

    waits = wakes = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        woken = super().wait(timeout)
        self.wakes += 1
        return woken


def test_a_condition_gate_wakes_everybody_and_a_newcomer_can_steal_the_turn_from_them_all() -> None:
    admission, condition, admitted = ConditionAdmission(1), CountingCondition(), list[str]()
    admission._condition = condition
    admission.acquire()

    def ask(name: str) -> None:
        admission.acquire()
        admitted.append(name)
        admission.release()

    threads = [threading.Thread(target=ask, args=("waiter",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: condition.waits == 4)
    with condition:  # those who are woken cannot look before the newcomer has been here
        admission.release()
        admission.acquire()
        admitted.append("newcomer")
    wait_until(lambda: (condition.wakes, condition.waits) == (4, 8))
    assert admitted == ["newcomer"]
    admission.release()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert admitted == ["newcomer", *["waiter"] * 4]


def test_readers_share_and_a_writer_waits_for_all_of_them_ahead_of_newcomers() -> None:
    admission, condition, events = ReadWriteAdmission(3), CountingCondition(threading.Lock()), list[str]()
    admission._changed = condition

    def ask(name: str) -> None:
        admission.acquire()
        events.append(name)
        admission.release()

    admission.acquire()
    admission.acquire()  # the second reader, beside the first
    writer = threading.Thread(target=ask, args=("third to ask, a writer",))
    writer.start()
    wait_until(lambda: condition.waits == 1)
    newcomer = threading.Thread(target=ask, args=("fourth, a reader",))
    newcomer.start()
    wait_until(lambda: condition.waits == 2)
    admission.release()
    events.append("a reader stays")
    admission.release()
    for thread in (writer, newcomer):
        thread.join(PATIENCE_S)
    assert events == ["a reader stays", "third to ask, a writer", "fourth, a reader"]


def test_nobody_is_in_while_a_writer_is() -> None:
    admission, inside, company = ReadWriteAdmission(4), list[int](), list[int]()

    def come_and_go(number: int) -> None:
        for _ in range(200):
            admission.acquire()
            inside.append(number)
            if admission._writing:
                company.append(len(inside))
            inside.remove(number)
            admission.release()

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert company == [1] * (8 * 200 // 4)
    assert (admission._readers, admission._writers_waiting, admission._writing) == (0, 0, False)


@pytest.mark.parametrize("name", MODES)
def test_every_mode_says_what_it_costs_and_how_it_fails(name: str) -> None:
    mode = MODES[name]
    parts = (PreforkedListener,) if mode.processes else (type(mode.admission(1)), mode.dispatch(1))
    said = " ".join(part.__doc__ or "" for part in parts).lower()
    assert "costs" in said
    assert re.search(r"fails?\b", said)
