"""The gates in a terminal: a line for each gate and level."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from loadtest.report.gate_rows import FAILED, NOT_JUDGED, OK, gate_rows
from loadtest.results import Run

_STYLES = {OK: "green", FAILED: "bold red", NOT_JUDGED: "yellow"}


def print_gates(run: Run, console: Console) -> None:
    """`gate ok  free: response_p99 < 20ms  at 32: 4.10 ms`; nothing where the run has no gates."""
    rows = gate_rows(run)
    verdicts = max((len(row.verdict) for row in rows), default=0)
    gates = max((len(row.gate) for row in rows), default=0)
    for row in rows:
        verdict = (f"gate {row.verdict}".ljust(5 + verdicts), _STYLES[row.verdict])
        console.print(Text.assemble(verdict, f"  {row.gate.ljust(gates)}  {row.told}"))
