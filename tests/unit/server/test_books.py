"""Occupancy, records and ledger count what happened."""

from __future__ import annotations

import threading

from server.ledger import Ledger
from server.occupancy import Occupancy, Occupied
from server.records import Cause, ConnectionRecord, History


def test_maxima_are_kept_until_they_are_reset_to_the_present() -> None:
    occupancy = Occupancy()
    for _ in range(3):
        occupancy.line_up()
    occupancy.enter()
    occupancy.enter()
    occupancy.leave()
    assert occupancy.snapshot() == Occupied(waiting=1, in_service=1, max_waiting=3, max_in_service=2)
    occupancy.reset_peaks()
    assert occupancy.snapshot() == Occupied(waiting=1, in_service=1, max_waiting=1, max_in_service=1)


def test_who_gives_up_no_longer_waits() -> None:
    occupancy = Occupancy()
    occupancy.line_up()
    occupancy.give_up()
    assert occupancy.snapshot() == Occupied(0, 0, 1, 0)


def test_wait_and_hold_are_none_until_they_have_happened() -> None:
    record = ConnectionRecord(1, "peer", arrival_ns=100)
    assert (record.wait_ns, record.hold_ns) == (None, None)
    record.admission_ns = 130
    assert (record.wait_ns, record.hold_ns) == (30, None)
    record.release_ns = 180
    assert (record.wait_ns, record.hold_ns) == (30, 50)


def test_message_by_message_wait_and_hold_are_sums() -> None:
    record = ConnectionRecord(1, "peer", 100, admission_ns=101, release_ns=999, waited_ns=7, held_ns=0)
    assert (record.wait_ns, record.hold_ns) == (7, 0)


def test_messages_of_open_and_closed_connections_add_up() -> None:
    ledger = Ledger(bound=10)
    first, second = ledger.arrive("a:1", 10), ledger.arrive("b:2", 20)
    first.received, first.answered, first.bytes_received, first.bytes_sent = 3, 2, 30, 20
    second.received, second.answered, second.bytes_received, second.bytes_sent = 1, 1, 5, 7
    ledger.close(first, Cause.RESET, 30)
    totals = ledger.totals()
    assert (totals.accepted, totals.open, totals.closed) == (2, 1, 1)
    assert (totals.received, totals.answered) == (4, 3)
    assert (totals.bytes_received, totals.bytes_sent) == (35, 27)
    assert totals.causes["reset"] == 1
    assert sum(totals.causes.values()) == 1
    assert (first.close_ns, first.cause) == (30, Cause.RESET)


def test_counts_are_exact_under_threads() -> None:
    ledger = Ledger(bound=5)

    def come_and_go() -> None:
        for number in range(300):
            record = ledger.arrive("x:1", number)
            record.received += 1
            ledger.close(record, Cause.PEER, number)

    threads = [threading.Thread(target=come_and_go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    totals = ledger.totals()
    assert (totals.accepted, totals.open, totals.received, totals.causes["peer"]) == (1800, 0, 1800, 1800)


def test_connections_come_newest_first_and_say_how_many_the_limit_cut() -> None:
    ledger = Ledger(bound=100)
    for arrival_ns in range(10):
        ledger.arrive("x:1", arrival_ns)
    records, missing = ledger.connections(since_ns=4, limit=2)
    assert ([record.arrival_ns for record in records], missing) == ([9, 8], 4)
    assert ledger.connections(since_ns=10, limit=2) == ([], 0)
    assert ledger.connections(since_ns=0, limit=0) == ([], 10)


def test_the_bound_loses_the_oldest_and_tells_how_many() -> None:
    ledger = Ledger(bound=20)
    for arrival_ns in range(1000):
        ledger.close(ledger.arrive("x:1", arrival_ns), Cause.PEER, arrival_ns)
    records, missing = ledger.connections(since_ns=0, limit=100)
    assert ([record.arrival_ns for record in records], missing) == (list(range(999, 979, -1)), 980)
    assert ledger.connections(since_ns=980, limit=100)[1] == 0
    _, missing = ledger.connections(since_ns=500, limit=100)
    assert 480 <= missing <= 480 + 63


def test_an_open_connection_is_listed_however_old() -> None:
    ledger = Ledger(bound=2)
    old = ledger.arrive("x:1", 0)
    for arrival_ns in range(1, 5):
        ledger.close(ledger.arrive("x:1", arrival_ns), Cause.PEER, arrival_ns)
    records, missing = ledger.connections(since_ns=0, limit=10)
    assert ([record.arrival_ns for record in records], missing) == ([4, 3, 0], 2)
    assert records[-1] is old


def test_a_short_history_has_lost_nothing() -> None:
    history = History(bound=3)
    assert history.lost_since(0) == 0
    history.add(ConnectionRecord(1, "x", 5))
    assert (history.lost_since(0), history.since(6)) == (0, [])


def test_quiet_is_waited_for_until_the_last_connection_is_closed() -> None:
    ledger = Ledger(bound=2)
    record = ledger.arrive("x:1", 0)
    assert not ledger.wait_until_quiet(0)
    closer = threading.Thread(target=ledger.close, args=(record, Cause.PEER, 1))
    closer.start()
    assert ledger.wait_until_quiet(20)
    closer.join(20)
