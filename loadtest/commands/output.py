"""What commands print: a run's report on stdout, a refusal as one line on stderr."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

from rich.console import Console

from loadtest.run_folder import REPORT_FILE

if TYPE_CHECKING:
    from loadtest.report.material import Material


def print_report_of(material: Material) -> None:
    """The report of a run, its gates, and where its page is, if there is one."""
    from loadtest.report.gate_text import print_gates
    from loadtest.report.text import print_report

    console = Console()
    print_report(material, console)
    print_gates(material.run, console)
    page = material.path / REPORT_FILE
    if page.is_file():
        console.print(f"Report: {page}", soft_wrap=True)


def write_what_can_be_written() -> None:
    """A terminal or a file may not have all characters: what it has not is a question mark, and no trace."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def complain(line: str) -> None:
    """One line: what is wrong, where, and the remedy."""
    print(f"lockstep: {line}", file=sys.stderr)
