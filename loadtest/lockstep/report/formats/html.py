"""The report as one HTML page that needs no network; its one script only adds copy buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lockstep.analysis.check import Finding
from lockstep.analysis.checks import ALL_CHECKS, degradations
from lockstep.report.charts.palette import striped
from lockstep.report.conditions import conditions, subtitle
from lockstep.report.contents import Contents
from lockstep.report.headline import headline, standing, supporting
from lockstep.report.material import Material
from lockstep.report.section import Section
from lockstep.report.sections.figures import cells_table

_pages = Environment(
    loader=PackageLoader("lockstep.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)


def in_full(findings: Sequence[Finding], sections: Sequence[Section]) -> Callable[[Finding, Section], bool]:
    """Whether a check is told in full beside a section: the first that speaks of its subject.

    Beside the others it touches it is a mark. What degrades the run stands above all of them already.
    """
    told = {
        finding.check.name: next(
            (section.name for section in sections if finding.check.subject in section.topics), None
        )
        for finding in findings
        if not finding.check.degrades
    }
    return lambda finding, section: told.get(finding.check.name) == section.name


def render(material: Material, contents: Contents, svgs: Mapping[str, Sequence[str]]) -> str:
    """The whole page. svgs: a section's name -> its drawings."""
    return _pages.get_template("page.html").render(
        run=material.run,
        headline=headline(material.verdict, material.aggregates),
        supporting=supporting(material.verdict, material.aggregates),
        subtitle=subtitle(material.run),
        degradations=degradations(material.findings),
        contents=contents,
        svgs={name: [Markup(svg) for svg in drawn] for name, drawn in svgs.items()},
        colours={series.name: colour for series, colour in material.colours.items()},
        striped=striped,
        findings=material.findings,
        in_full=in_full(material.findings, contents.sections),
        standing=standing(material.run),
        checks=[check.name for check in ALL_CHECKS],
        conditions=conditions(material.run),
        cells=cells_table(material),
    )
