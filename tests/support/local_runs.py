"""What stands in for a comparison on this machine, whose module makes greenlets of its process's threads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lockstep.plan import Plan
from lockstep.target.servers import Whom
from lockstep.watch.chosen import Watching


@dataclass(frozen=True)
class LocalRun:
    """What `lockstep compare` would run, as `lockstep.commands.run_local` has it."""

    plan: Plan
    whom: Whom
    processes: int
    out: Path
    command: str
    unset: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    watching: Watching = field(default_factory=Watching)


@contextmanager
def runs_replaced(monkeypatch: pytest.MonkeyPatch, run_here: Callable[[LocalRun], object]) -> Iterator[None]:
    """`lockstep compare` calls this one instead of running anything, and loads no Locust."""
    stand_in: Any = ModuleType("lockstep.commands.run_local")
    stand_in.LocalRun = LocalRun
    stand_in.run_here = lambda run, *_: run_here(run)
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    yield
    assert "locust" not in sys.modules
