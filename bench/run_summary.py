"""What the bench wants of the run folder that our generator leaves: run.json, read from outside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import ToolError

_LOST = ("refused", "reset", "timeout", "short", "mismatch")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The one cell of a run by hand.

    round_trip_us: median from send to reply, microseconds. failed: messages lost to refusals, resets and the
    like. notes: what the run says against itself.
    """

    round_trip_us: float
    failed: int
    notes: list[str]


def summary_of(document: dict[str, Any]) -> RunSummary:
    """Out of run.json's content. ToolError where it holds no cell."""
    if not document.get("cells"):
        raise ToolError(f"ours: run {document.get('run_id')} holds no cell: it ended before it was saved")
    (cell,) = document["cells"]
    trips = cell.get("round_trip_us") or cell.get("response_us")
    if trips is None:
        raise ToolError(f"ours: run {document.get('run_id')} counted no reply")
    failed = sum(cell["messages"].get(outcome, 0) for outcome in _LOST)
    return RunSummary(trips["p50"], failed, list(document.get("notes", [])))


def read_summary(out: Path) -> RunSummary:
    """The only run in a folder of runs. ToolError where there is none."""
    files = sorted(out.glob("*/run.json"))
    if not files:
        raise ToolError("ours: no run folder was written")
    return summary_of(json.loads(files[-1].read_text()))
