"""`lockstep report`: a run folder's report, any time later, on any machine."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer

from lockstep.commands.output import print_report_of
from lockstep.runs.folder import MARKDOWN_FILE, RunFolder


def report(
    run: Annotated[Path, typer.Argument(help="A run's folder, results/<run id>.")],
    charts: Annotated[
        Path | None, typer.Option(help="A folder for every chart as SVG and PNG.", show_default=False)
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown for a pull request instead of the table.")
    ] = False,
) -> None:
    """Make report.html and summary.md of a run folder again, and print its table."""
    # All that a report allocates it keeps to its end: looking for garbage would take a tenth of its time.
    gc.disable()
    from lockstep.report.material import Material
    from lockstep.report.write import write_report

    material = Material.of(RunFolder.load(run))
    write_report(material, charts)
    if markdown:
        sys.stdout.write((run / MARKDOWN_FILE).read_text(encoding="utf-8"))
    else:
        print_report_of(material)
