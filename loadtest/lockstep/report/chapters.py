"""The order of the page: the picture, how sure, why, and at the end the tables. One line a section."""

from __future__ import annotations

from dataclasses import dataclass

from lockstep.report.certainty_section import certainty_section
from lockstep.report.material import Material
from lockstep.report.overlap_section import overlap_section
from lockstep.report.section import Chapter, Section, chapter
from lockstep.report.service_sections import in_service_section, throughput_section
from lockstep.report.table_sections import (
    fairness_section,
    figures_section,
    gates_section,
    laws_section,
    load_section,
    scalability_section,
    waits_section,
    workers_section,
)
from lockstep.report.time_sections import (
    connect_section,
    first_reply_section,
    percentile_section,
    response_section,
    time_spent_section,
)
from lockstep.report.timeline_sections import timeline_sections


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

    The picture is the timeline; where no connection was recorded, the chart that comes nearest.
    """
    timeline, other_lanes = timeline_sections(material)
    why = [
        time_spent_section(material),
        # Where the records tell how many were in service all along, the greatest numbers are in the table.
        overlap_section(material) or in_service_section(material),
        throughput_section(material),
        percentile_section(material),
        first_reply_section(material),
        connect_section(material),
        response_section(material),
        other_lanes,
        fairness_section(material),
        scalability_section(material),
        waits_section(material),
        laws_section(material),
        load_section(material),
    ]
    picture = timeline or next((each for each in why if each is not None and each.drawings), None)
    body = (
        chapter("How sure", [certainty_section(material), gates_section(material)]),
        chapter("Why", [each for each in why if each is not picture]),
    )
    tables = chapter("Tables", [figures_section(material), workers_section(material)])
    return Contents(picture, tuple(each for each in body if each.sections), tables)
