"""What sections are made of: a run read back, and what analysis makes of it, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.analysis.check import Finding
from lockstep.analysis.checks import findings
from lockstep.analysis.comparison import Verdict, judge
from lockstep.analysis.scalability import Scaling, scalings
from lockstep.analysis.series import modes_of
from lockstep.report.palette import colours
from lockstep.report.worker_names import with_short_names
from lockstep.runs.connections import Connection
from lockstep.runs.folder import Loaded
from lockstep.runs.records import Cell, CellDetail, Mode, Run


@dataclass(frozen=True, slots=True)
class Material:
    """One run. path: its folder. modes: what is known of them, in the plan's order. colours: series -> colour.

    details: cell index -> histograms.
    """

    path: Path
    run: Run
    modes: dict[str, Mode]
    connections: list[Connection]
    details: Mapping[int, CellDetail]
    aggregates: list[Aggregate]
    findings: list[Finding]
    verdict: Verdict
    colours: dict[str, str]
    scalings: list[Scaling]

    @classmethod
    def of(cls, loaded: Loaded) -> Material:
        """Analyse the run; its workers get short names."""
        run = with_short_names(loaded.run)
        modes = modes_of(run)
        aggregates = aggregate(run.cells, modes)
        return cls(
            path=loaded.path,
            run=run,
            modes=modes,
            connections=loaded.connections,
            details=loaded.details,
            aggregates=aggregates,
            findings=findings(run),
            verdict=judge(run),
            colours=colours(aggregates),
            scalings=scalings(run.cells, modes),
        )

    @property
    def cells(self) -> list[Cell]:
        """The run's cells, in the order in which they ran."""
        return self.run.cells
