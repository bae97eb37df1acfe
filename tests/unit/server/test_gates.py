"""Gates admit as many as they have permits for, and the ticket gate in the order of asking."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from lockstep_server.gates import Gate, LockGate, OpenGate, SemaphoreGate, TicketGate
from lockstep_server.occupancy import Occupancy
from lockstep_server.records import ConnectionRecord

PATIENCE_S = 20


@pytest.mark.parametrize(
    ("make", "permits"),
    [(LockGate, 1), (TicketGate, 1), (lambda: SemaphoreGate(1), 1), (lambda: SemaphoreGate(3), 3)],
)
def test_never_more_are_in_service_than_there_are_permits(make: Callable[[], Gate], permits: int) -> None:
    gate, occupancy = make(), Occupancy()

    def come_and_go() -> None:
        record = ConnectionRecord(1, "x:1", 0)
        for _ in range(200):
            occupancy.line_up()
            gate.acquire()
            occupancy.enter(record)
            occupancy.leave(record)
            gate.release()

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    count = occupancy.snapshot()
    assert (count.waiting, count.in_service) == (0, 0)
    assert 1 <= count.max_in_service <= permits


def test_the_open_gate_admits_everyone() -> None:
    gate = OpenGate()
    for _ in range(100):
        gate.acquire()
    gate.release()


def test_the_ticket_gate_admits_in_the_order_of_asking() -> None:
    gate, admitted = TicketGate(), list[int]()
    gate.acquire()

    def ask(number: int) -> None:
        gate.acquire()
        admitted.append(number)
        gate.release()

    threads = []
    for number in range(20):
        threads.append(threading.Thread(target=ask, args=(number,)))
        threads[-1].start()
        while len(gate._waiters) <= number:
            threading.Event().wait(0.0005)
    gate.release()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert admitted == list(range(20))


def test_a_ticket_gate_that_everyone_left_is_free_again() -> None:
    gate = TicketGate()
    for _ in range(3):
        gate.acquire()
        gate.release()
