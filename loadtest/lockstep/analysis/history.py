"""Runs of one folder over time: what each says, and which of them may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockstep.analysis.aggregate import Aggregate, aggregates_among
from lockstep.analysis.check import Finding
from lockstep.analysis.checks import findings
from lockstep.analysis.comparison import Verdict, judge
from lockstep.analysis.conditions import Values, conditions_of
from lockstep.analysis.gates import GateResult, judge_gates
from lockstep.analysis.run_diff import RunDiff, diff
from lockstep.analysis.series import Series, SeriesIndex, modes_of
from lockstep.runs.records import Run

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
    findings: tuple[Finding, ...]
    gates: tuple[GateResult, ...]
    aggregates: tuple[Aggregate, ...]
    since: RunDiff | None


@dataclass(frozen=True, slots=True)
class History:
    """Entries from the oldest to the newest; series in the order in which charts and tables name them."""

    entries: tuple[Entry, ...]
    series: tuple[Series, ...]

    @property
    def levels(self) -> list[int]:
        """Every level at which something was measured, ascending."""
        return sorted({each.level for entry in self.entries for each in entry.aggregates})


def make_history(runs: Sequence[tuple[str, Run]]) -> History:
    """The history of these runs, each with its folder's name, in any order."""
    ordered = sorted(runs, key=lambda named: (named[1].started, named[0]))
    cells = [cell for _, run in ordered for cell in run.cells]
    modes = list(dict.fromkeys(mode for _, run in ordered for mode in modes_of(run)))
    index = SeriesIndex(cells, modes)
    kinds: list[Mapping[str, Values]] = []
    latest: dict[int, Run] = {}
    entries = []
    for folder, run in ordered:
        conditions = conditions_of(run)
        if conditions not in kinds:
            kinds.append(conditions)
        kind = kinds.index(conditions)
        entry = _entry(folder, run, kind, latest.get(kind), index)
        if not entry.verdict.withheld:
            latest[kind] = run
        entries.append(entry)
    return History(tuple(entries), tuple(index.order))


def _entry(folder: str, run: Run, kind: int, before: Run | None, index: SeriesIndex) -> Entry:
    verdict = judge(run)
    return Entry(
        folder=folder,
        run=run,
        kind=kind,
        verdict=verdict,
        findings=tuple(findings(run)),
        gates=tuple(judge_gates(run)),
        aggregates=tuple(aggregates_among(index, run.cells, run.modes)),
        since=None if before is None or verdict.withheld else diff(before, run, TOLERANCE),
    )
