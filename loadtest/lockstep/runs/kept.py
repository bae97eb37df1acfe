"""What run.json keeps as it was given, plan and servers' own words: what is asked of them later.

Those of earlier versions lack some fields, and a manual run's plan has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from lockstep.plan import Longer, Until
from lockstep.search import Search
from lockstep.traffic import UserFile


@dataclass(frozen=True, slots=True)
class KeptTraffic:
    """Of a plan's traffic, by the names of Traffic's fields."""

    user_file: UserFile | None = None


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """Of a plan, by the names of Plan's fields."""

    modes: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()
    repeats: int = 0
    seconds: float | None = None
    warmup_s: float = 0.0
    gates: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    baseline: str | None = None
    longer: tuple[Longer, ...] = ()
    search: Search | None = None
    until: Until | None = None
    traffic: KeptTraffic = KeptTraffic()


@dataclass(frozen=True, slots=True)
class KeptServer:
    """Of what a server said of itself, by the names of /listeners."""

    hold_ns: int | None = None
    pause_ns: int | None = None
    cpu_count: int | None = None
    gil: bool | None = None
