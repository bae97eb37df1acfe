"""Loads that a search tried, and whether the promise held under each.

A load is judged by an interval of each figure over its repeats, because the repeat is the sample: it holds
where all of the interval does, breaks where none of it does, and else is not known yet. Until enough repeats
have told how much they differ a spread is assumed: a load far from the bound is judged at first sight.

Now and then a machine stops for a moment, and a single repeat is slow by a factor. So the figure is the
median of the repeats, and their spread is the median absolute deviation over all near loads of the series
(Hampel, 1974), each around its own median: one load's few repeats would be a guess. The interval is
Student's, with half of the freedom that as many repeats would give a variance.

What the generator spoiled is void: it says nothing of the server. Nor does what it could not offer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from lockstep.analysis.checks_generator import lateness_us, spoiled
from lockstep.analysis.gate_syntax import Condition, parse_conditions
from lockstep.analysis.intervals import CONFIDENCE, students_quantile
from lockstep.analysis.metrics import Unit
from lockstep.measure import littles_law
from lockstep.runs.measures import STATISTICS
from lockstep.runs.records import Cell
from lockstep.search import Search

# What is assumed of repeats until so many of them, beyond the first of a load, have told.
ASSUMED_SPREAD = 0.1
ENOUGH_REPEATS = 4
# Loads within this factor of each other tell each other's spread.
NEAR = 4.0
# Steady repeats fall into one bucket of a histogram, and are not as sure as they look.
_LEAST_SPREAD = 0.003
# Of the normal distribution: its deviation over its median absolute deviation, and the standard error of a
# median over that of a mean.
_DEVIATION_OF_MAD = 1.4826
_ERROR_OF_MEDIAN = 1.2533
# How much of the freedom a median absolute deviation leaves; a variance leaves all.
_FREEDOM_OF_MAD = 0.5
# With less an interval is so wide that nothing could be judged by it.
_LEAST_FREEDOM = 3.0
# A load is void where the generator spoiled so many of its cells, and more than it did not.
MOST_SPOILED = 3


class Judgement(Enum):
    """What a load came to."""

    HOLDS = "holds"
    BREAKS = "breaks"
    UNSURE = "unsure"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Figure:
    """What a load's cells say of one condition. value: None where it was not measured.

    low, high: its interval; they are None where the figure is a count or a share, which has none.
    """

    condition: Condition
    judgement: Judgement
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A load that was tried. cells: those that count; spoiled: why each of the others does not."""

    load: float
    cells: tuple[Cell, ...]
    spoiled: tuple[str, ...]
    figures: tuple[Figure, ...]
    judgement: Judgement

    @property
    def tried(self) -> int:
        """How many cells it took."""
        return len(self.cells) + len(self.spoiled)


def promise_of(search: Search) -> list[Condition]:
    """What has to hold. PlanError where it is none, or bounds no time where that is needed."""
    return parse_conditions("keep", search.keep)


def longest_us(promise: Iterable[Condition]) -> float | None:
    """The longest time that a promise allows; None where it bounds none."""
    times = [each.bound for each in promise if each.metric.unit is Unit.US and each.asks_for_less]
    return max(times, default=None)


def trials_of(search: Search, cells: Sequence[Cell]) -> list[Trial]:
    """A trial for each load, ascending."""
    promise = promise_of(search)
    loads: dict[float, tuple[list[Cell], list[str]]] = {}
    for cell in cells:
        load = load_of(search, cell)
        if load <= 0:
            continue
        counted, void = loads.setdefault(load, ([], []))
        why = _why_void(search, cell, promise)
        if why is None:
            counted.append(cell)
        else:
            void.append(why)
    counted_at = {load: counted for load, (counted, _) in loads.items()}
    return [
        _trial(load, *loads[load], promise, {each.text: _spread(each, load, counted_at) for each in promise})
        for load in sorted(loads)
    ]


def load_of(search: Search, cell: Cell) -> float:
    """What a cell was offered."""
    return (cell.rate_per_s or 0.0) if search.by_rate else float(cell.level)


def _why_void(search: Search, cell: Cell, promise: Sequence[Condition]) -> str | None:
    """Why a cell says nothing of the server; None where it does."""
    bound_us = longest_us(promise)
    if cell.cut_short:
        return "stopped before its window was over"
    if cell.workers_reported < cell.workers_expected:
        return f"{cell.workers_expected - cell.workers_reported} of its workers did not report"
    if (why := _why_unmeasured(cell, bound_us)) is not None:
        return why
    if (why := _why_untold(cell, promise)) is not None:
        return why
    users_are_enough = search.by_rate and bound_us is not None
    return spoiled(cell, users_are_enough=users_are_enough, settled=_settled(cell, promise))


def _why_untold(cell: Cell, promise: Sequence[Condition]) -> str | None:
    """Why a cell that ran well does not tell what is asked; None where it does."""
    messages = cell.messages
    if not messages.sent:
        return "nothing was sent in its window"
    if messages.refused == messages.sent:
        return "every connection was refused: is the server still there?"
    if cell.too_short or not messages.answered:
        return None
    missing = [each.metric.name for each in promise if each.metric.of(cell) is None]
    return f"{missing[0]} is not measured of it" if missing else None


def _settled(cell: Cell, promise: Sequence[Condition]) -> bool:
    """Whether it keeps the promise though the generator was late, or would break it had that been in time."""

    as_it_is = all(_keeps(condition, cell, in_time=False) for condition in promise)
    return as_it_is or not all(_keeps(condition, cell, in_time=True) for condition in promise)


