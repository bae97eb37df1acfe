"""What commands print: a run's report on stdout, a refusal as one line on stderr."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lockstep.errors import printable
from lockstep.runs.folder import MARKDOWN_FILE, REPORT_FILE
from lockstep_wire.extras import DRAWING, lacking

if TYPE_CHECKING:
    from lockstep.report.material import Material


# Wider than any table: a file or a pipe has no width to keep to.
_UNCUT = 1_000


def stdout_console() -> Console:
    """Standard output; where it is not a terminal, nothing is wrapped or cut to the width of one."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _UNCUT)


def print_report_of(material: Material, console: Console | None = None, folder: Path | None = None) -> None:
    """The report of a run, its gates, and where its page is; its text, where nothing is there that draws.

    console: stdout's if there is none. folder: the run's, as whoever reads it knows it.
    """
    from lockstep.report.terminal import print_gates, print_report

    console = console or Console()
    print_report(material, console)
    print_gates(material.run, console)
    shown = folder or material.path
    if (material.path / REPORT_FILE).is_file():
        console.print(f"Report: {shown / REPORT_FILE}", soft_wrap=True)
    elif (install := lacking(DRAWING)) and (material.path / MARKDOWN_FILE).is_file():
        console.print(f"Report: {shown / MARKDOWN_FILE}", soft_wrap=True)
        note = Text(f"note: no charts without an extra: {install}, then lockstep report {shown}", "yellow")
        console.print(note, soft_wrap=True)


def write_what_can_be_written() -> None:
    """A terminal or a file may not have all characters: what it has not is a question mark, and no trace."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def complain(line: str) -> None:
    """One line: what is wrong, where, and the remedy."""
    print(f"lockstep: {printable(line)}", file=sys.stderr)
