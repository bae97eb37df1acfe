"""Makes report.html of a run folder, and junit.xml where its plan has gates, any time later, on any machine.

The same folder gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from loadtest.report.html import render
from loadtest.report.junit import junit_xml
from loadtest.run_folder import RunFolder

REPORT_FILE = "report.html"
JUNIT_FILE = "junit.xml"


def write_report(path: Path) -> Path:
    """Write the report of the run in this folder; its path. ResultsError where it is no run folder."""
    folder, loaded = RunFolder(path), RunFolder.load(path)
    if loaded.run.plan.get("gates"):
        folder.save_text(JUNIT_FILE, junit_xml(loaded.run))
    return folder.save_text(REPORT_FILE, render(loaded))
