"""One cell's end: clients' and server's accounts of it put side by side. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from lockstep.measure import littles_law, queueing
from lockstep.measure.collector import CellCollector
from lockstep.measure.connections import (
    Sojourns,
    Span,
    count_inversions,
    measure_fairness,
    overlap_over,
    to_record,
)
from lockstep.measure.edges import Service, weigh_edges
from lockstep.measure.queueing import predict_wait
from lockstep.plan import PlannedCell
from lockstep.runs.connections import ClientView, ServerRecord
from lockstep.runs.measures import Count, Distribution, Edges, Ledger, Occupancy, Overlap
from lockstep.runs.records import Cell, ServerCell
from lockstep.target.admin import Listener, Snapshot

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """The server's account of a cell: what goes into run.json, the bulky part, and rows of /connections."""

    cell: ServerCell
    overlap: Overlap | None
    rows: Sequence[dict[str, Any]]


def make_cell(
    planned: PlannedCell,
    collected: CellCollector,
    server: ServerCell | None,
    *,
    cut_short: bool,
    min_session_ns: float | None = None,
) -> Cell:
    """The cell as run.json keeps it. min_session_ns: of a session, where it is known beforehand.

    Where the window was too short for its exchanges no time of the clients' is kept.
    """
    cell = _clients_account(planned, collected, make_ledger(collected, server))
    edges = _edges_of(collected, min_session_ns)
    cell = replace(_carried_by(cell, collected), server=server, edges=edges, cut_short=cut_short)
    cell = replace(cell, littles_law=_law_at_the_client(cell, collected))
    if not cell.too_short:
        return cell
    untimed = {name: replace(each, response=None) for name, each in cell.requests.items()}
    return replace(cell, times={}, requests=untimed)


def _clients_account(planned: PlannedCell, collected: CellCollector, ledger: Ledger) -> Cell:
    """What was asked for, and what all workers together saw of it."""
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
        sessions=collected.sums.sessions,
        messages=collected.messages,
        ledger=ledger,
        scenario=traffic.scenario,
        depth=traffic.depth if "depth" in traffic.does.heeds else 1,
        arrival=traffic.arrival.name,
        stages=traffic.stages,
        rate_per_s=traffic.arrival.rate_per_s,
        times=collected.times,
        examples=collected.sums.examples,
        requests=collected.requests,
        unchecked=collected.sums.unchecked,
    )


def _carried_by(cell: Cell, collected: CellCollector) -> Cell:
    """The same, with how its workers and users fared."""
    return replace(
        cell,
        late=collected.delayed,
        dropped=collected.dropped,
        backed_off=collected.backed_off,
        port_waits=collected.port_waits,
        handshakes=collected.handshakes,
        resumed=collected.resumed,
        addresses=collected.addresses,
        opening_s=collected.opening_s,
        workers_expected=len(collected.workers),
        workers_reported=len(collected.workers - collected.missing()),
        reports_refused=collected.refused,
        reports_late=collected.belated,
        users=collected.users,
        health=collected.health,
        beside=collected.company,
        rendezvous=collected.rendezvous,
        troubles=collected.troubles,
    )


def _edges_of(collected: CellCollector, min_session_ns: float | None) -> Edges | None:
    """What the window's ends cut through; None where the load is in no steady state.

    How long a peer blocks its sender has nothing to do with how long one looks, and a load that changes is in
    none.
    """
    traffic = collected.order.traffic
    if not traffic.does.answered or traffic.stages:
        return None
    edges = weigh_edges(collected.spans, collected.seconds, min_session_ns)
    # With company, who is held up all along is what is looked for, not a window that is too short.
    return (
        edges if edges is None or collected.company is None else replace(edges, needs_s=None, disturbed=False)
    )


def _law_at_the_client(cell: Cell, collected: CellCollector) -> Occupancy | None:
    """None where it cannot hold: locked clients wait for one another, and nobody times that.

    Users of a manual run come and go: there those that were under way are counted, as in an open load.
    """
    if cell.cut_short or cell.client_mode == "locked" or not cell.seconds:
        return None
    inside, failed = (
        sum_ns / NS_PER_S / cell.seconds
        for sum_ns in (collected.exchanges.inside_ns, collected.exchanges.failed_ns)
    )
    traffic = collected.order.traffic
    if traffic.stages:
        return None
    # At a rendezvous a user is in no exchange, and in no time between two.
    go_round = not traffic.arrival.open and traffic.does.in_turn and traffic.rendezvous_s is None
    users_stay = collected.order.seconds is not None and go_round
    return littles_law.at_the_client(cell, None if users_stay else inside, failed)


def service_of(snapshot: Snapshot, mode: str) -> Service:
    """What the server says of one of its modes beforehand."""
    listener = snapshot.listeners[mode]
    return Service(
        hold_ns=snapshot.settings["hold_ns"], permits=listener.permits, by_message=listener.mode.by_message
    )


def make_ledger(clients: CellCollector, server: ServerCell | None) -> Ledger:
    """Clients' count against the server's, line by line; a difference is named."""
    counted = clients.ledger
    ledger = Ledger(
        sent=Count(clients.sums.carried, None if server is None else server.received),
        # Who wrote a reply does not know that it was not what was expected.
        answered=Count(counted.answered + clients.sums.wrong, None if server is None else server.answered),
        bytes_sent=Count(clients.sums.bytes_sent, None if server is None else server.bytes_received),
        bytes_received=Count(clients.sums.bytes_received, None if server is None else server.bytes_sent),
        failed=counted.sent - counted.answered,
    )
    return ledger if ledger.exact else replace(ledger, explanation=_explain(ledger, clients))


