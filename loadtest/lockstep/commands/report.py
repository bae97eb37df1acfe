"""`lockstep report`: a run folder's report, any time later, on any machine."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.commands.output import print_report_of
from lockstep.commands.parser import command, option, path, switch
from lockstep.runs.folder import MARKDOWN_FILE, RunFolder
from lockstep.settings import Setting
from lockstep_wire.extras import DRAWING, lacking

if TYPE_CHECKING:
    from lockstep.report.material import Material


@command(
    path("run"),
    option(Setting("charts", Path, None, "A folder for every chart as SVG and PNG")),
    switch("markdown", "Print Markdown for a pull request instead of the table."),
)
def report(run: Path, charts: Path | None, markdown: bool) -> None:
    """Make a run's report.html and summary.md again.

    Without the extra [report] there is no page, and no charts. RUN is a run folder, such as results/<run id>.
    """
    # All that a report allocates it keeps to its end: looking for garbage would take a tenth of its time.
    gc.disable()
    if charts is None and lacking(DRAWING):
        from lockstep.report.material import Material
        from lockstep.report.texts import write_texts

        material = Material.of(RunFolder.load(run))
        write_texts(material)
    else:
        material = _with_page(run, charts)
    if markdown:
        sys.stdout.write((run / MARKDOWN_FILE).read_text(encoding="utf-8"))
    else:
        print_report_of(material)


def _with_page(run: Path, charts: Path | None) -> Material:
    """Write all of the report. charts: where pictures go too. ModuleNotFoundError without the extra."""
    from lockstep.report.charts.renderer import Renderer

    # It warms up while the rest is brought in.
    with Renderer() as renderer:
        from lockstep.report.material import Material
        from lockstep.report.write import write_report

        material = Material.of(RunFolder.load(run))
        write_report(material, charts, renderer)
    return material
