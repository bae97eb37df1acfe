"""One cell's end: clients' and server's accounts of it put side by side. Pure functions."""

from __future__ import annotations

from typing import Any

from loadtest.analysis import queueing
from loadtest.collector import CellCollector
from loadtest.plan import PlannedCell
from loadtest.results import Cell, ClientView, Connection, Ledger, Messages, ServerCell, ServerRecord
from loadtest.server_view import Listener

KEPT_CONNECTIONS = 200


def make_cell(
    planned: PlannedCell, collected: CellCollector, server: ServerCell | None, *, cut_short: bool
) -> Cell:
    """The cell as run.json keeps it."""
    traffic = collected.order.traffic
    return Cell(
        index=planned.index,
        mode=planned.mode,
        level=planned.level,
        repeat=planned.repeat,
        client_mode=traffic.client_mode,
        messages_per_connection=traffic.messages,
        payload_bytes=traffic.payload_bytes,
        seconds=collected.seconds,
        sessions_per_s=collected.sessions_per_s,
        messages_per_s=collected.messages_per_s,
        sessions=collected.sessions,
        messages=collected.messages,
        ledger=make_ledger(collected.ledger, server),
        cut_short=cut_short,
        workers_expected=len(collected.workers),
        workers_reported=len(collected.finished),
        server=server,
        connect_us=collected.distribution("connect"),
        first_reply_us=collected.distribution("first_reply"),
        response_us=collected.distribution("response"),
        wait_us=collected.distribution("wait"),
        service_us=collected.distribution("service"),
        network_us=collected.distribution("network"),
        close_us=collected.distribution("close"),
        session_us=collected.distribution("session"),
    )


def make_ledger(clients: Messages, server: ServerCell | None) -> Ledger:
    """Clients' count against the server's; a difference is named."""
    failed = clients.sent - clients.answered
    if server is None:
        return Ledger(clients.sent, clients.answered, failed)
    difference = server.answered - clients.answered
    return Ledger(
        client_sent=clients.sent,
        client_answered=clients.answered,
        client_failed=failed,
        server_received=server.received,
        server_answered=server.answered,
        difference=difference,
        explanation=_explain(difference, clients),
    )


def _explain(difference: int, clients: Messages) -> str:
    if difference == 0:
        return ""
    if difference < 0:
        return f"the server counted {-difference} fewer than the clients: was it restarted?"
    lost = clients.aborted + clients.timeout + clients.reset + clients.short + clients.mismatch
    if difference <= lost:
        return f"the clients did not see {difference} answers as answers: {lost} messages failed in flight"
    return (
        f"{difference - lost} answers more than the clients can account for: "
        "somebody else's connections, or a worker's lost report"
    )


def make_server_cell(
    before: Listener, after: Listener, records: list[dict[str, Any]], dropped: int
) -> ServerCell:
    """The server's account of a cell.

    Differences of its counts, greatest values since the start, and the queue's analysis.
    """
    analysed = queueing.analyse([to_record(row) for row in records], after.permits)
    by_message = after.scope == "message"
    return ServerCell(
        accepted=after.accepted - before.accepted,
        received=after.received - before.received,
        answered=after.answered - before.answered,
        max_in_service=after.max_in_service,
        max_waiting=after.max_waiting,
        # Per-message admissions are summed in a connection's record: their order and gaps are not in it.
        inversions=None if by_message else analysed.inversions,
        hold_us=None if by_message else analysed.hold_us,
        handoff_us=None if by_message else analysed.handoff_us,
        idle_start_us=None if by_message else analysed.idle_start_us,
        dropped_records=dropped,
    )


def to_record(row: dict[str, Any]) -> ServerRecord:
    """One row of the server's /connections, as the run folder keeps it."""
    return ServerRecord(**{name: row[name] for name in ServerRecord.__dataclass_fields__})


def join_connections(
    planned: PlannedCell, records: list[dict[str, Any]], clients: dict[str, ClientView]
) -> list[Connection]:
    """The cell's first connections, both views joined on the client's address.

    From the very first, warm-up included: whoever comes later meets others of whom nothing would be shown.
    """
    if records:
        rows = sorted(records, key=lambda row: row["arrival_ns"])[:KEPT_CONNECTIONS]
        return [
            Connection(planned.index, planned.mode, row["peer"], clients.get(row["peer"]), to_record(row))
            for row in rows
        ]
    earliest = sorted(clients.items(), key=lambda item: item[1].connect_start_ns)[:KEPT_CONNECTIONS]
    return [Connection(planned.index, planned.mode, address, view) for address, view in earliest]
