"""Makes report.html of a run folder, any time later, on any machine. The same folder gives the same bytes."""

from __future__ import annotations

from pathlib import Path

from loadtest.report.html import render
from loadtest.run_folder import RunFolder

REPORT_FILE = "report.html"


def write_report(path: Path) -> Path:
    """Write the report of the run in this folder; its path. ResultsError where it is no run folder."""
    return RunFolder(path).save_text(REPORT_FILE, render(RunFolder.load(path)))
