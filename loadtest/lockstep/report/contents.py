"""The report as one HTML page that needs no network; its one script only adds copy buttons.

The order of the page is picture, confidence, explanation, and at the end the tables: a line a section.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from lockstep.analysis.check import Finding
from lockstep.analysis.checks import ALL_CHECKS, degradations
from lockstep.report.charts.palette import striped
from lockstep.report.conditions import conditions, subtitle
from lockstep.report.headline import headline, standing, supporting
from lockstep.report.material import Material
from lockstep.report.section import Chapter, Section, called, chapter
from lockstep.report.sections.blast import blast_section
from lockstep.report.sections.changing import changing_section
from lockstep.report.sections.confidence import certainty_section
from lockstep.report.sections.fairness import fairness_section
from lockstep.report.sections.figures import cells_table, figures_section
from lockstep.report.sections.flames import flames_section
from lockstep.report.sections.gates import gates_section
from lockstep.report.sections.generator import load_section, workers_section
from lockstep.report.sections.limits import limits_section
from lockstep.report.sections.overlap import in_service_section, overlap_section, threads_over_cell_section
from lockstep.report.sections.percentiles import percentile_section
from lockstep.report.sections.queueing import laws_section, waits_section
from lockstep.report.sections.rendezvous import rendezvous_section
from lockstep.report.sections.requests import requests_section
from lockstep.report.sections.scalability import scalability_section
from lockstep.report.sections.talk import fan_out_section, pipeline_section, senders_section
from lockstep.report.sections.threads import threads_section
from lockstep.report.sections.throughput import throughput_section
from lockstep.report.sections.timeline import timeline_sections
from lockstep.report.sections.times import (
    connect_section,
    first_reply_section,
    handshake_section,
    response_section,
    time_spent_section,
)

PAGES = Environment(
    loader=PackageLoader("lockstep.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
_FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def unbroken(words: str) -> Markup:
    """Words for a page, in which no flag is torn apart at a line's end: browsers break behind hyphens."""
    return Markup(_FLAG.sub(r'<span class="flag">\g<0></span>', str(escape(words))))


PAGES.filters["unbroken"] = unbroken


@dataclass(frozen=True, slots=True)
class Contents:
    """All that is on the page between verdict and checks, and after them. picture: the one that shows it."""

    picture: Section | None
    body: tuple[Chapter, ...]
    tables: Chapter

    @property
    def sections(self) -> list[Section]:
        """Every section, in the order of the page."""
        first = [] if self.picture is None else [self.picture]
        return [*first, *(section for each in (*self.body, self.tables) for section in each.sections)]

    @property
    def drawn(self) -> list[Section]:
        """Those with a chart."""
        return [section for section in self.sections if section.drawings]


def contents(material: Material) -> Contents:
    """The sections for which the run has data.

    The picture is the timeline; where no connection was recorded, the chart that comes nearest. A search's is
    its limits.
    """
    found = limits_section(material)
    timeline, other_lanes = timeline_sections(material)
    explanation = [
        time_spent_section(material),
        # Where the records tell how many were in service all along, the greatest numbers are in the table.
        overlap_section(material) or in_service_section(material),
        throughput_section(material),
        threads_over_cell_section(material),
        threads_section(material),
        flames_section(material),
        percentile_section(material),
        first_reply_section(material),
        connect_section(material),
        handshake_section(material),
        response_section(material),
        changing_section(material),
        rendezvous_section(material),
        blast_section(material),
        pipeline_section(material),
        senders_section(material),
        fan_out_section(material),
        None if found is None else timeline,
        other_lanes,
        fairness_section(material),
        scalability_section(material),
        waits_section(material),
        laws_section(material),
        load_section(material),
    ]
    drawn = (each for each in explanation if each is not None and each.drawings)
    picture = found or timeline or next(drawn, None)
    body = (
        chapter("Confidence", [certainty_section(material), gates_section(material)]),
        chapter("Explanation", [each for each in explanation if each is not picture]),
    )
    tables = chapter(
        "Tables", [figures_section(material), requests_section(material), workers_section(material)]
    )
    return Contents(picture, tuple(each for each in body if each.sections), tables)


def in_full(findings: Sequence[Finding], sections: Sequence[Section]) -> Callable[[Finding, Section], bool]:
    """Whether a check is told in full beside a section: the first that speaks of its subject.

    Beside the others it touches it is a mark. What degrades the run stands above all of them already.
    """
    places = {
        finding.check.name: next(
            (section.name for section in sections if finding.check.subject in section.topics), None
        )
        for finding in findings
        if not finding.check.degrades
    }
    return lambda finding, section: places.get(finding.check.name) == section.name


def render(material: Material, shown: Contents, svgs: Mapping[str, Sequence[str]]) -> str:
    """The whole page. svgs: a section's name -> its drawings."""
    return PAGES.get_template("page.html").render(
        run=material.run,
        headline=headline(material.verdict, material.aggregates),
        supporting=supporting(material.verdict, material.aggregates, material.radii, material.holders),
        subtitle=subtitle(material.run),
        degradations=degradations(material.findings),
        contents=shown,
        svgs={name: [Markup(svg) for svg in drawn] for name, drawn in svgs.items()},
        colours={series.name: colour for series, colour in material.colours.items()},
        striped=striped,
        findings=material.findings,
        in_full=in_full(material.findings, shown.sections),
        standing=standing(material.run),
        checks=[check.name for check in ALL_CHECKS],
        conditions=conditions(material.run),
        cells=cells_table(material),
        called=partial(called, noun=material.noun),
    )
