"""What a run measures next: what is planned, or what follows from what was measured. Starts nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from lockstep.analysis.comparison import wider
from lockstep.analysis.limits import limits
from lockstep.analysis.trials import load_of, longest_us, promise_of
from lockstep.errors import PlanError
from lockstep.measure.edges import fitting, fitting_arrivals
from lockstep.plan import Plan, PlannedCell, Until
from lockstep.runs.records import Run
from lockstep.search import Search
from lockstep.traffic import Traffic

# So many cells a series takes, more or less: what a search has time for.
CELLS_OF_A_SERIES = 20

Course = Callable[[Run, float], list[PlannedCell]]
"""A run so far, and the seconds that it has taken -> the next cells; none where it is done."""


def course_of(plan: Plan) -> Course:
    """How a plan's cells come about."""
    if plan.search is not None:
        return _as_found(plan, plan.search)
    measured = _as_planned(plan) if plan.until is None else _until_sure(plan, plan.until)
    return _then_profiled(plan, measured) if plan.profile else measured


def _as_planned(plan: Plan) -> Course:
    cells = plan.cells()
    return lambda run, _: cells[len(run.measured) :]


def _until_sure(plan: Plan, until: Until) -> Course:
    """The planned repeats, and then one more of all cells at a time, so that all series meet what changes.

    None is begun that would not be over in time, if it takes as long as those before.
    """
    in_a_repeat = len(plan.cells(1))

    def next_cells(run: Run, taken_s: float) -> list[PlannedCell]:
        measured = len(run.measured)
        done = measured // in_a_repeat
        if done < plan.repeats:
            return plan.cells()[measured:]
        over = done >= until.most or taken_s * (done + 1) / done > until.at_most_s
        return [] if over or not wider(run, until.within) else plan.cells(done + 1)[measured:]

    return next_cells


def _then_profiled(plan: Plan, measured: Course) -> Course:
    """One more cell of each series, under its greatest load, once all that is measured is measured."""

    def next_cells(run: Run, taken_s: float) -> list[PlannedCell]:
        begun, level = len(run.measured), max(plan.levels)
        left = [mode for mode in plan.modes if mode not in run.profiled]
        return measured(run, taken_s) or [
            PlannedCell(begun + place, mode, level, run.planned_repeats, profiled=True)
            for place, mode in enumerate(left)
        ]

    return next_cells


def begins_repeat(plan: Plan, run: Run, cell: PlannedCell) -> bool:
    """Whether a cell is the first of another repeat than the last one measured.

    In a search each cell is a repeat of its load.
    """
    measured = run.measured
    return bool(measured) and (plan.search is not None or measured[-1].repeat != cell.repeat)


def unreached(plan: Plan, run: Run) -> str | None:
    """That a run is over before it was as sure as was asked for; None where it is, or nobody asked."""
    until = plan.until
    wide = [] if until is None else wider(run, until.within)
    if until is None or not wide:
        return None
    are = "is" if len(wide) == 1 else "are"
    return (
        f"after {run.planned_repeats} repeats {len(wide)} of the intervals {are} wider than --until asks "
        f"for, {until.within:.2g}: raise --most or --at-most"
    )


def _as_found(plan: Plan, search: Search) -> Course:
    """One cell of each series that goes on, shuffled, so that what changes with time meets all of them.

    None is begun that would not be over in time.
    """

    def next_cells(run: Run, taken_s: float) -> list[PlannedCell]:
        tried = Counter((cell.mode, load_of(search, cell)) for cell in run.cells)
        begun = len(run.measured)
        following = [(each.mode, each.next) for each in limits(run) if each.next is not None]
        random.Random(plan.seed * 1_000_003 + begun).shuffle(following)
        own_s = sum(sum(lengths(plan, search, cell.mode, load_of(search, cell))) for cell in run.measured)
        # What a cell takes beside its own time: users come, what is in flight ends, all is saved.
        beside_s = max(taken_s - own_s, 0.0) / begun if begun else 0.0
        cells: list[PlannedCell] = []
        for mode, load in following:
            planned = PlannedCell(begun + len(cells), mode, 1, 1 + tried[mode, load])
            cell = cell_at(plan, search, load, planned)
            over_s = taken_s + beside_s + sum(lengths(plan, search, mode, load))
            if over_s <= search.at_most_s:
                cells.append(cell)
                taken_s = over_s
        return cells

    return next_cells


def cell_at(plan: Plan, search: Search, load: float, cell: PlannedCell) -> PlannedCell:
    """The cell under this load."""
    # A connect, and each message.
    steps = 1 + plan.traffic.messages_per_iteration
    users = search.users(load, longest_us(promise_of(search)), steps)
    return replace(
        cell,
        level=users,
        rate_per_s=load if search.by_rate else None,
        lengths_s=lengths(plan, search, cell.mode, load),
    )


def lengths(plan: Plan, search: Search, mode: str, load: float) -> tuple[float, float]:
    """Warm-up and window of a cell of a search, in seconds: the plan's, or what its load asks for.

    No cell takes more of the search's time than leaves enough for others.
    """
    fit = next((each for each in search.fits if each.mode == mode), None)
    if fit is None:
        return plan.warmup_s, plan.seconds
    turn_s = fit.session_s / fit.permits
    asked = fitting_arrivals(turn_s) if search.by_rate else fitting(max(fit.session_s, load * turn_s))
    most_s = search.at_most_s / (CELLS_OF_A_SERIES * len(plan.modes))
    part = min(1.0, most_s / sum(asked))
    warmup_s, seconds = (float(f"{each * part:.2g}") for each in asked)
    return (
        max(plan.warmup_s, warmup_s) if fit.warmup else plan.warmup_s,
        max(plan.seconds, seconds) if fit.seconds else plan.seconds,
    )


def within_reach(plan: Plan, search: Search, check: Callable[[int, Traffic], None]) -> Plan:
    """The plan, with as great a load at most as can be carried.

    check: raises PlanError where so many users, with this traffic, would run into a limit of anybody's. So
    does this where the first load does.
    """

    def refusal(load: float) -> PlanError | None:
        cell = cell_at(plan, search, load, PlannedCell(0, plan.modes[0], 1, 1))
        try:
            check(cell.level, cell.traffic(plan.traffic))
        except PlanError as refused:
            return refused
        return None

    if (refused := refusal(search.start)) is not None:
        raise refused
    why = refusal(search.up_to)
    if why is None:
        return plan
    carried, too_much = search.start, search.up_to
    while (load := search.between(carried, too_much)) is not None:
        if (refused := refusal(load)) is None:
            carried = load
        else:
            too_much, why = load, refused
    if search.at_least is not None and search.at_least > carried:
        raise PlanError("at-least", f"{search.at_least:g} is more than can be carried: {why}")
    return replace(plan, search=replace(search, up_to=carried, capped=str(why)))
