"""Search against search: of which series the limit is another in the second, and how sure that is.

Two limits differ where their intervals do not meet. Each holds its limit 95 times of 100, so of two that are
the same fewer than 1 in 100 pairs do not meet (Schenker and Gentleman, 2001): several series at once are no
reason for wider ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lockstep.analysis.check import Finding
from lockstep.analysis.limits import Limit, limits
from lockstep.analysis.run_diff import Change, withheld_findings
from lockstep.runs.records import Run


@dataclass(frozen=True, slots=True)
class LimitChange:
    """One series of both searches."""

    first: Limit
    second: Limit
    change: Change

    @property
    def mode(self) -> str:
        """Whose limits they are."""
        return self.first.mode


@dataclass(frozen=True, slots=True)
class LimitDiff:
    """only_first, only_second: series that one search alone has. withheld: as of RunDiff."""

    tolerance: float
    changes: tuple[LimitChange, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    withheld: tuple[tuple[str, Finding], ...] = ()

    @property
    def worse(self) -> bool:
        """Whether the second search found a lower limit for anybody, beyond the tolerance."""
        return any(each.change is Change.WORSE for each in self.changes)

    @property
    def blind(self) -> str | None:
        """Why it could show nothing, and what would help; None where it could."""
        if not self.changes:
            return "have no mode in common: search with the same --modes, or targets"
        if all(each.change is Change.UNKNOWN for each in self.changes):
            return "found no load that holds or breaks: give them more time, --at-most"
        return None

    def of(self, change: Change) -> list[LimitChange]:
        """The series with this change."""
        return [each for each in self.changes if each.change is change]


def diff_limits(first: Run, second: Run, tolerance: float) -> LimitDiff:
    """The second search against the first. tolerance: how much lower a limit may be, 0.05 for 5%."""
    withheld = withheld_findings(first, second)
    a, b = ({limit.mode: limit for limit in limits(run)} for run in (first, second))
    common = [] if withheld else [mode for mode in a if mode in b]
    return LimitDiff(
        tolerance=tolerance,
        changes=tuple(LimitChange(a[mode], b[mode], _change(a[mode], b[mode], tolerance)) for mode in common),
        only_first=tuple(mode for mode in a if mode not in b),
        only_second=tuple(mode for mode in b if mode not in a),
        withheld=withheld,
    )


def _change(first: Limit, second: Limit, tolerance: float) -> Change:
    """An end that is not known lies anywhere: the limit is at low or above it, and below high."""
    if any(each.low is None and each.high is None for each in (first, second)):
        return Change.UNKNOWN
    (low, high), (new_low, new_high) = (
        (each.low or 0.0, math.inf if each.high is None else each.high) for each in (first, second)
    )
    if new_high <= low:
        return Change.WORSE if new_high <= low * (1 - tolerance) else Change.TOLERATED
    if new_low >= high:
        return Change.BETTER if new_low >= high * (1 + tolerance) else Change.TOLERATED
    return Change.NOT_SHOWN
