"""How many connections each mode kept in service over a whole cell."""

from __future__ import annotations

from lockstep.analysis.check import Topic
from lockstep.analysis.timeline import Panel, overlap_panels
from lockstep.report.material import Material
from lockstep.report.numbers import plain, whole
from lockstep.report.overlap_chart import overlap_chart
from lockstep.report.section import Section, Table, one_drawing
from lockstep.report.why_words import overlap_title


def overlap_section(material: Material) -> Section | None:
    """The panels of the greatest level; None where no cell has an overlap."""
    panels = overlap_panels(material.run, material.details)
    return one_drawing(
        "overlap",
        overlap_title(panels),
        "Connections in service over one cell of each mode, the repeat with the middle average, by the "
        "server's own records: the area is the mean of each moment, the line its greatest number. The "
        "measured window lies between the dashed lines, and the averages are over it.",
        (Topic.SERVER,),
        overlap_chart(panels, material.colours),
        Table(
            ("mode", "from, ms", "in service, mean", "most", "waiting, mean"),
            tuple(row for panel in panels for row in _rows(panel)),
        ),
    )


def _rows(panel: Panel) -> list[tuple[str, ...]]:
    overlap = panel.overlap
    if overlap is None:
        return []
    bins = zip(overlap.in_service, overlap.most, overlap.waiting, strict=True)
    return [
        (panel.series, plain(number * overlap.bin_ms), plain(mean), whole(most), plain(waiting))
        for number, (mean, most, waiting) in enumerate(bins)
    ]
