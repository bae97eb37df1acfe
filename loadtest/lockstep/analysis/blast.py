"""Blast radius: what users beside the others, idle or hostile, do to everybody else.

Every cell that had such users is set against the one of the same mode, level and repeat that had none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from lockstep.analysis.anytime import RatioOf, ratio_of
from lockstep.analysis.intervals import Estimate
from lockstep.analysis.series import Place, SeriesIndex, modes_of
from lockstep.runs.measures import Company
from lockstep.runs.records import Cell, Run

# Fewer exchanges than this part of those that ended may be stuck without p99 being theirs.
_BEYOND_P99 = 0.01


@dataclass(frozen=True, slots=True)
class Radius:
    """One series at one level, with company and without, over the repeats that have both.

    company: who was beside its users; the counts are sums over the repeats. alone_per_s, beside_per_s:
    messages answered per second, medians. kept: what part of its throughput is left, 0 and more. interval:
    of that part, None where in some repeat nothing was answered. alone_p99_us, beside_p99_us: response
    times, medians, None where nothing was answered. stuck: messages, or sessions, that were under way
    when the window ended, where they are so many that p99 is one of theirs; stuck_us: how long one of them
    had been so, at most. failed_share: of the messages sent.
    """

    place: Place
    company: Company
    repeats: int
    alone_per_s: float
    beside_per_s: float
    kept: float
    interval: Estimate | None
    alone_p99_us: float | None
    beside_p99_us: float | None
    failed_share: float
    stuck: int
    stuck_us: float

    @property
    def unclear(self) -> bool:
        """Whether the interval of what is left holds all of it: then no change is shown."""
        return self.interval is not None and self.interval.low is not None and not self.interval.differs

    @property
    def slower(self) -> float | None:
        """How many times as long p99 is; None where it is not known, or somebody is stuck."""
        if self.alone_p99_us is None or self.beside_p99_us is None or self.stuck:
            return None
        return self.beside_p99_us / self.alone_p99_us


def radii(run: Run) -> list[Radius]:
    """By company in the order of the plan, then series in that of the modes, then level."""
    modes = modes_of(run)
    index = SeriesIndex([*run.cells, *run.beside], modes)
    alone = {
        (place, cell.repeat): cell
        for place, group in index.groups(run.cells).items()
        for cell in group
        if not cell.cut_short
    }
    kinds = dict.fromkeys((each.kind, each.users) for cell in run.beside if (each := cell.beside) is not None)
    found = []
    for kind, users in sorted(kinds, key=lambda each: _place_of(run, each[0])):
        chosen = [
            cell
            for cell in run.beside
            if cell.beside is not None and (cell.beside.kind, cell.beside.users) == (kind, users)
        ]
        for place, group in index.groups(chosen).items():
            pairs = [
                (alone[place, cell.repeat], cell)
                for cell in group
                if not cell.cut_short and (place, cell.repeat) in alone
            ]
            if pairs:
                found.append(_radius(place, Company(kind, users), pairs, ratio_of(run)))
    return found


def _place_of(run: Run, kind: str) -> int:
    """Where the plan names a kind."""
    planned = [each.partition(":")[0] for each in run.planned.beside]
    return planned.index(kind) if kind in planned else len(planned)


def _radius(place: Place, company: Company, pairs: Sequence[tuple[Cell, Cell]], ratio: RatioOf) -> Radius:
    without, beside = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ours, theirs = ([cell.messages_per_s for cell in cells] for cells in (without, beside))
    sent = sum(cell.messages.sent for cell in beside)
    stuck = max(beside, key=_stuck)
    companies = [cell.beside for cell in beside if cell.beside is not None]
    estimate = ratio(theirs, ours)
    before = median(ours)
    return Radius(
        place=place,
        company=Company(
            company.kind,
            company.users,
            opened=sum(each.opened for each in companies),
            refused=sum(each.refused for each in companies),
            cut=sum(each.cut for each in companies),
        ),
        repeats=len(pairs),
        alone_per_s=before,
        beside_per_s=median(theirs),
        kept=estimate.ratio if estimate is not None else median(theirs) / before if before else 0.0,
        interval=estimate,
        alone_p99_us=_p99_us(without),
        beside_p99_us=_p99_us(beside),
        failed_share=sum(cell.messages.failed for cell in beside) / sent if sent else 0.0,
        stuck=_stuck(stuck),
        stuck_us=stuck.edges.longest_us if stuck.edges is not None else 0.0,
    )


def _stuck(cell: Cell) -> int:
    """How many exchanges never ended, where p99 would be one of theirs."""
    under_way = 0 if cell.edges is None else cell.edges.under_way
    ended = cell.messages.answered if cell.keeps_connection else cell.sessions
    longest_s = 0.0 if cell.edges is None else cell.edges.longest_us / 1e6
    # One that merely was not over yet says nothing: it has to have been so for much of the window.
    waited = longest_s > cell.seconds / 2
    return under_way if waited and under_way > _BEYOND_P99 * (ended + under_way) else 0


def _p99_us(cells: Sequence[Cell]) -> float | None:
    found = [cell.times["response"].p99 for cell in cells if "response" in cell.times]
    return median(found) if found else None
