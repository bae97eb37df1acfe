"""What can be said of a plan before its load, from what its server tells of itself."""

from __future__ import annotations

from lockstep.measure.cell import messages_of, service_of
from lockstep.measure.edges import foreseen
from lockstep.plan import Plan
from lockstep.target.admin import ServerView


def foresee(server: ServerView | None, plan: Plan | None) -> str | None:
    """That the plan's windows are too short, where that is arithmetic; else None.

    It is where our own server says what it does, and users begin as soon as they are free.
    """
    if plan is None or server is None or plan.traffic.arrival.open:
        return None
    snapshot = server.snapshot()
    services = {mode: service_of(snapshot, mode) for mode in plan.modes if mode in snapshot.listeners}
    return foreseen(services, plan.levels, messages_of(plan.traffic), (plan.warmup_s, plan.seconds))
