"""The report in a terminal of 80 columns: the same sentence and the same numbers as the page."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.analysis.aggregate import aggregate
from loadtest.analysis.checks import findings
from loadtest.analysis.series import modes_of
from loadtest.report.rows import table_rows
from loadtest.report.story import headline
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
    """Headline, table, and what the checks found."""
    aggregates = aggregate(loaded.run.cells, modes_of(loaded.run))
    console.print(Text(headline(aggregates), style="bold"))
    if aggregates:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        for name in COLUMNS:
            table.add_column(name, justify="left" if name == "mode" else "right", no_wrap=True)
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
    found = findings(loaded.run)
    for finding in found:
        console.print(Text(f"{finding.check.name}: {finding.check.told}", style="yellow"))
        for where in finding.where[:3]:
            console.print(Text(f"  {where}"))
        if len(finding.where) > 3:
            console.print(f"  and {len(finding.where) - 3} more cells")
        console.print(Text(f"  {finding.check.advice}"))
    for note in loaded.run.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    if not found and not loaded.run.notes:
        console.print("All checks passed.")
