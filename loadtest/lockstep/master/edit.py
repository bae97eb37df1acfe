"""What may be changed in a run under way: the number of users of a run by hand, and nothing else. Pure."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from lockstep.errors import PlanError

PLAN_UNDER_WAY: Final = (
    "a comparison plan is under way, and sets the users itself: let it end, or press Stop first"
)


def check_edit(kind: str, now: Namespace, asked: Namespace, host_now: str | None, host: str | None) -> None:
    """PlanError where a start request would have to change more than the run under way can change.

    kind: `plan` or `hand`. now, asked: the options that it was started with, and those of the request. host:
    the request's, None where it names none.
    """
    if kind == "plan":
        raise PlanError("run", PLAN_UNDER_WAY)
    was, wanted = vars(now), vars(asked)
    changed = {name: (was[name], wanted[name]) for name in wanted if was[name] != wanted[name]}
    if host is not None and host != host_now:
        changed["host"] = (host_now, host)
    for name, (old, new) in changed.items():
        raise PlanError(
            name,
            f"stays {old!r} as long as this run goes on; only the number of users can be changed. "
            f"Press Stop, and start a new one with {new!r}",
        )
