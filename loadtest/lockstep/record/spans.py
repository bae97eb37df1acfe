"""How exchanges lie to a cell's window: what of them is inside, and what its two ends cut through."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from lockstep.record.histograms import Nanoseconds

# No clock comes so far: a window that has not begun, or has no end yet.
FAR_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class Window:
    """From start_ns on, up to but not including end_ns; monotonic nanoseconds."""

    start_ns: int = FAR_NS
    end_ns: int = FAR_NS


@dataclass(slots=True)
class SpanSums:
    """Exchanges of one kind, added up. All but the counts are nanoseconds.

    completed: those that ended in the window, well. inside_ns: of all exchanges, however they ended, the part
    within it. before_ns: of the completed the part before it. after_ns: of those under way at its end
    the part within it. failed_ns: of those that failed in it the part within. under_way: how many were under
    way at its end; longest_ns: the most that one of them had taken by then.
    """

    completed: int = 0
    inside_ns: int = 0
    before_ns: int = 0
    after_ns: int = 0
    failed_ns: int = 0
    under_way: int = 0
    longest_ns: int = 0

    def add(self, window: Window, starts_ns: Nanoseconds, ends_ns: Nanoseconds) -> None:
        """Exchanges that went well."""
        in_it, at_its_end = self._lie(window, starts_ns, ends_ns)
        self.completed += int(in_it.sum())
        self.before_ns += int(np.maximum(window.start_ns - starts_ns[in_it], 0).sum())
        self._leave_over(window, starts_ns[at_its_end])

    def add_failed(self, window: Window, start_ns: int, end_ns: int) -> None:
        """One that did not; at the window's end it may have been under way still."""
        starts_ns, ends_ns = np.array([start_ns]), np.array([end_ns])
        in_it, at_its_end = self._lie(window, starts_ns, ends_ns)
        if in_it[0]:
            self.failed_ns += end_ns - max(start_ns, window.start_ns)
        self._leave_over(window, starts_ns[at_its_end])

    def merge(self, told: dict[str, int]) -> None:
        """Add what another one told of itself."""
        for name, value in told.items():
            mine: int = getattr(self, name)
            setattr(self, name, max(mine, value) if name == "longest_ns" else mine + value)

    def to_message(self) -> dict[str, int]:
        """As a dict of whole numbers."""
        return asdict(self)

    def _lie(
        self, window: Window, starts_ns: Nanoseconds, ends_ns: Nanoseconds
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which ended in the window, and which were under way at its end."""
        parts_ns = np.clip(ends_ns, window.start_ns, window.end_ns) - np.clip(
            starts_ns, window.start_ns, window.end_ns
        )
        self.inside_ns += int(parts_ns.sum())
        beyond = ends_ns >= window.end_ns
        return (ends_ns >= window.start_ns) & ~beyond, beyond & (starts_ns < window.end_ns)

    def _leave_over(self, window: Window, starts_ns: Nanoseconds) -> None:
        if len(starts_ns):
            self.under_way += len(starts_ns)
            self.after_ns += int((window.end_ns - np.maximum(starts_ns, window.start_ns)).sum())
            self.longest_ns = max(self.longest_ns, int((window.end_ns - starts_ns).max()))
