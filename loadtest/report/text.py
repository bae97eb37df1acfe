"""The report in a terminal of 80 columns: the same sentence and the same numbers as the page."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.analysis.aggregate import aggregate
from loadtest.analysis.checks import degradations, findings
from loadtest.analysis.finding import Finding
from loadtest.analysis.series import modes_of
from loadtest.report.rows import table_rows
from loadtest.report.story import handoff_sentence, headline
from loadtest.run_folder import Loaded

COLUMNS = (
    "mode",
    "users",
    "msgs/s",
    "p50",
    "p99",
    "1st reply",
    "wait",
    "peak",
    "failed",
)

LEGEND = "p50, p99: response time; 1st reply: p50; wait: mean; peak: most in service"


def print_report(loaded: Loaded, console: Console) -> None:
    """What degrades the run, headline, table, and what the checks found."""
    aggregates = aggregate(loaded.run.cells, modes_of(loaded.run))
    found = findings(loaded.run)
    _print_degradations(degradations(found), console)
    console.print(Text(headline(aggregates), style="bold"))
    handoffs = handoff_sentence(aggregates)
    if handoffs is not None:
        console.print(Text(handoffs))
    if aggregates:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        for name in COLUMNS:
            # Where a series has a long name it is that which wraps, never a number.
            table.add_column(name, justify="left" if name == "mode" else "right", no_wrap=name != "mode")
        for row in table_rows(aggregates):
            table.add_row(
                row.series,
                row.level,
                row.messages_per_s,
                row.response_p50,
                row.response_p99,
                row.first_reply_p50,
                row.wait,
                row.in_service,
                row.failed,
            )
        console.print(table)
        console.print(LEGEND)
    for finding in found:
        console.print(Text(f"{finding.check.name}: {finding.check.told}", style="yellow"))
        _print_where(finding, console)
        console.print(Text(f"  {finding.check.advice}"))
    for note in loaded.run.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    if not found and not loaded.run.notes:
        console.print("All checks passed.")


def _print_degradations(degrading: Sequence[Finding], console: Console) -> None:
    if degrading:
        console.print(
            Text("DEGRADED RUN: figures may be missing or wrong, do not quote them.", style="bold red")
        )
    for finding in degrading:
        console.print(Text(f"{finding.check.name}: {finding.check.told}", style="red"))
        _print_where(finding, console, most=1)


def _print_where(finding: Finding, console: Console, most: int = 3) -> None:
    """The first cells, and how many more there are."""
    for where in finding.where[:most]:
        console.print(Text(f"  {where}"))
    if len(finding.where) > most:
        console.print(f"  and {len(finding.where) - most} more cells")
