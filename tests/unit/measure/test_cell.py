"""A cell's end: clients' and server's accounts side by side, every difference named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lockstep.measure.cell import (
    Account,
    make_cell,
    make_ledger,
    take_account,
)
from lockstep.measure.collector import CellCollector
from lockstep.measure.connections import KEPT_CONNECTIONS, join_connections, to_record
from lockstep.plan import PlannedCell
from lockstep.runs.connections import ClientView
from lockstep.runs.measures import Count
from lockstep.runs.records import Messages, ServerCell
from lockstep.target.admin import Listener, Snapshot
from lockstep.tcp.samples import Outcome, Phase, Sample
from lockstep.traffic import Arrival, Traffic
from tests.factories.reports import OPEN, START_NS, at, message, order, report_of, report_of_due, view
from tests.support.admin_port import listener

PLANNED = PlannedCell(4, "lock", 8, 2)
# Frames and their replies, in the ledgers below.
BYTES = 10


def served(received: int, answered: int) -> ServerCell:
    return ServerCell(1, received, answered, 1, 0, received * BYTES, answered * BYTES)


def clients_with(outcomes: Sequence[tuple[str, int]]) -> CellCollector:
    """What one worker counted; all but the refused had a connection, and whoever failed saw no reply."""
    samples: list[Sample] = []
    for name, count in outcomes:
        outcome = Outcome(name)
        sent_bytes = 0 if outcome is Outcome.REFUSED else BYTES
        received_bytes = BYTES if outcome is Outcome.ANSWERED else 0
        sample = replace(message(1.5, 1.6, outcome), sent_bytes=sent_bytes, received_bytes=received_bytes)
        samples += [sample] * count
    collector = CellCollector(order(), {"w1"})
    collector.add(report_of(samples))
    return collector


def row(number: int, arrival_ns: int, **more: Any) -> dict[str, Any]:
    """A row of /connections that waited 10 ns and was served for 100."""
    return {
        "peer": f"127.0.0.1:{number}",
        "arrival_ns": arrival_ns,
        "admission_ns": arrival_ns + 10,
        "release_ns": arrival_ns + 110,
        "close_ns": arrival_ns + 111,
        "cause": "peer",
        "messages": 1,
        "port": 8889,
        **more,
    }


def counted(**counts: Any) -> Listener:
    document = listener("lock", 8889, **counts)
    return Listener(**{name: document[name] for name in Listener.__dataclass_fields__})


def snapshot(now_ns: int = 0, settings: dict[str, Any] | None = None, **counts: Any) -> Snapshot:
    """The server at one moment, with what its lock has counted."""
    return Snapshot(settings or {}, now_ns, {"lock": counted(at_ns=now_ns, **counts)})


def account(
    before: Snapshot,
    after: Snapshot,
    rows: Sequence[dict[str, Any]] = (),
    dropped: int = 0,
    traffic: Traffic | None = None,
    clients: dict[str, ClientView] | None = None,
) -> Account:
    """The account of a cell with these rows, of which the clients kept those connections."""
    collected = CellCollector(order(traffic=traffic), {"w1"})
    collected.sums.connections.update(clients or {})
    return take_account(before, after, collected, rows, dropped)


@pytest.mark.parametrize(
    ("outcomes", "received", "answered", "difference", "words"),
    [
        ([("answered", 5)], 5, 5, 0, ""),
        ([("answered", 5), ("refused", 1)], 5, 5, 0, ""),
        ([("answered", 5), ("aborted", 2)], 7, 7, 2, "2 messages failed in flight"),
        ([("answered", 5), ("timeout", 1), ("reset", 1)], 7, 6, 1, "2 messages failed in flight"),
        ([("answered", 5), ("mismatch", 1)], 6, 6, 1, "1 messages failed in flight"),
        ([("answered", 5)], 9, 9, 4, "4 messages more than the clients can account for"),
        ([("answered", 6), ("aborted", 1)], 10, 10, 4, "3 messages more than"),
        ([("answered", 5), ("refused", 1)], 6, 6, 1, "1 messages more than"),
        ([("answered", 5)], 2, 2, -3, "the server counted fewer than the clients"),
        ([("answered", 5)], 4, 5, 0, "the server counted fewer than the clients"),
        ([("answered", 5), ("aborted", 9)], 7, 5, 0, "7 messages were given up in flight before the server"),
        ([("answered", 5), ("timeout", 2)], 5, 6, 1, "2 messages were given up in flight before the server"),
        ([("answered", 5), ("aborted", 1)], 3, 3, -2, "the server counted fewer than the clients"),
    ],
)
def test_a_difference_between_the_two_counts_is_named(
    outcomes: list[tuple[str, int]], received: int, answered: int, difference: int, words: str
) -> None:
    clients = clients_with(outcomes)
    ledger = make_ledger(clients, served(received, answered))
    assert ledger.difference == difference
    assert words in ledger.explanation
    assert bool(ledger.explanation) == (not ledger.exact)
    counts = dict(outcomes)
    assert ledger.answered.client == counts["answered"]
    assert ledger.failed == sum(counts.values()) - counts["answered"]
    assert ledger.sent.client == sum(counts.values()) - counts.get("refused", 0)


def test_a_wrong_reply_that_came_is_one_that_the_server_gave() -> None:
    wrong = [
        replace(message(1.5, 1.6, outcome), sent_bytes=BYTES, received_bytes=BYTES)
        for outcome in (Outcome.MISMATCH, Outcome.ERROR)
    ]
    clients = CellCollector(order(), {"w1"})
    clients.add(report_of(wrong))
    ledger = make_ledger(clients, served(2, 2))
    assert (ledger.exact, ledger.explanation, ledger.failed) == (True, "", 2)


def test_a_worker_without_a_last_report_is_named_first() -> None:
    clients = clients_with([("answered", 5)])
    clients.expect("w2")
    assert "what a worker saw after the last report" in make_ledger(clients, served(9, 9)).explanation


def test_where_the_server_is_silent_there_is_no_difference_to_name() -> None:
    ledger = make_ledger(clients_with([("answered", 2), ("reset", 1)]), None)
    assert (ledger.sent, ledger.answered, ledger.failed) == (Count(3), Count(2), 1)
    assert (ledger.bytes_sent, ledger.bytes_received) == (Count(30), Count(20))
    assert ledger.exact
    assert (ledger.difference, ledger.explanation) == (None, "")


def test_a_server_cell_is_what_was_counted_since_the_cell_began() -> None:
    before = snapshot(accepted=10, received=50, answered=49, bytes_received=500, bytes_sent=490)
    after = snapshot(
        accepted=13,
        received=56,
        answered=55,
        bytes_received=560,
        bytes_sent=550,
        max_in_service=1,
        max_waiting=2,
    )
    cell = account(before, after, [row(1, 0), row(2, 50)], dropped=4).cell
    assert (cell.accepted, cell.received, cell.answered) == (3, 6, 6)
    assert (cell.bytes_received, cell.bytes_sent) == (60, 60)
    assert (cell.max_in_service, cell.max_waiting, cell.dropped_records) == (1, 2, 4)
    assert (cell.times["hold"].count, cell.inversions) == (2, 0)


def test_by_message_a_connections_record_tells_no_order() -> None:
    at_message = snapshot(scope="message")
    told = account(at_message, at_message, [row(1, 0)])
    cell = told.cell
    assert (
        cell.inversions,
        cell.times.get("hold"),
        cell.times.get("handoff"),
        cell.times.get("idle_start"),
    ) == (None, None, None, None)
    assert (cell.fairness, told.overlap) == (None, None)


@pytest.mark.parametrize(
    ("before", "after", "overflows"), [(3, 5, 2), (3, 3, 0), (None, 5, None), (3, None, None)]
)
def test_listen_overflows_are_those_since_the_cell_began(
    before: int | None, after: int | None, overflows: int | None
) -> None:
    first, last = (snapshot(settings={"listen_overflows": count}) for count in (before, after))
    assert account(first, last).cell.listen_overflows == overflows


@pytest.mark.parametrize(
    ("dropped", "computed"),
    [pytest.param(0, 0.2, id="by the records"), pytest.param(1, 0.3, id="some lost: by the sums")],
)
def test_littles_law_at_the_server_takes_the_hold_from_records_only_if_all_are_there(
    dropped: int, computed: float
) -> None:
    before, after = snapshot(0), snapshot(1000, in_service_ns=250, released=2, held_ns=300)
    cell = account(before, after, [row(1, 0), row(2, 200)], dropped).cell
    assert cell.littles_law is not None
    assert cell.littles_law.counted == pytest.approx(0.25)
    assert cell.littles_law.computed == pytest.approx(computed)


def test_where_nobody_was_released_there_is_no_law() -> None:
    assert account(snapshot(0), snapshot(1000)).cell.littles_law is None


@pytest.mark.parametrize(
    ("traffic", "more", "dropped", "predicted"),
    [
        (Traffic(messages=1, arrival=Arrival("poisson", 100.0)), {}, 0, True),
        (Traffic(messages=1, arrival=Arrival("constant", 100.0)), {}, 0, True),
        (Traffic(messages=1), {}, 0, False),
        (Traffic(messages=2, arrival=Arrival("poisson", 100.0)), {}, 0, False),
        (Traffic("persistent", messages=1, arrival=Arrival("poisson", 100.0)), {}, 0, False),
        (Traffic(messages=1, arrival=Arrival("poisson", 100.0)), {}, 1, False),
        (Traffic(messages=1, arrival=Arrival("poisson", 100.0)), {"scope": "message"}, 0, False),
        (Traffic(messages=1, arrival=Arrival("poisson", 100.0)), {"permits": None}, 0, False),
    ],
)
def test_a_wait_is_predicted_where_arrivals_wait_for_nobody_and_every_record_is_there(
    traffic: Traffic, more: dict[str, Any], dropped: int, predicted: bool
) -> None:
    rows = [row(number, number * 200) for number in range(60)]
    cell = account(snapshot(0, **more), snapshot(1, **more), rows, dropped, traffic).cell
    assert (cell.wait_prediction is not None) == predicted


def test_a_user_is_known_again_by_its_connections_and_how_soon_it_is_back_is_measured() -> None:
    """Of ports that come back only the first connection is known: clients keep no later one."""
    rows = [row(1, 0), row(2, 10), row(3, 1_000), row(1, 9_000)]
    clients = {
        f"127.0.0.1:{number}": replace(view(START_NS), user=user)
        for number, user in ((1, "w1/1"), (2, "w1/2"), (3, "w1/1"))
    }
    fairness = account(snapshot(), snapshot(), rows, clients=clients).cell.fairness
    assert fairness is not None
    assert fairness.connections == 4
    assert fairness.reacquire_us is not None
    # From the release at 110 ns to the admission at 1,010.
    assert (fairness.reacquire_us.count, fairness.reacquire_us.max) == (1, 0.9)


def test_without_users_nobody_is_known_again() -> None:
    fairness = account(
        snapshot(), snapshot(), [row(1, 0)], clients={"127.0.0.1:1": view(START_NS)}
    ).cell.fairness
    assert fairness is not None
    assert fairness.reacquire_us is None


def test_the_overlap_runs_from_the_cells_beginning_by_the_servers_clock_and_marks_the_window() -> None:
    """Warm-up 1 s; one connection, released half a second after its cell began."""
    began_ns = 5_000_000_000
    long_stay = row(1, began_ns, release_ns=began_ns + 500_000_000)
    overlap = account(snapshot(began_ns), snapshot(), [long_stay]).overlap
    assert overlap is not None
    assert overlap.window_start_ms == 1_000
    assert overlap.span_ms == pytest.approx(1_000, rel=0.001)
    assert sum(overlap.in_service) / len(overlap.in_service) == pytest.approx(0.5, abs=0.01)


def test_where_records_were_dropped_there_is_no_overlap_to_draw() -> None:
    assert account(snapshot(), snapshot(), [row(1, 0)], dropped=1).overlap is None
    assert account(snapshot(), snapshot(), [row(1, 0)], dropped=0).overlap is not None


def test_a_cell_carries_what_was_planned_and_what_was_collected() -> None:
    collected = CellCollector(order(), {"w1", "w2"})
    collected.add(report_of([message(1.5, 1.6)], "w1"))
    cell = make_cell(PLANNED, collected, None, cut_short=True)
    assert (cell.index, cell.mode, cell.level, cell.repeat) == (4, "lock", 8, 2)
    assert (cell.workers_expected, cell.workers_reported, cell.cut_short) == (2, 1, True)
    assert cell.messages == Messages(sent=1, answered=1)
    assert "response" in cell.times
    assert "connect" not in cell.times
    assert cell.times.get("round_trip") == cell.times.get("response")
    assert (cell.arrival, cell.rate_per_s) == ("closed", None)
    assert [health.worker for health in cell.health] == ["w1"]
    assert cell.littles_law is None


def closed(**traffic: Any) -> CellCollector:
    """A window of 2 s with four sessions of half a second, 0.1 s after one another."""
    collected = CellCollector(order(traffic=Traffic(**traffic)), {"w1"})
    sessions = [message(start_s, start_s + 0.5, phase=Phase.SESSION) for start_s in (1.0, 1.5, 2.0, 2.4)]
    lags = [message(1.0, 1.1, phase=Phase.SCHEDULE_DELAY)] * 4
    collected.add(report_of([*sessions, *lags], cell_order=collected.order))
    return collected


def test_littles_law_at_the_client_counts_users_against_throughput_and_time() -> None:
    law = make_cell(PLANNED, closed(), None, cut_short=False).littles_law
    assert law is not None
    assert law.counted == 8
    assert law.computed == pytest.approx(4 / 2.0 * (0.5 + 0.1), rel=0.002)


@pytest.mark.parametrize(("traffic", "cut_short"), [({}, True), ({"client_mode": "locked"}, False)])
def test_where_users_come_and_go_or_wait_for_one_another_there_is_no_law(
    traffic: dict[str, Any], cut_short: bool
) -> None:
    assert make_cell(PLANNED, closed(**traffic), None, cut_short=cut_short).littles_law is None


def test_a_cell_of_an_open_load_tells_its_rate_and_both_times() -> None:
    traffic = replace(OPEN, scenario="persistent")
    collected = CellCollector(order(traffic=traffic), {"w1"})
    due = [(message(1.5, 1.6), at(1.2))]
    collected.add(report_of_due(due, cell_order=collected.order, delayed=3, dropped=2))
    cell = make_cell(PLANNED, collected, None, cut_short=False)
    assert (cell.arrival, cell.rate_per_s, cell.late, cell.dropped) == ("constant", 100.0, 3, 2)
    means = [
        each and each.mean
        for each in (cell.times.get("response"), cell.times.get("round_trip"), cell.times.get("send_lag"))
    ]
    assert means == pytest.approx([400_000, 100_000, 300_000], rel=0.002)
    assert cell.littles_law is not None
    # In flight is what was sent: from when it was due on it waited for a user, and was nowhere yet.
    assert cell.littles_law.counted == pytest.approx(0.1 / 2.0)


def test_both_views_of_a_connection_are_joined_on_the_clients_address() -> None:
    clients = {"127.0.0.1:1": view(START_NS), "127.0.0.1:9": view(START_NS)}
    records = [row(2, START_NS + 5), row(1, START_NS)]
    first, second = join_connections(PLANNED, records, clients)
    assert (first.address, first.client) == ("127.0.0.1:1", clients["127.0.0.1:1"])
    assert first.server == to_record(records[1])
    assert (second.address, second.client) == ("127.0.0.1:2", None)
    assert {(joined.cell, joined.mode) for joined in (first, second)} == {(4, "lock")}


def test_of_many_connections_the_first_are_kept() -> None:
    records = [row(number, number) for number in reversed(range(KEPT_CONNECTIONS + 50))]
    kept = join_connections(PLANNED, records, {})
    assert [joined.address for joined in kept] == [f"127.0.0.1:{n}" for n in range(KEPT_CONNECTIONS)]


def test_where_the_server_is_silent_the_clients_view_stands_alone() -> None:
    clients = {f"127.0.0.1:{number}": view(START_NS - number) for number in range(KEPT_CONNECTIONS + 50)}
    kept = join_connections(PLANNED, [], clients)
    assert len(kept) == KEPT_CONNECTIONS
    assert kept[0].address == f"127.0.0.1:{KEPT_CONNECTIONS + 49}"
    assert all(joined.server is None for joined in kept)
