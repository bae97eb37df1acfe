"""Books that processes tell of: exact whoever tells first, while they count, and when one dies."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from functools import partial

import pytest

from lockstep_server.ledger import Ledger
from lockstep_server.occupancy import Occupancy
from lockstep_server.prefork.journal import Journal, ToldBooks, shared_cells, teller
from lockstep_server.records import Cause, ConnectionRecord

WORKERS = 3


class Office:
    """A server's books, and those who tell of them; all in this process."""

    def __init__(self) -> None:
        self.told, self.telling = os.pipe()
        os.set_blocking(self.told, False)
        cells, self.tell = shared_cells(WORKERS), teller(self.telling)
        self.ledger, self.occupancy = Ledger(100), Occupancy()
        self.ends: list[tuple[int, ConnectionRecord | None]] = []
        self.journal = Journal(
            self.told, cells, self.ledger, self.occupancy, lambda *end: self.ends.append(end)
        )
        self.workers = [ToldBooks(each, partial(self.tell, slot)) for slot, each in enumerate(cells)]

    def totals(self) -> tuple[int, int, int, int, int]:
        """Accepted, open, received, answered, bytes sent; up to date."""
        assert self.journal.catch_up()
        it = self.ledger.totals()
        return it.accepted, it.open, it.received, it.answered, it.bytes_sent


@pytest.fixture
def office() -> Iterator[Office]:
    it = Office()
    yield it
    for pipe in (it.told, it.telling):
        os.close(pipe)


def count(record: ConnectionRecord, messages: int) -> None:
    for _ in range(messages):
        record.received += 1
        record.answered += 1
        record.bytes_received += 5
        record.bytes_sent += 7


def test_a_connection_is_booked_as_it_was_from_arrival_to_release(office: Office) -> None:
    worker = office.workers[1]
    record = worker.arrive("peer:1", 100)
    admitted_ns = worker.enter(record)
    count(record, 2)
    worker.close(record, Cause.SHORT, 200)
    released_ns = worker.leave(record)
    assert office.totals() == (1, 0, 2, 2, 14)
    (booked,), _ = office.ledger.connections(0, 10)
    assert (booked.peer, booked.arrival_ns, booked.admission_ns) == ("peer:1", 100, admitted_ns)
    assert (booked.close_ns, booked.cause, booked.release_ns) == (200, Cause.SHORT, released_ns)
    occupied = office.occupancy.snapshot()
    assert (occupied.in_service, occupied.waiting, occupied.max_in_service) == (0, 0, 1)
    assert occupied.in_service_ns == occupied.held_ns == released_ns - admitted_ns


def test_messages_of_an_open_connection_are_seen_as_they_are_counted_and_each_counts_from_nothing(
    office: Office,
) -> None:
    for number in range(1, 4):
        record = office.workers[0].arrive("peer:1", number)
        office.workers[0].enter(record)
        count(record, number)
        assert (record.received, record.answered, record.bytes_sent) == (number, number, 7 * number)
        assert office.totals()[1] == 1
        assert office.ledger.connections(0, 1)[0][0].answered == number
        office.workers[0].close(record, Cause.PEER, number)
        office.workers[0].leave(record)
    assert office.totals() == (3, 0, 6, 6, 42)


def test_records_are_in_the_order_of_arrival_whoever_tells_first(office: Office) -> None:
    arrivals = list(range(1, WORKERS + 1))
    for turn in range(4):
        for slot in random.Random(turn).sample(range(WORKERS), WORKERS):
            record = office.workers[slot].arrive("peer:1", 10 * turn + arrivals[slot])
            office.workers[slot].enter(record)
            office.workers[slot].close(record, Cause.PEER, 10 * turn + 9)
            office.workers[slot].leave(record)
    assert office.totals()[0] == 4 * WORKERS
    records, _ = office.ledger.connections(0, 100)
    assert [it.arrival_ns for it in records] == [10 * turn + it for turn in (3, 2, 1, 0) for it in (3, 2, 1)]
    assert [it.arrival_ns for it in office.ledger.connections(31, 100)[0]] == [33, 32, 31]


