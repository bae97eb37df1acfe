"""Rules that hold a cell's figures against queueing theory. Cells cut short are left out, as everywhere."""

from __future__ import annotations

from lockstep.analysis.finding import Check, Rule, Topic
from lockstep.measure import littles_law
from lockstep.runs.records import Cell
from lockstep.runs.theory import LittlesLaw

MOST_DIFFERENCE = 0.03

QUEUEING = Check(
    "queueing",
    "The wait for admission is not the one that follows from arrivals, holds and hand-offs.",
    "Hand-offs were not steady, or time passed that no record shows: use a machine that does nothing else.",
    touches=(Topic.QUEUEING,),
)
LITTLES_LAW_CLIENT = Check(
    "littles-law-client",
    "By Little's law the clients' throughput and times do not make up their number at once.",
    "Look for failed messages and a busy generator; otherwise some time of theirs is not measured.",
    touches=(Topic.LITTLES_LAW,),
)
LITTLES_LAW_SERVER = Check(
    "littles-law-server",
    "By Little's law the server's throughput and holds do not make up its number in service.",
    "Look for dropped records and for connections of somebody else's.",
    touches=(Topic.LITTLES_LAW,),
)


def _queueing(cell: Cell) -> str | None:
    found = cell.server.wait_prediction if cell.server is not None else None
    if found is None or cell.cut_short:
        return None
    difference = found.predicted_us - found.measured_us
    if abs(difference) <= MOST_DIFFERENCE * found.measured_us:
        return None
    return f"{found.measured_us / 1000:.2f} ms measured, {found.predicted_us / 1000:.2f} ms predicted"


def _at_the_client(cell: Cell) -> str | None:
    law = cell.littles_law
    if law is None or not cell.whole or littles_law.agrees_at_the_client(cell, law):
        return None
    return _both(law)


def _at_the_server(cell: Cell) -> str | None:
    completed = littles_law.served(cell)
    if cell.server is None or completed is None:
        return None
    law = cell.server.littles_law
    if law is None or cell.cut_short or littles_law.agrees(law, completed):
        return None
    return _both(law)


def _both(law: LittlesLaw) -> str:
    return f"{law.counted:.2f} counted, {law.computed:.2f} computed"


RULES = (
    Rule(QUEUEING, _queueing),
    Rule(LITTLES_LAW_CLIENT, _at_the_client),
    Rule(LITTLES_LAW_SERVER, _at_the_server),
)
