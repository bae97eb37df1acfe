"""Runs of one folder over time: what each says, and which of them may be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.analysis.check import Finding
from lockstep.analysis.checks import findings
from lockstep.analysis.comparison import Verdict, judge
from lockstep.analysis.conditions import Values, conditions_of
from lockstep.analysis.gates import GateResult, judge_gates
from lockstep.analysis.run_diff import RunDiff, diff
from lockstep.analysis.series import by_place, in_plan_order, modes_of, namer
from lockstep.runs.records import Cell, Run

TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """One run of a history. folder: its name.

    kind: runs of the same number were measured under the same conditions, counted from 0. gates: judged.
    aggregates: under series names that tell apart what differs in any of the runs.
    since: against the newest earlier run of its kind that has a verdict; None where there is none.
    """

    folder: str
    run: Run
    kind: int
    verdict: Verdict
    found: tuple[Finding, ...]
    gates: tuple[GateResult, ...]
    aggregates: tuple[Aggregate, ...]
    since: RunDiff | None


@dataclass(frozen=True, slots=True)
class History:
    """Entries from the oldest to the newest; series in the order in which charts and tables name them."""

    entries: tuple[Entry, ...]
    series: tuple[str, ...]

    @property
    def levels(self) -> list[int]:
        """Every level at which something was measured, ascending."""
        return sorted({each.level for entry in self.entries for each in entry.aggregates})


def make_history(runs: Sequence[tuple[str, Run]]) -> History:
    """The history of these runs, each with its folder's name, in any order."""
    ordered = sorted(runs, key=lambda named: (named[1].started, named[0]))
    cells = [cell for _, run in ordered for cell in run.cells]
    modes = list(dict.fromkeys(mode for _, run in ordered for mode in modes_of(run)))
    names = _Names(namer(cells), tuple(in_plan_order(cells, modes)))
    kinds: list[Mapping[str, Values]] = []
    latest: dict[int, Run] = {}
    entries = []
    for folder, run in ordered:
        conditions = conditions_of(run)
        if conditions not in kinds:
            kinds.append(conditions)
        kind = kinds.index(conditions)
        entry = _entry(folder, run, kind, latest.get(kind), names)
        if not entry.verdict.withheld:
            latest[kind] = run
        entries.append(entry)
    return History(tuple(entries), names.order)


@dataclass(frozen=True, slots=True)
class _Names:
    """How cells' series are called among all runs, and the order of the names."""

    of: Callable[[Cell], str]
    order: tuple[str, ...]


def _entry(folder: str, run: Run, kind: int, before: Run | None, names: _Names) -> Entry:
    verdict = judge(run)
    return Entry(
        folder=folder,
        run=run,
        kind=kind,
        verdict=verdict,
        found=tuple(findings(run)),
        gates=tuple(judge_gates(run)),
        aggregates=_aggregates(run, names),
        since=None if before is None or verdict.withheld else diff(before, run, TOLERANCE),
    )


def _aggregates(run: Run, names: _Names) -> tuple[Aggregate, ...]:
    """One for each series and level, in the history's order."""
    ordered = sorted(
        by_place(run.cells, names.of).items(), key=lambda group: (names.order.index(group[0][0]), group[0][1])
    )
    return tuple(
        replace(each, series=series) for (series, _), group in ordered for each in aggregate(group, run.modes)
    )
