"""Occupancy, records and ledger count what happened."""

from __future__ import annotations

import threading

from lockstep_server.ledger import Ledger
from lockstep_server.occupancy import Occupancy
from lockstep_server.records import Cause, ConnectionRecord, History


class FakeClock:
    """Monotonic nanoseconds, moved by hand."""

    now_ns = 1_000

    def __call__(self) -> int:
        return self.now_ns


def counts(occupancy: Occupancy) -> tuple[int, int, int, int]:
    it = occupancy.snapshot()
    return it.waiting, it.in_service, it.max_waiting, it.max_in_service


def visitors(count: int) -> list[ConnectionRecord]:
    return [ConnectionRecord(number, "x:1", 0) for number in range(1, count + 1)]


def test_maxima_are_kept_until_they_are_reset_to_the_present() -> None:
    occupancy = Occupancy()
    first, second, _ = visitors(3)
    for _ in range(3):
        occupancy.line_up()
    occupancy.enter(first)
    occupancy.enter(second)
    occupancy.leave(first)
    assert counts(occupancy) == (1, 1, 3, 2)
    occupancy.reset_peaks()
    assert counts(occupancy) == (1, 1, 1, 1)


def test_who_gives_up_no_longer_waits() -> None:
    occupancy = Occupancy()
    occupancy.line_up()
    occupancy.give_up()
    assert counts(occupancy) == (0, 0, 1, 0)


def test_time_in_service_adds_up_for_each_who_is_there_up_to_the_very_moment() -> None:
    clock = FakeClock()
    occupancy = Occupancy(clock)
    first, second = visitors(2)
    seen = []
    # (moment, who does what): 1 in service for 10 ns, 2 for 5, 1 for 20, nobody for 100, 1 for 3
    steps = [
        (1_000, occupancy.enter, first),
        (1_010, occupancy.enter, second),
        (1_015, occupancy.leave, first),
        (1_035, occupancy.leave, second),
        (1_135, occupancy.enter, first),
        (1_138, occupancy.leave, first),
    ]
    for now_ns, step, who in steps:
        clock.now_ns = now_ns
        before = occupancy.snapshot()
        step(who)
        after = occupancy.snapshot()
        assert before.in_service_ns == after.in_service_ns  # an event takes no time
        seen.append((after.at_ns, after.in_service_ns, after.released, after.held_ns))
    assert seen == [
        (1_000, 0, 0, 0),
        (1_010, 10, 0, 0),
        (1_015, 20, 1, 15),
        (1_035, 40, 2, 40),
        (1_135, 40, 2, 40),
        (1_138, 43, 3, 43),
    ]


def test_who_comes_and_goes_is_told_when_and_has_it_noted() -> None:
    clock = FakeClock()
    occupancy = Occupancy(clock)
    (who,) = visitors(1)
    assert occupancy.enter(who) == who.admission_ns == 1_000
    clock.now_ns = 1_007
    assert occupancy.leave(who) == who.release_ns == 1_007


def test_area_and_stays_are_the_same_under_threads_once_nobody_is_in_service() -> None:
    occupancy = Occupancy()
    records = visitors(1200)

    def stay(own: list[ConnectionRecord]) -> None:
        for record in own:
            occupancy.line_up()
            occupancy.enter(record)
            occupancy.leave(record)

    threads = [threading.Thread(target=stay, args=(records[start::6],)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    seen = occupancy.snapshot()
    assert (seen.in_service, seen.waiting, seen.released) == (0, 0, 1200)
    assert seen.in_service_ns == seen.held_ns == sum(record.hold_ns or 0 for record in records)


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
    assert (history.lost_since(0), [record.id for record in history.latest()]) == (0, [1])


def test_quiet_is_waited_for_until_the_last_connection_is_closed() -> None:
    ledger = Ledger(bound=2)
    record = ledger.arrive("x:1", 0)
    assert not ledger.is_quiet()
    closer = threading.Thread(target=ledger.close, args=(record, Cause.PEER, 1))
    closer.start()
    assert ledger.is_quiet()
    closer.join(20)
