"""Checks of whether cells' windows were long enough, over the repeats of each series at each level."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.analysis.finding import Check, Finding, Topic, cell_name
from lockstep.analysis.series import by_place, namer
from lockstep.runs.records import Cell

TOO_SHORT = Check(
    "too-short",
    "Measurement windows were too short for some modes: only the luckiest of their exchanges ended in time, "
    "so no times are given for these.",
    "Use --seconds as long as is said, or less of everything that makes a session long: --messages, --hold, "
    "--levels.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.LITTLES_LAW),
    degrades=True,
)
UNSTEADY = Check(
    "unsteady",
    "In single repeats far more was under way at one end of the window than at the other: they are left out.",
    "Something disturbed them: use longer cells, or a machine that does nothing else.",
    touches=(Topic.CERTAINTY,),
)


def window_findings(cells: Sequence[Cell]) -> list[Finding]:
    """Where half of the windows or more were too short it is the plan's fault, and nothing can be said.

    Where it was in less than half of them the others stand: these met a pause of the machine at an end.
    """
    whole = [cell for cell in cells if not cell.cut_short]
    lines: dict[str, list[str]] = {}
    for group in by_place(whole, namer(whole)).values():
        short = [cell for cell in group if cell.too_short]
        check = TOO_SHORT if 2 * len(short) >= len(group) else UNSTEADY
        lines.setdefault(check.name, []).extend(f"{cell_name(cell)}: {_told(cell)}" for cell in short)
    return [Finding(check, tuple(lines[check.name])) for check in CHECKS if lines.get(check.name)]


def _told(cell: Cell) -> str:
    edges = cell.edges
    assert edges is not None, "only who is too short is asked"
    needs = f"needs {'more than ' if edges.at_least else ''}{edges.needs_s:,g} s"
    left = f"{edges.under_way:,} still under way at the end, one for {edges.longest_us / 1e6:.3g} s"
    return f"too short: {needs}, was {cell.seconds:.3g} s ({left})"


CHECKS = (TOO_SHORT, UNSTEADY)
