"""How many were served: throughput over the level, and the number in service at once."""

from __future__ import annotations

from lockstep.analysis.check import Topic
from lockstep.analysis.series import series_names
from lockstep.report.loads import load, named
from lockstep.report.material import Material
from lockstep.report.numbers import plain, whole
from lockstep.report.row_charts import in_service_chart
from lockstep.report.section import Section, Table, one_drawing
from lockstep.report.throughput_chart import throughput_chart
from lockstep.report.titles import in_service_title, throughput_title
from lockstep.report.why_words import scalability_sentence


def throughput_section(material: Material) -> Section | None:
    """Messages per second over connections, with the scalability law where it fits."""
    closed = [each for each in material.aggregates if each.rate_per_s is None]
    names = series_names(material.cells)
    rows = tuple(
        (names[cell.index], whole(cell.level), whole(cell.repeat), plain(cell.messages_per_s))
        for cell in material.cells
        if cell.whole and cell.rate_per_s is None
    )
    laws = any(each.law is not None for each in material.scalings)
    line = "the scalability law where it fits, else their medians" if laws else "their medians"
    law = scalability_sentence(material.scalings)
    return one_drawing(
        "throughput",
        throughput_title(closed),
        f"A dot is one repeat, the line runs through {line}." + ("" if law is None else f" {law}"),
        (Topic.THROUGHPUT,),
        throughput_chart(material.cells, closed, material.colours, material.scalings),
        Table(("mode", "connections", "repeat", "messages/s"), rows),
    )


def in_service_section(material: Material) -> Section | None:
    """The greatest number in service."""
    aggregates = material.aggregates
    rows = tuple((named(each), load(each), whole(each.max_in_service)) for each in aggregates)
    return one_drawing(
        "in-service",
        in_service_title(aggregates),
        "The greatest number over all repeats, by the server's own count.",
        (Topic.SERVER,),
        in_service_chart(aggregates, material.colours),
        Table(("mode", "load", "peak in service"), rows, texts=2),
    )
