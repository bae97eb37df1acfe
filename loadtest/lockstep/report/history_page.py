"""A folder's runs as one HTML page that needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lockstep.analysis.history import History
from lockstep.analysis.series import mode_of
from lockstep.report.headline import headline
from lockstep.report.history_figures import level_sections
from lockstep.report.history_rows import HistoryRow, history_rows
from lockstep.report.numbers import counted
from lockstep.report.palette import mode_colours, striped
from lockstep.report.rows import TableRow, table_rows
from lockstep.report.section import Section
from lockstep.report.svg import to_svg

_pages = Environment(
    loader=PackageLoader("lockstep.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True, slots=True)
class RunOnPage:
    """One run of the page's lists. link: where its report is, from the page; None where it has none."""

    row: HistoryRow
    link: str | None
    sentence: str
    figures: list[TableRow]


def render_history(history: History, links: Mapping[str, str], left_out: Sequence[str]) -> str:
    """The whole page, of at least one run. links: folder -> where its report is, from the page's place."""
    colours = mode_colours(map(mode_of, history.series))
    runs = [
        RunOnPage(
            row,
            links.get(entry.folder),
            headline(entry.verdict, entry.aggregates),
            table_rows(entry.aggregates),
        )
        for row, entry in zip(history_rows(history), history.entries, strict=True)
    ]
    sections = [section for level in history.levels for section in level_sections(history, level, colours)]
    return _pages.get_template("history.html").render(
        many=counted(len(runs), "run"),
        newest=runs[-1],
        runs=runs,
        modes=list(colours),
        colours={**colours, **{series: colours[mode_of(series)] for series in history.series}},
        sections=sections,
        svgs={section.name: _drawn(section) for section in sections},
        striped=striped,
        findings=(),
        told=[],
        gated=any(run.row.gates for run in runs),
        left_out=left_out,
    )


def _drawn(section: Section) -> list[Markup]:
    return [Markup(to_svg(each.chart, section.name, each.label)) for each in section.drawings]
