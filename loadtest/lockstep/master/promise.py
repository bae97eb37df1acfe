"""Whether what a search is to keep can be measured of those whom the load goes to, before any load."""

from __future__ import annotations

from lockstep.analysis.measurable import Known, why_never
from lockstep.analysis.trials import promise_of
from lockstep.errors import PlanError
from lockstep.plan import Plan
from lockstep.runs.records import UNKNOWN_MODE
from lockstep.target.target import Targets
from lockstep.tcp.endpoint import Scheme


def check_promise(plan: Plan, targets: Targets) -> None:
    """PlanError where the plan is a search, and a figure of its promise is never measured of a mode."""
    if plan.search is None:
        return
    promise, told = promise_of(plan.search), targets.modes()
    own_steps = plan.traffic.user_file is not None
    for mode in plan.modes:
        # What a file of users connects to is theirs to say.
        tls = own_steps or targets.endpoint_of(mode).scheme is Scheme.TLS
        known = Known(told.get(mode, UNKNOWN_MODE), targets.server_of(mode) is not None, tls, own_steps)
        for each in promise:
            if (why := why_never(each.metric, known)) is not None:
                raise PlanError(
                    "keep",
                    f"{each.text!r}: {each.metric.name} is not measured of {mode}, for {why}: bound a "
                    "response time, or failed",
                )
