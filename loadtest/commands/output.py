"""What commands print: a run's report on stdout, a refusal as one line on stderr."""

from __future__ import annotations

import sys

from rich.console import Console

from loadtest.run_folder import Loaded


def print_report_of(loaded: Loaded) -> None:
    """The report of a run, its gates, and where its page is."""
    from loadtest.report.build import REPORT_FILE
    from loadtest.report.gate_text import print_gates
    from loadtest.report.text import print_report

    console = Console()
    print_report(loaded, console)
    print_gates(loaded.run, console)
    page = loaded.path / REPORT_FILE
    if page.exists():  # whoever stops a run twice has none
        console.print(f"Report: {page}", soft_wrap=True)


def complain(line: str) -> None:
    """One line: what is wrong, where, and the remedy."""
    print(f"lockstep: {line}", file=sys.stderr)
