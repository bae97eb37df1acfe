"""A cell's end: clients' and server's accounts side by side, every difference named."""

from __future__ import annotations

from typing import Any

import pytest

from loadtest.cells import (
    KEPT_CONNECTIONS,
    join_connections,
    make_cell,
    make_ledger,
    make_server_cell,
    to_record,
)
from loadtest.collector import CellCollector
from loadtest.plan import PlannedCell
from loadtest.results import Ledger, Messages, ServerCell
from loadtest.server_view import Listener
from tests.unit.loadtest.admin_port import listener
from tests.unit.loadtest.records import START_NS, message, order, report_of, view

PLANNED = PlannedCell(4, "lock", 8, 2)


def served(answered: int) -> ServerCell:
    return ServerCell(1, answered, answered, 1, 0)


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


@pytest.mark.parametrize(
    ("clients", "answered", "difference", "words"),
    [
        (Messages(sent=5, answered=5), 5, 0, ""),
        (Messages(sent=6, answered=5, refused=1), 5, 0, ""),
        (Messages(sent=7, answered=5, aborted=2), 7, 2, "2 messages failed in flight"),
        (Messages(sent=7, answered=5, timeout=1, reset=1), 6, 1, "2 messages failed in flight"),
        (Messages(sent=6, answered=5, mismatch=1), 6, 1, "did not see 1 answers"),
        (Messages(sent=5, answered=5), 9, 4, "4 answers more than the clients can account for"),
        (Messages(sent=6, answered=5, aborted=1), 9, 4, "3 answers more than"),
        (Messages(sent=6, answered=5, refused=1), 6, 1, "1 answers more than"),
        (Messages(sent=5, answered=5), 2, -3, "3 fewer than the clients"),
    ],
)
def test_a_difference_between_the_two_counts_is_named(
    clients: Messages, answered: int, difference: int, words: str
) -> None:
    ledger = make_ledger(clients, served(answered))
    assert ledger.difference == difference
    assert words in ledger.explanation
    assert bool(ledger.explanation) == bool(difference)
    assert ledger.client_sent == ledger.client_answered + ledger.client_failed


def test_where_the_server_is_silent_there_is_no_difference_to_name() -> None:
    assert make_ledger(Messages(sent=3, answered=2, reset=1), None) == Ledger(3, 2, 1)


def test_a_server_cell_is_what_was_counted_since_the_cell_began() -> None:
    before = counted(accepted=10, received=50, answered=49)
    after = counted(accepted=13, received=56, answered=55, max_in_service=1, max_waiting=2)
    cell = make_server_cell(before, after, [row(1, 0), row(2, 50)], dropped=4)
    assert (cell.accepted, cell.received, cell.answered) == (3, 6, 6)
    assert (cell.max_in_service, cell.max_waiting, cell.dropped_records) == (1, 2, 4)
    assert cell.hold_us is not None
    assert (cell.hold_us.count, cell.inversions) == (2, 0)


def test_by_message_a_connections_record_tells_no_order() -> None:
    at_message = counted(scope="message")
    cell = make_server_cell(at_message, at_message, [row(1, 0)], dropped=0)
    assert (cell.inversions, cell.hold_us, cell.handoff_us, cell.idle_start_us) == (None, None, None, None)


def test_a_cell_carries_what_was_planned_and_what_was_collected() -> None:
    collected = CellCollector(order(), {"w1", "w2"})
    collected.add(report_of([message(1.5, 1.6)], "w1"))
    cell = make_cell(PLANNED, collected, None, cut_short=True)
    assert (cell.index, cell.mode, cell.level, cell.repeat) == (4, "lock", 8, 2)
    assert (cell.workers_expected, cell.workers_reported, cell.cut_short) == (2, 1, True)
    assert cell.messages == Messages(sent=1, answered=1)
    assert cell.response_us is not None
    assert cell.connect_us is None


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
