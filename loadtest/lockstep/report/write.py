"""Makes a run's page and pictures, any time later, on any machine: all of a report that needs an extra.

The same folder gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from lockstep.errors import ResultsError
from lockstep.report.charts.picture import inline, picture, png, specification, unchecked
from lockstep.report.charts.renderer import Renderer
from lockstep.report.contents import Contents, contents, render
from lockstep.report.material import Material
from lockstep.report.texts import write_texts
from lockstep.runs.folder import REPORT_FILE, RunFolder


def write_report(material: Material, charts: Path | None = None, warm: Renderer | None = None) -> Path:
    """Write the run's texts, then report.html beside them; the page's path.

    charts: a folder that gets every chart as SVG and PNG; it is made where there is none. warm: a renderer
    that was started before; it draws this once. ResultsError where something cannot be written.
    """
    write_texts(material)
    folder = RunFolder(material.path)
    with nullcontext(warm) if warm is not None else Renderer() as renderer, unchecked():
        shown = contents(material)
        svgs = _draw(shown, renderer)
    _save_beside(folder, shown, svgs)
    if charts is not None:
        _save_charts(charts, shown, svgs)
    return folder.save_text(REPORT_FILE, render(material, shown, svgs))


def _draw(shown: Contents, renderer: Renderer) -> dict[str, list[str]]:
    """A section's name -> its drawings as SVG."""
    drawings = [drawing for section in shown.drawn for drawing in section.drawings]
    svgs = iter(renderer.draw([specification(drawing.chart) for drawing in drawings]))
    return {
        section.name: [
            inline(next(svgs), f"{section.name}-{number}", drawing.label)
            for number, drawing in enumerate(section.drawings)
        ]
        for section in shown.drawn
    }


def _save_beside(folder: RunFolder, shown: Contents, svgs: Mapping[str, Sequence[str]]) -> None:
    """The drawings that lie beside the page too, to be opened, and zoomed into, by themselves."""
    for section in shown.drawn:
        for drawing, svg in zip(section.drawings, svgs[section.name], strict=True):
            if drawing.file:
                alone = picture(section.title, section.note_with_legend, [drawing.caption], [svg])
                folder.save_text(drawing.file, alone)


def _save_charts(folder: Path, shown: Contents, svgs: Mapping[str, Sequence[str]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for section in shown.drawn:
            svg = picture(
                section.title,
                section.note_with_legend,
                [drawing.caption for drawing in section.drawings],
                svgs[section.name],
            )
            (folder / f"{section.name}.svg").write_text(svg, encoding="utf-8")
            (folder / f"{section.name}.png").write_bytes(png(svg))
    except OSError as error:
        raise ResultsError(
            f"cannot write charts to {folder}: {error.strerror}; name another folder with --charts"
        ) from error
