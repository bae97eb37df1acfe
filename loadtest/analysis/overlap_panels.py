"""Which cells' overlap is shown side by side: each series' first at the greatest level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loadtest.analysis.series import series_names
from loadtest.analysis.timeline import first_cells
from loadtest.overlap import Overlap
from loadtest.results import CellDetail, Run


@dataclass(frozen=True, slots=True)
class Panel:
    """One series' overlap over one whole cell; None where the server told no whole account of admissions."""

    series: str
    mode: str
    level: int
    overlap: Overlap | None

    @property
    def by_message(self) -> bool:
        """Whether messages are admitted, not connections: records of connections hold no such admissions."""
        return self.mode.endswith("/message")


def overlap_panels(run: Run, details: Mapping[int, CellDetail]) -> list[Panel]:
    """A panel for each series at the greatest level, in the plan's order; none where there is no overlap.

    Of each series the first whole cell that has an overlap, or else the first, to say that it has none.
    """
    overlaps = {index: detail.overlap for index, detail in details.items() if detail.overlap is not None}
    whole = [cell for cell in run.cells if not cell.cut_short]
    told = [cell for cell in whole if cell.index in overlaps]
    level = max((cell.level for cell in told), default=0)
    names = series_names(run.cells)
    of_series = {names[cell.index]: cell for cell in first_cells(run, told, level)}
    return [
        Panel(names[cell.index], cell.mode, level, overlaps.get(cell.index))
        for first in first_cells(run, whole, level)
        for cell in [of_series.get(names[first.index], first)]
    ]
