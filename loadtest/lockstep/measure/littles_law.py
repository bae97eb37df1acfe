"""Little's law, L = X T (Little, 1961): how many are there at once, counted and computed.

It holds for whatever is in between, in whatever order it serves. Where the two differ, something that took
time was not timed, or something that was timed was not counted.
"""

from __future__ import annotations

from lockstep.runs.measures import Occupancy
from lockstep.runs.records import Cell

US_PER_S = 1_000_000
TOLERANCE = 0.03
# Of a window whose edges are known, so that nothing has to be allowed for them.
WHOLE_TOLERANCE = 0.05


def closed_load(users: int, per_second: float, mean_us: float, lag_mean_us: float) -> Occupancy:
    """Users that go round and round: all are in an exchange, or between two.

    per_second: exchanges completed. mean_us: an exchange's mean time. lag_mean_us: the mean time from
    the end of a user's exchange to its next. This form is the interactive response time law (Denning and
    Buzen, 1978).
    """
    return Occupancy(users, per_second * (mean_us + lag_mean_us) / US_PER_S)


def open_load(in_flight: float, per_second: float, mean_us: float) -> Occupancy:
    """Exchanges that come by themselves. in_flight: the time average of how many were under way."""
    return Occupancy(in_flight, per_second * mean_us / US_PER_S)


def at_the_server(
    in_service_ns: int, elapsed_ns: int, released: int, hold_mean_us: float
) -> Occupancy | None:
    """Holders of a permit, between two snapshots of the server; None where no time lay between them.

    in_service_ns: nanoseconds of service added up over all holders. elapsed_ns: by the server's clock.
    released: holders that gave their permit back. hold_mean_us: from admission to release, from the records.
    """
    if elapsed_ns <= 0:
        return None
    per_second = released * 1_000_000_000 / elapsed_ns
    return Occupancy(in_service_ns / elapsed_ns, per_second * hold_mean_us / US_PER_S)


def at_the_client(cell: Cell, in_flight: float | None = None, failed: float = 0.0) -> Occupancy | None:
    """The cell's law in its own unit: messages where connections stay open, else sessions.

    in_flight: the time average of exchanges under way, each from the moment at which its time begins; None
    where all users of the level go round and round, so that their number is known. failed: the part of it in
    exchanges that failed, which have no time. None where no exchange was timed, or in_flight is not known.
    """
    times = cell.times.get("session")
    if cell.keeps_connection:
        times = cell.times.get("round_trip", cell.times.get("response"))
    if times is None:
        return None
    per_second = cell.messages_per_s if cell.keeps_connection else cell.sessions_per_s
    if in_flight is None and cell.arrival != "closed":
        return None
    if in_flight is None:
        lag = cell.times.get("send_lag")
        law = closed_load(cell.level, per_second, times.mean, 0.0 if lag is None else lag.mean)
    else:
        law = open_load(in_flight, per_second, times.mean)
    return Occupancy(law.counted, law.computed + failed)


def exchanges(cell: Cell) -> float:
    """How many exchanges were completed in the cell's window: messages, or sessions."""
    return (cell.messages_per_s if cell.keeps_connection else cell.sessions_per_s) * cell.seconds


def served(cell: Cell) -> int | None:
    """How many holders of a permit the server had in the cell; None where it tells nothing.

    A holder is a connection or, where the gate is held for each message, a message.
    """
    return None if cell.server is None else cell.server.holders


def allowed_share(law: Occupancy, completed: float, tolerance: float = TOLERANCE) -> float:
    """How far computed may be from counted, as a share of it: `tolerance` and what the window's edges can do.

    For the server's law, and for clients' whose times are of exchanges that began inside, as earlier versions
    took them. completed: exchanges within the window, n, more than 0. An edge cuts through the exchanges
    under way at that moment, L of them on average. Times lack the last part of what was under way at the
    beginning, and have the last part of what is under way at the end too much. That is at most one exchange
    of each user, L of n in all, so the computed number is off by at most the part L / n: one exchange's time
    as a part of the window. A window of a hundred exchange times leaves 1% to the edges.
    """
    return tolerance + law.counted / completed


def agrees(law: Occupancy, completed: float, tolerance: float = TOLERANCE) -> bool:
    """Whether counted and computed are the same, as far as `allowed_share` asks for it."""
    if completed <= 0:
        return law.counted == law.computed
    return abs(law.computed - law.counted) <= allowed_share(law, completed, tolerance) * law.counted


def allowed_at_the_client(cell: Cell, law: Occupancy) -> float:
    """How far a cell's law may be off, as a share: with the window's edges known, none of it is for them."""
    if cell.edges is not None:
        return WHOLE_TOLERANCE
    # A run of an earlier version.
    return allowed_share(law, max(exchanges(cell), 1.0))


def agrees_at_the_client(cell: Cell, law: Occupancy) -> bool:
    """Whether the clients' throughput and times make up their number, as far as may be asked."""
    return abs(law.computed - law.counted) <= allowed_at_the_client(cell, law) * law.counted