def _explain(ledger: Ledger, clients: CellCollector) -> str:
    if missing := len(clients.missing()):
        who = "a worker" if missing == 1 else f"{missing} workers"
        return f"what {who} saw after the last report before its end is lost"
    differences = [each.difference or 0 for each in (ledger.sent, ledger.answered)]
    if not any(differences):
        return "all messages were counted by both, but not all bytes: some were cut off or came unasked"
    counted = clients.ledger
    lost = counted.aborted + counted.timeout + counted.reset + counted.short
    lost += counted.mismatch + counted.error - clients.sums.wrong
    unread = -min(differences)
    if 0 < unread <= lost:
        return f"{unread} messages were given up in flight before the server had read or answered them"
    if unread > 0:
        return (
            "the server counted fewer than the clients: was it restarted, or was a message lost on its way?"
        )
    if max(differences) <= lost:
        return f"{lost} messages failed in flight: the clients did not see their answers as answers"
    return (
        f"{max(differences) - lost} messages more than the clients can account for: "
        "somebody else's connections, or a worker's lost report"
    )


def take_account(
    before: Snapshot, after: Snapshot, collected: CellCollector, rows: Sequence[dict[str, Any]], dropped: int
) -> Account:
    """The server's account of a cell.

    Differences of its counts between two snapshots, peaks since the first, and what its
    connections' records say: rows of /connections, in any order, dropped more of which are lost.
    """
    mode, traffic = collected.order.mode, collected.order.traffic
    was, now = before.listeners[mode], after.listeners[mode]
    counted = replace(_count(was, now), dropped_records=dropped, listen_overflows=_overflows(before, after))
    if now.mode.by_message:
        # Per-message admissions are summed in a connection's record: their order and gaps are not in it.
        return Account(replace(counted, littles_law=_law_at_the_server(was, now, None)), None, rows)
    records = [to_record(row) for row in rows]
    sojourns = Sojourns.of(records)
    span = _span(before, sojourns, collected)
    visits = _by_user(rows, records, collected.sums.connections)
    times = queueing.times_of(records, now.permits)
    one_message = traffic.messages_per_iteration == 1 and not traffic.keeps_connection
    # A prediction needs every connection from an empty server on, and arrivals that do not wait for it.
    predictable = traffic.arrival.open and one_message and not dropped
    cell = replace(
        counted,
        inversions=count_inversions(sojourns.admitted),
        times=times,
        littles_law=_law_at_the_server(was, now, None if dropped else times.get("hold")),
        wait_prediction=predict_wait(records, now.permits, poisson=traffic.arrival.poisson)
        if predictable
        else None,
        fairness=measure_fairness(sojourns.admitted, visits, span.window_start_ns),
    )
    return Account(cell, None if dropped else overlap_over(sojourns, span), rows)


def _count(was: Listener, now: Listener) -> ServerCell:
    accepted, answered = now.accepted - was.accepted, now.answered - was.answered
    return ServerCell(
        accepted=accepted,
        received=now.received - was.received,
        answered=answered,
        bytes_received=now.bytes_received - was.bytes_received,
        bytes_sent=now.bytes_sent - was.bytes_sent,
        max_in_service=now.max_in_service,
        max_waiting=now.max_waiting,
        holders=answered if now.mode.by_message else accepted,
    )


def _by_user(
    rows: Sequence[dict[str, Any]], records: Sequence[ServerRecord], clients: Mapping[str, ClientView]
) -> dict[str, list[ServerRecord]]:
    """Each user's connections in order, of those that clients kept.

    An address may come back when all ports were used once: clients kept the first with it.
    """
    unclaimed = {address: view.user for address, view in clients.items() if view.user is not None}
    known = [
        (record.arrival_ns, row["peer"], record)
        for row, record in zip(rows, records, strict=True)
        if row["peer"] in unclaimed
    ]
    visits: dict[str, list[ServerRecord]] = {}
    for _, address, record in sorted(known, key=itemgetter(0)):
        user = unclaimed.pop(address, None)
        if user is not None:
            visits.setdefault(user, []).append(record)
    return visits


def _span(before: Snapshot, sojourns: Sojourns, collected: CellCollector) -> Span:
    """The cell's time by the server's clock.

    Workers, whose clock may be another, tidy up for some tens of milliseconds before they begin: the server
    sees that by its first arrival.
    """
    began_ns = int(sojourns.arrival_ns[0]) if len(sojourns) else before.now_ns
    unmeasured_s = collected.order.warmup_s + (collected.opening_s or 0.0)
    window_start_ns = began_ns + round(unmeasured_s * NS_PER_S)
    return Span(before.now_ns, window_start_ns, window_start_ns + round(collected.seconds * NS_PER_S))


def _overflows(before: Snapshot, after: Snapshot) -> int | None:
    was, now = (snapshot.settings.get("listen_overflows") for snapshot in (before, after))
    return None if was is None or now is None else now - was


def _law_at_the_server(was: Listener, now: Listener, hold_us: Distribution | None) -> Occupancy | None:
    """hold_us: of complete records; without them the mean hold is that of the server's sums."""
    released = now.released - was.released
    if not released:
        return None
    hold_mean_us = (now.held_ns - was.held_ns) / released / 1000 if hold_us is None else hold_us.mean
    return littles_law.at_the_server(
        now.in_service_ns - was.in_service_ns, now.at_ns - was.at_ns, released, hold_mean_us
    )