def _keeps(condition: Condition, cell: Cell, *, in_time: bool) -> bool:
    """Whether a cell's own figure holds. in_time: as it would be, had the generator never been late."""
    metric = condition.metric
    value = metric.of(cell)
    if value is None:
        return False
    if not in_time or metric.unit is not Unit.US:
        return condition.holds(value)
    statistic = metric.name.rpartition("_")[2]
    late_us = lateness_us(cell, statistic) if statistic in STATISTICS else 0.0
    return condition.holds(max(value - late_us, 0.0))


_UNBALANCED = "far more was in flight at one end of its window than at the other"


def _why_unmeasured(cell: Cell, bound_us: float | None) -> str | None:
    """Why a cell has no times; None where it has, or needs none.

    Of a window that is too short one thing is known, by Little's law: how long an exchange takes in the mean.
    """
    edges = cell.edges
    if edges is None or edges.needs_s is None:
        return None
    if cell.rate_per_s is not None and bound_us is not None:
        # A line that grows has more in flight at the end than at the beginning, and they wait ever longer.
        return None if edges.share < 0 and edges.longest_us > bound_us else _UNBALANCED
    if cell.stalled:
        return _UNBALANCED
    if bound_us is not None and _mean_wait_us(cell) > bound_us:
        return None
    more = "more than " if edges.at_least else ""
    return f"its window is too short: give --seconds {more}{edges.needs_s:g}"


def _mean_wait_us(cell: Cell) -> float:
    """A message's share of the time that each user needs for an exchange, endless where none ended."""
    completed = littles_law.exchanges(cell)
    if not completed:
        return math.inf
    messages = 1 if cell.keeps_connection else max(cell.messages_per_connection, 1)
    return cell.level * cell.seconds / completed / messages * 1e6


def _trial(
    load: float,
    cells: Sequence[Cell],
    void: Sequence[str],
    promise: Sequence[Condition],
    spreads: Mapping[str, _Spread],
) -> Trial:
    if len(void) >= MOST_SPOILED and len(void) > len(cells):
        return Trial(load, tuple(cells), tuple(void), (), Judgement.VOID)
    figures = tuple(_figure(each, cells, spreads[each.text]) for each in promise) if cells else ()
    judgements = {each.judgement for each in figures}
    if Judgement.BREAKS in judgements:
        judgement = Judgement.BREAKS
    else:
        judgement = Judgement.HOLDS if judgements == {Judgement.HOLDS} else Judgement.UNSURE
    return Trial(load, tuple(cells), tuple(void), figures, judgement)


@dataclass(frozen=True, slots=True)
class _Spread:
    """Of one repeat's figure, as the deviation of its log. freedom: how well it is known."""

    deviation: float
    freedom: float

    def half_width(self, repeats: int) -> float:
        """Of the interval around the median of so many repeats."""
        error = self.deviation / math.sqrt(repeats) * (_ERROR_OF_MEDIAN if repeats > 2 else 1)
        return students_quantile(self.freedom, (1 + CONFIDENCE) / 2) * error


def _spread(condition: Condition, load: float, cells_at: Mapping[float, Sequence[Cell]]) -> _Spread:
    """Over the loads near this one, each around its own median; what is assumed where they tell too little.

    Of loads far below it, at a rate say, so few messages are measured that their percentiles spread more.
    """
    near = (cells for other, cells in cells_at.items() if load / NEAR <= other <= load * NEAR)
    deviations: list[float] = []
    for logs in (_logs(condition, cells) for cells in near):
        if len(logs) > 1:
            deviations += _deviations(logs)
    if len(deviations) < ENOUGH_REPEATS:
        return _Spread(ASSUMED_SPREAD, _LEAST_FREEDOM)
    typical = _DEVIATION_OF_MAD * median(deviations)
    return _Spread(math.hypot(typical, _LEAST_SPREAD), max(_LEAST_FREEDOM, _FREEDOM_OF_MAD * len(deviations)))


def _deviations(logs: Sequence[float]) -> list[float]:
    """From their median, as far as a single one is from where all of many would be.

    The least is left out: it is that of the median itself, or one of two that are the same.
    """
    middle, count = median(logs), len(logs)
    return sorted(abs(each - middle) * math.sqrt(count / (count - 1)) for each in logs)[1:]


def _logs(condition: Condition, cells: Sequence[Cell]) -> list[float]:
    """The figure of each cell that has one."""
    if condition.metric.counted:
        return []
    return [math.log(value) for cell in cells if (value := condition.metric.of(cell))]


def _figure(condition: Condition, cells: Sequence[Cell], spread: _Spread) -> Figure:
    if condition.metric.counted:
        return _counted(condition, [condition.metric.of(cell) for cell in cells])
    logs = _logs(condition, cells)
    if 2 * len(logs) <= len(cells):
        # Nothing was answered, or what was took so long that the window was over.
        return Figure(condition, Judgement.BREAKS, None)
    middle, half = median(logs), spread.half_width(len(logs))
    low, high = math.exp(middle - half), math.exp(middle + half)
    kept = {condition.holds(low), condition.holds(high)}
    return Figure(condition, _JUDGEMENTS[frozenset(kept)], math.exp(middle), low, high)


_JUDGEMENTS: Mapping[frozenset[bool], Judgement] = {
    frozenset({True}): Judgement.HOLDS,
    frozenset({False}): Judgement.BREAKS,
    frozenset({True, False}): Judgement.UNSURE,
}


def _counted(condition: Condition, counts: Sequence[float | None]) -> Figure:
    values = [count for count in counts if count is not None]
    if len(values) < len(counts):
        return Figure(condition, Judgement.BREAKS, None)
    value = max(values) if condition.asks_for_less else min(values)
    return Figure(condition, Judgement.HOLDS if condition.holds(value) else Judgement.BREAKS, value)
