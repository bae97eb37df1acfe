"""What sections are made of: a run read back, and what analysis makes of it, each once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.analysis.blast import Radius, radii
from lockstep.analysis.check import Finding
from lockstep.analysis.checks import findings
from lockstep.analysis.comparison import Verdict, judge
from lockstep.analysis.holders import Holder, holders
from lockstep.analysis.limits import Limit, counted, limits
from lockstep.analysis.scalability import Scaling, scalings
from lockstep.analysis.series import Series, modes_of
from lockstep.report.charts.palette import choose
from lockstep.report.words import named, series_noun
from lockstep.runs.connections import Connection
from lockstep.runs.folder import Loaded
from lockstep.runs.profiles import Profile
from lockstep.runs.records import Cell, CellDetail, Mode, Run


@dataclass(frozen=True, slots=True)
class Material:
    """One run; of a search with those cells alone that count. path: its folder.

    modes: what they do, in the plan's order. details: cell index -> histograms. colours: series -> colour.
    limits: what a search found. holders: what held up those who were watched. profiles: what profilers
    saw.
    """

    path: Path
    run: Run
    modes: dict[str, Mode]
    connections: list[Connection]
    details: Mapping[int, CellDetail]
    aggregates: list[Aggregate]
    findings: list[Finding]
    verdict: Verdict
    colours: dict[Series, str]
    scalings: list[Scaling]
    radii: list[Radius]
    limits: list[Limit]
    holders: list[Holder]
    profiles: list[Profile]

    @classmethod
    def of(cls, loaded: Loaded) -> Material:
        """Analyse the run; its workers get short names."""
        all_told = with_short_names(loaded.run)
        run = counted(all_told)
        modes = modes_of(run)
        aggregates = aggregate(run.cells, modes)
        return cls(
            path=loaded.path,
            run=run,
            modes=modes,
            connections=loaded.connections,
            details=loaded.details,
            aggregates=aggregates,
            findings=findings(all_told),
            verdict=judge(all_told),
            colours=colours(aggregates),
            scalings=scalings(run.cells, modes),
            radii=radii(run),
            limits=limits(all_told),
            holders=holders(run),
            profiles=loaded.profiles,
        )

    def without_note(self, note: str | None) -> Material:
        """The same without a note that its reader is told otherwise."""
        run = replace(self.run, notes=[each for each in self.run.notes if each != note])
        return replace(self, run=run)

    @property
    def cells(self) -> list[Cell]:
        """The run's cells, in the order in which they ran."""
        return self.run.cells

    @property
    def noun(self) -> str:
        """What its series are."""
        return series_noun(self.run)


def with_short_names(run: Run) -> Run:
    """The run with its workers as they were called, wherever they are named: by numbers.

    The `name` of a host stays, so that the conditions still tell which worker ran where.
    """
    names = _short_names(run)
    if not names:
        return run
    hosts = [{**host, "role": names.get(str(host.get("name")), host.get("role"))} for host in run.hosts]
    notes = [_renamed(note, names) for note in run.notes]
    cells, beside = ([_with_names(cell, names) for cell in each] for each in (run.cells, run.beside))
    return replace(run, hosts=hosts, notes=notes, cells=cells, beside=beside)


def _short_names(run: Run) -> dict[str, str]:
    listed = [host for host in run.hosts if host.get("role") == "worker" and "name" in host]
    reporting = [health.worker for cell in run.measured for health in cell.health]
    names = dict.fromkeys([*(str(host["name"]) for host in listed), *reporting])
    # What the master has called them stands in notes too; of others, and in older runs, it is not told.
    called = {str(host["name"]): str(host["called"]) for host in listed if "called" in host}
    numbers = (name for number in count(1) if (name := f"worker {number}") not in called.values())
    return {name: called.get(name) or next(numbers) for name in names}


def _with_names(cell: Cell, names: Mapping[str, str]) -> Cell:
    return replace(cell, health=[replace(each, worker=names[each.worker]) for each in cell.health])


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with short names in the place of whole long ones."""
    long_names = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.sub(rf"(?<!\w)(?:worker )?({long_names})(?!\w)", lambda found: names[found[1]], text)


def colours(aggregates: Sequence[Aggregate]) -> dict[Series, str]:
    """Series -> colour. A kind of mode keeps its colour in every run; its second series takes a spare one.

    Series that differ in their rate alone are of one colour: they are never drawn over each other.
    """
    alike = {each.series: named(each) for each in aggregates}
    chosen = choose((alike[each.series], each.series.mode) for each in aggregates)
    return {series: chosen[name] for series, name in alike.items()}