@pytest.mark.parametrize(
    ("steps", "lost", "answered"),
    [
        ("", False, 0),
        ("a", True, 0),
        ("ae", True, 0),
        ("aec", True, 3),
        ("aecx", False, 3),
        ("aecxl", False, 3),
    ],
)
def test_wherever_a_worker_dies_its_connection_is_closed_and_out_of_service(
    office: Office, steps: str, lost: bool, answered: int
) -> None:
    dying, other = office.workers[0], office.workers[1]
    stays = other.arrive("peer:2", 1)
    other.enter(stays)
    count(stays, 1)
    record = dying.arrive("peer:1", 2) if steps else ConnectionRecord(0, "", 0)
    for step in steps[1:]:
        match step:
            case "e":
                dying.enter(record)
            case "c":
                count(record, 3)
            case "x":
                dying.close(record, Cause.PEER, 3)
            case "l":
                dying.leave(record)
    office.tell(0, "end", -9)
    assert office.totals() == (1 + bool(steps), 1, 1 + answered, 1 + answered, 7 * (1 + answered))
    occupied = office.occupancy.snapshot()
    assert (occupied.waiting, occupied.in_service) == (0, 1)
    ((code, who),) = office.ends
    assert (code, who is not None) == (-9, lost)
    assert office.ledger.totals().causes[Cause.DIED] == lost
    successor = ToldBooks(office.journal._workers[0].cells, partial(office.tell, 0))
    next_one = successor.arrive("peer:3", 4)
    successor.enter(next_one)
    count(next_one, 2)
    assert next_one.answered == 2
    assert office.totals()[3] == 1 + answered + 2


def test_whatever_the_order_totals_are_the_sum_of_what_workers_did(office: Office) -> None:
    chance, answered, accepted, most = random.Random(7), 0, 0, 0
    serving: dict[int, ConnectionRecord] = {}
    for _ in range(3_000):
        slot = chance.randrange(WORKERS)
        worker, record = office.workers[slot], serving.get(slot)
        if record is None:
            accepted += 1
            serving[slot] = record = worker.arrive(f"peer:{accepted}", accepted)
            worker.enter(record)
            most = max(most, len(serving))
        elif chance.random() < 0.6:
            count(record, 1)
            answered += 1
        else:
            worker.close(record, Cause.PEER, 0)
            worker.leave(serving.pop(slot))
        if chance.random() < 0.05:
            assert office.totals() == (accepted, len(serving), answered, answered, 7 * answered)
            assert office.occupancy.snapshot().in_service == len(serving)
    assert office.totals() == (accepted, len(serving), answered, answered, 7 * answered)
    assert office.occupancy.snapshot().max_in_service == most


def test_who_is_refused_neither_waits_any_longer_nor_was_ever_in_service(office: Office) -> None:
    worker = office.workers[0]
    worker.close(worker.arrive("peer:1", 1), Cause.OVERLOAD, 2)
    worker.give_up()
    assert office.totals() == (1, 0, 0, 0, 0)
    assert office.ledger.totals().causes[Cause.OVERLOAD] == 1
    occupied = office.occupancy.snapshot()
    assert (occupied.waiting, occupied.max_in_service, occupied.released) == (0, 0, 0)
    worker.enter(worker.arrive("peer:2", 3))
    assert office.totals() == (2, 1, 0, 0, 0)


def test_when_nobody_is_left_who_could_tell_what_is_open_is_lost(office: Office) -> None:
    for slot in (0, 2):
        office.workers[slot].enter(office.workers[slot].arrive("peer:1", slot))
    assert office.journal.catch_up()
    os.close(office.telling)
    assert not office.journal.catch_up()
    assert office.journal.lose_all() == 2
    assert office.ledger.totals().causes[Cause.DIED] == 2
    assert office.occupancy.snapshot().in_service == 0
    office.telling = os.open(os.devnull, os.O_WRONLY)
