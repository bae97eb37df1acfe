"""The Locust load shape that walks a plan.

Users up or down to the cell's level, then the cell, then the next.
"""

from __future__ import annotations

from locust import LoadTestShape, User

from lockstep.errors import REFUSALS, in_words
from lockstep.master.conductor import Conductor
from lockstep.master.course import Course, course_of, unreached, within_reach
from lockstep.master.under_way import RunUnderWay
from lockstep.plan import Plan, PlannedCell
from lockstep.traffic import Traffic


class PlanShape(LoadTestShape):
    """Each tick runs the cell whose users the tick before has called for, and asks for the users of the next.

    Locust's ticks come once a second at the earliest and only after spawning is done: a cell's time is kept
    here, within the tick, where its users are known to be there.
    """

    # Not picked up by Locust's search for shapes: it is made by hand, with a conductor.
    abstract = True
    use_common_options = True

    def __init__(self, plan: Plan, conductor: Conductor, user_class: type[User]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.plan = plan
        self._conductor = conductor
        self._user_class = user_class
        self._course: Course = course_of(plan)
        self._left: list[PlannedCell] = []
        self._armed: PlannedCell | None = None

    def begin_run(self) -> RunUnderWay:
        """Make the run folder, before any load. One of REFUSALS where the plan cannot be run."""
        self.plan = plan = self._within_reach(self.plan)
        self._course = course_of(plan)
        self._armed = None
        run = self._conductor.begin_plan(plan)
        self._left = run.expect(self._course)
        return run

    def _within_reach(self, plan: Plan) -> Plan:
        """The plan, which nobody's limits stand in the way of; PlanError where they do."""

        def check(users: int, traffic: Traffic) -> None:
            self._conductor.check_capacity(users, plan.modes, traffic, plan.load_s)

        if plan.search is None:
            check(plan.most_connections, plan.traffic)
            return plan
        return within_reach(plan, plan.search, check)

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """Users of the next cell, all coming or going at once.

        None after the last cell, or where the run cannot go on.
        """
        try:
            return self._step()
        except REFUSALS as refusal:
            self._conductor.give_up(in_words(refusal))
            return None

    def _step(self) -> tuple[int, float, list[type[User]]] | None:
        plan = self.plan
        run = self._conductor.current or self.begin_run()
        if self._armed is not None:
            run.run_cell(self._armed, plan)
            self._armed = None
        if not self._left:
            self._left = run.expect(self._course)
        if not self._left:
            if (words := unreached(plan, run.record.run)) is not None:
                run.record.note(words)
            self._conductor.finish_run(interrupted=False)
            return None
        self._armed = self._left.pop(0)
        return self._armed.level, float(plan.most_users), [self._user_class]
