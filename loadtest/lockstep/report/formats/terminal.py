"""The report in a terminal of 80 columns: the same sentences and the same numbers as the page."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.check import Finding
from lockstep.analysis.checks import degradations
from lockstep.report.headline import CELL, headline, peak_notes, standing, supporting
from lockstep.report.material import Material
from lockstep.report.numbers import counted
from lockstep.report.sections.figures import RESULT_BY_NAME
from lockstep.report.sections.gates import FAILED, NOT_JUDGED, OK, gate_rows
from lockstep.runs.records import Run

# The columns of the results that fit, by name, with heads short enough for 80 columns.
COLUMNS = {
    "series": "mode",
    "level": "conns",
    "messages_per_s": "msgs/s",
    "response_p50": "p50",
    "response_p99": "p99",
    "first_reply_p50": "1st reply",
    "wait": "wait",
    "in_service": "peak",
    "failed": "failed",
}
LEGEND = (
    "Medians of the repeats. conns: connections; p50, p99: response time; 1st reply: p50; wait: mean; "
    "peak: maximum in service. "
    f"Ratios: geometric means over the repeats. CI: confidence interval. {CELL}"
)
DEGRADED = "DEGRADED RUN: figures may be missing or wrong, do not quote them."
_STYLES = {OK: "green", FAILED: "bold red", NOT_JUDGED: "yellow"}


def print_report(material: Material, console: Console) -> None:
    """What degrades the run, the verdict in words, the table, and what the other checks found: each once."""
    if said := standing(material.run):
        console.print(Text(said, style="bold red"))
    degrading = degradations(material.findings)
    if degrading:
        console.print(Text(DEGRADED, style="bold red"))
    for finding in degrading:
        _print_finding(finding, console, style="red")
    console.print(Text(headline(material.verdict, material.aggregates), style="bold"))
    for said in supporting(material.verdict, material.aggregates):
        console.print(Text(said))
    if material.aggregates:
        console.print(_table(material.aggregates))
        console.print(" ".join([LEGEND, *peak_notes(material.aggregates)]))
    for finding in material.findings:
        if finding not in degrading:
            _print_finding(finding, console, style="yellow")
    for note in material.run.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    if not material.findings and not material.run.notes:
        console.print("All checks passed.")


def _table(aggregates: Sequence[Aggregate]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for name in COLUMNS.values():
        # Where a series has a long name it is that which wraps, never a number.
        table.add_column(name, justify="left" if name == "mode" else "right", no_wrap=name != "mode")
    for each in aggregates:
        table.add_row(*(RESULT_BY_NAME[name].value(each) for name in COLUMNS))
    return table


def _print_finding(finding: Finding, console: Console, style: str) -> None:
    """What is wrong, where, and the advice; one line where all of it fits into one."""
    said, advice = Text(f"{finding.check.name}: {finding.check.message}", style=style), finding.check.advice
    if not finding.where and len(said) + 1 + len(advice) <= console.width:
        console.print(Text.assemble(said, " ", advice))
        return
    console.print(said)
    _print_where(finding, console)
    _print_below(advice, console)


def _print_below(line: str, console: Console) -> None:
    """A line that belongs to the one above it; where it is broken, all of it is set in."""
    console.print(Padding(Text(line), (0, 0, 0, 2), expand=False))


def _print_where(finding: Finding, console: Console, most: int = 3) -> None:
    """The first cells, and how many more there are."""
    for where in finding.where[:most]:
        _print_below(where, console)
    if len(finding.where) > most:
        _print_below(f"and {counted(len(finding.where) - most, 'more cell')}", console)


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
