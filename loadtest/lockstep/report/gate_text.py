"""The gates in a terminal: a line for each gate and level."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from lockstep.report.gate_rows import FAILED, NOT_JUDGED, OK, gate_rows
from lockstep.runs.records import Run

_STYLES = {OK: "green", FAILED: "bold red", NOT_JUDGED: "yellow"}


def print_gates(run: Run, console: Console) -> None:
    """`gate ok  free: response_p99 < 20ms  at 32: 4.10 ms`; nothing where the run has no gates.

    The spread follows where the line has room for it.
    """
    rows = gate_rows(run)
    verdicts = max((len(row.verdict) for row in rows), default=0)
    gates = max((len(row.gate) for row in rows), default=0)
    for row in rows:
        verdict, gate = f"gate {row.verdict.ljust(verdicts)}  ", f"{row.gate.ljust(gates)}  "
        room = console.width - len(verdict) - len(gate)
        told = row.told_with_spread if len(row.told_with_spread) <= room else row.told
        console.print(Text.assemble((verdict, _STYLES[row.verdict]), gate, told))
