"""Which cells' overlap is shown side by side: each series' typical one at the greatest level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockstep.analysis.series import series_names
from lockstep.analysis.timeline import first_cells
from lockstep.runs.overlap import Overlap
from lockstep.runs.records import CellDetail, Run


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

    Of each series the repeat with the middle average of those that have an overlap, or else the first, to say
    that it has none.
    """
    overlaps = {index: detail.overlap for index, detail in details.items() if detail.overlap is not None}
    whole = [cell for cell in run.cells if not cell.cut_short]
    told = [cell for cell in whole if cell.index in overlaps]
    level = max((cell.level for cell in told), default=0)
    names = series_names(run.cells)
    of_series: dict[str, list[Overlap]] = {}
    for cell in told:
        if cell.level == level:
            of_series.setdefault(names[cell.index], []).append(overlaps[cell.index])
    return [
        Panel(names[cell.index], cell.mode, level, _typical(of_series.get(names[cell.index], ())))
        for cell in first_cells(run, whole, level)
    ]


def _typical(repeats: Sequence[Overlap]) -> Overlap | None:
    """That of the repeat whose average is in the middle, of two the lower; None where there is none."""
    ordered = sorted(repeats, key=lambda overlap: overlap.kept or 0.0)
    return ordered[(len(ordered) - 1) // 2] if ordered else None
