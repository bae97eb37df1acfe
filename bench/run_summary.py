"""What the bench wants of the run folder that our generator leaves: run.json, read from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.findings import Figure, Finding, Missing
from bench.processes import ToolError


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run's one cell.

    answered: replies in its measured time. failed: messages without a right reply, warm-up and end included.
    round_trip_us: median from send to reply, microseconds; None without a reply. opening_s: how long all
    connections took to open; None where they were not waited for, or did not all. resident_bytes: of each
    worker that tells it. reported: whether every worker's last report is in; what was lost is unknown where
    one is not. notes: what the run says against itself.
    """

    answered: int
    failed: int
    round_trip_us: float | None
    opening_s: float | None
    resident_bytes: list[int]
    reported: bool
    notes: list[str]

    def all_open_s(self) -> float:
        """How long all connections took to open. ToolError with the run's own words where they did not."""
        if self.opening_s is None:
            raise ToolError(f"they did not all open: {'; '.join(self.notes) or 'the run does not say why'}")
        return self.opening_s

    def losses(self, name: str) -> Iterator[Finding]:
        """The messages lost, of which none is wanted, where they are known, and every note."""
        if self.reported:
            yield Figure(f"{name}: messages lost", f"of {self.answered + self.failed:,}", [self.failed], 0)
        for note in self.notes:
            yield Missing(name, note)


def summary_of(document: dict[str, Any]) -> RunSummary:
    """Out of run.json's content. ToolError where it holds no cell, or more than one."""
    cells = document.get("cells") or []
    if len(cells) != 1:
        reason = "; ".join(document.get("notes", [])) or "it ended before it was saved"
        raise ToolError(f"ours: run {document.get('run_id')} holds {len(cells)} cells and not one: {reason}")
    (cell,) = cells
    trips = cell["times"].get("round_trip")
    ledger = cell["ledger"]
    told = [worker["resident_bytes"] for worker in cell.get("health", [])]
    return RunSummary(
        answered=cell["messages"]["answered"],
        failed=ledger["failed"],
        round_trip_us=trips and trips["p50"],
        opening_s=cell.get("opening_s"),
        resident_bytes=[each for each in told if each is not None],
        reported=cell["workers_reported"] == cell["workers_expected"],
        notes=[*document.get("notes", []), *filter(None, [ledger["explanation"]])],
    )


def run_folder(out: Path) -> Path:
    """The only run in a folder of runs. ToolError where there is none."""
    files = sorted(out.glob("*/run.json"))
    if not files:
        raise ToolError("ours: no run folder was written")
    return files[-1].parent


def read_document(out: Path) -> dict[str, Any]:
    """Its run.json. ToolError where there is none."""
    document: dict[str, Any] = json.loads((run_folder(out) / "run.json").read_text())
    return document


def read_summary(out: Path) -> RunSummary:
    """The only run in a folder of runs. ToolError where there is none."""
    return summary_of(read_document(out))
