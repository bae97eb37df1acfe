"""`lockstep report`: a run folder's report, any time later, on any machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loadtest.commands.output import print_report_of
from loadtest.run_folder import RunFolder


def report(run: Annotated[Path, typer.Argument(help="A run's folder, results/<run id>.")]) -> None:
    """Make report.html of a run folder again, and print its table."""
    from loadtest.report.build import write_report

    write_report(run)
    print_report_of(RunFolder.load(run))
