"""A folder's runs in a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lockstep.analysis.history import History
from lockstep.report.history_rows import history_rows

COLUMNS = ("run", "modes, levels", "verdict", "since", "gates", "checks")
LEGEND = (
    "verdict: against free, unless it says otherwise; since: against the run before it that was made alike "
    "(worse, better: beyond 5%; tolerated: a difference is shown, but not that it is so large)"
)
# What wraps where a list of modes or a verdict is long.
WRAPPED = {"modes, levels", "verdict"}


def print_history(history: History, left_out: Sequence[str], console: Console) -> None:
    """A row for each run, the newest last, then why what is no run was left out, a line each."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    rows = history_rows(history)
    columns = [name for name in COLUMNS if name != "gates" or any(row.gates for row in rows)]
    for name in columns:
        table.add_column(name, no_wrap=name not in WRAPPED)
    for row in rows:
        words = (row.folder, row.what, row.verdict, row.since, row.gates, row.checks)
        table.add_row(*(Text(said) for name, said in zip(COLUMNS, words, strict=True) if name in columns))
    console.print(table)
    console.print(LEGEND)
    for line in left_out:
        console.print(Text(f"left out: {line}", style="yellow"), soft_wrap=True)
