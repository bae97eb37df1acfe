"""What of a run's report is text, and needs no extra: summary.md, and junit.xml where there are gates."""

from __future__ import annotations

from lockstep.report.markdown import summary_md
from lockstep.report.material import Material
from lockstep.report.sections.gates import junit_xml
from lockstep.runs.folder import JUNIT_FILE, MARKDOWN_FILE, RunFolder


def write_texts(material: Material) -> None:
    """Write them into the run's folder. ResultsError where they cannot be written."""
    folder = RunFolder(material.path)
    if material.run.planned.gates:
        folder.save_text(JUNIT_FILE, junit_xml(material.run))
    folder.save_text(MARKDOWN_FILE, summary_md(material))
