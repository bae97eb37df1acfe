"""The greatest load at which a promise holds, for each series of a search, and what to try next.

All of it follows from the cells so far, so that whoever measures and whoever reports come to the same.

Loads are doubled until the promise breaks, and the gap between the greatest that holds and the least that
breaks is halved on the logarithm. What is not known of a load (trials.py) is measured again; the two loads
between which the answer lies are measured several times before it is given. That pays for looking often.

The limit's interval is the gap. How often it holds the limit was simulated (tests/factories/searched.py): 93
times of 100 and more where repeats spread by 1 to 20%, 92 and more where one in twenty is slow besides, and
86 to 99 where one in seven is. Tried and left: means and variances, which hold 81 where one in twenty is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from lockstep.analysis.series import modes_of
from lockstep.analysis.trials import Judgement, Trial, trials_of
from lockstep.runs.records import Cell, Run
from lockstep.search import Search

# Of a load whose repeats leave it open.
MOST_REPEATS = 8
# Of the two loads between which the limit lies.
CONFIRMED = 5


class End(Enum):
    """Why a search ended."""

    FOUND = "found"
    NOISE = "the repeats differ too much to come nearer"
    GENERATOR = "beyond it cells say nothing of the server"
    CEILING = "nothing more was to be tried"
    NOTHING = "not even the least load holds"
    TIME = "its time was up"
    STOPPED = "it was stopped"


@dataclass(frozen=True, slots=True)
class Limit:
    """One series of a search. trials: by load, ascending.

    low: the greatest load that holds, None where none did. high: the least above it that breaks, None where
    none did. value: the load at which the promise breaks, between them; None where one of them is not known.
    end: why it is over; None where it goes on, and next is the load that is tried next.
    """

    search: Search
    mode: str
    trials: tuple[Trial, ...]
    low: float | None
    high: float | None
    value: float | None
    end: End | None
    next: float | None

    @property
    def beyond(self) -> Trial | None:
        """The least load above low that does not hold: it breaks, or is void."""
        above = (each for each in self.trials if self.low is None or each.load > self.low)
        return next((each for each in above if each.judgement in _ENDS), None)


_ENDS = (Judgement.BREAKS, Judgement.VOID)


def limits(run: Run) -> list[Limit]:
    """A limit for each series, in the plan's order; empty where the run was no search.

    What is not found when the run is over was not found in its time.
    """
    search = run.planned.search
    if search is None:
        return []
    found = [look(search, mode, [cell for cell in run.cells if cell.mode == mode]) for mode in modes_of(run)]
    if run.finished is None:
        return found
    end = End.STOPPED if run.interrupted else End.TIME
    return [each if each.end is not None else replace(each, end=end, next=None) for each in found]


def counted(run: Run) -> Run:
    """The run without the cells that say nothing of the server, where it was a search."""
    if run.planned.search is None:
        return run
    kept = {cell.index for limit in limits(run) for trial in limit.trials for cell in trial.cells}
    return replace(run, cells=[cell for cell in run.cells if cell.index in kept])


def falling_short(run: Run) -> list[Limit]:
    """The series that were not seen to hold at the least load that was asked for; none where none was."""
    least = None if run.planned.search is None else run.planned.search.at_least
    return [] if least is None else [each for each in limits(run) if (each.low or 0.0) < least]


def look(search: Search, mode: str, cells: Sequence[Cell]) -> Limit:
    """How far the search has come with these cells, which are all of one series."""
    trials = trials_of(search, cells)
    holds = [each.load for each in trials if each.judgement is Judgement.HOLDS]
    ends = [each.load for each in trials if each.judgement in _ENDS]
    # What holds above a load that does not is no reason to believe that the lower one did.
    top = min(ends, default=None)
    low = max((load for load in holds if top is None or load < top), default=None)
    breaks = [each.load for each in trials if each.judgement is Judgement.BREAKS]
    high = min((load for load in breaks if low is None or load > low), default=None)
    following, end = _what_next(search, trials, low, top)
    value = None if low is None or high is None or high != top else _crossing(search, trials, low, high)
    return Limit(search, mode, tuple(trials), low, high, value, end, following)


def _what_next(
    search: Search, trials: Sequence[Trial], low: float | None, top: float | None
) -> tuple[float | None, End | None]:
    """The next load, or why there is none. low: the greatest that holds; top: the least that does not."""
    if top is None:
        return _upwards(search, trials)
    if low is None:
        return _downwards(search, trials)
    unsure = [each for each in trials if low < each.load < top]
    if not search.near(low, top):
        again = [each for each in unsure if each.tried < MOST_REPEATS]
        if again:
            return min(again, key=lambda each: each.tried).load, None
        inside = [each.load for each in unsure]
        gaps = [(low, inside[0]), (inside[-1], top)] if inside else [(low, top)]
        middles = [(above / below, search.between(below, above)) for below, above in gaps]
        wide = [(ratio, load) for ratio, load in middles if load is not None]
        if wide:
            return max(wide)[1], None
    ends = [each for each in trials if each.load in (low, top)]
    return _confirmed(ends, End.NOISE if unsure and not search.near(low, top) else _kind_of(ends[-1]))


def _confirmed(ends: Sequence[Trial], end: End) -> tuple[float | None, End | None]:
    """The end, once the loads on which the answer rests have been measured often enough."""
    again = (each for each in ends if each.judgement is not Judgement.VOID and len(each.cells) < CONFIRMED)
    weakest = min(again, key=lambda each: each.tried, default=None)
    return (None, end) if weakest is None else (weakest.load, None)


def _upwards(search: Search, trials: Sequence[Trial]) -> tuple[float | None, End | None]:
    if not trials:
        return search.start, None
    greatest = trials[-1]
    # A cell that was spoiled is tried again before anything is made of it.
    if not greatest.cells:
        return greatest.load, None
    if greatest.load < search.up_to:
        return search.greater(greatest.load), None
    if greatest.judgement is Judgement.UNSURE:
        return (greatest.load, None) if greatest.tried < MOST_REPEATS else (None, End.NOISE)
    return _confirmed([greatest], End.CEILING)


def _downwards(search: Search, trials: Sequence[Trial]) -> tuple[float | None, End | None]:
    least = trials[0]
    # A single cell that met a pause of the machine sends nobody below where all is well.
    enough = MOST_REPEATS if least.judgement is Judgement.UNSURE else 2
    if least.tried < enough:
        return least.load, None
    if least.load > search.least:
        return search.smaller(least.load), None
    if least.judgement is Judgement.UNSURE:
        return None, End.NOISE
    return _confirmed([least], End.NOTHING if least.judgement is Judgement.BREAKS else End.GENERATOR)


def _kind_of(top: Trial) -> End:
    """What ended a search at this load."""
    return End.GENERATOR if top.judgement is Judgement.VOID else End.FOUND


def _crossing(search: Search, trials: Sequence[Trial], low: float, high: float) -> float:
    """Where the first condition breaks: by a straight line through logs, of figure and load alike.

    Between the greatest load whose mean figure holds and the next, within the gap.
    """
    between = [each for each in trials if low <= each.load <= high]
    crossings = [
        load for lower, upper in itertools.pairwise(between) for load in _crossings_between(lower, upper)
    ]
    # Where a count breaks, or a figure is lacking, nothing lies between.
    load = min(crossings, default=None)
    if load is None:
        return low
    if search.by_rate:
        return search.rounded(load)
    # The greatest whole number at which it still holds.
    return min(max(float(math.ceil(load) - 1), low), high - 1)


def _crossings_between(lower: Trial, upper: Trial) -> Iterable[float]:
    for one, other in zip(lower.figures, upper.figures, strict=False):
        bound = one.condition.bound
        if not one.value or not other.value or not bound:
            continue
        start, stop = (math.log(each / bound) for each in (one.value, other.value))
        if one.condition.holds(one.value) and not one.condition.holds(other.value):
            share = start / (start - stop)
            yield lower.load * (upper.load / lower.load) ** share
