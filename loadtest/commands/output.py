"""What commands print: a run's report on stdout, a refusal as one line on stderr."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console


def print_report_of(path: Path) -> None:
    """The report of the run in this folder, and where its page is."""
    from loadtest.report.text import print_report
    from loadtest.run_folder import RunFolder

    console = Console()
    print_report(RunFolder.load(path), console)
    console.print(f"Report: {path / 'report.html'}", soft_wrap=True)


def complain(line: str) -> None:
    """One line: what is wrong, where, and the remedy."""
    print(f"lockstep: {line}", file=sys.stderr)
