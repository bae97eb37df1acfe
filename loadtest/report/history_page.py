"""A folder's runs as one HTML page that needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loadtest.analysis.history import History
from loadtest.analysis.series import mode_of
from loadtest.analysis.verdict import Verdict
from loadtest.report.history_figures import draw_level
from loadtest.report.history_rows import HistoryRow, history_rows
from loadtest.report.numbers import counted
from loadtest.report.palette import mode_colours
from loadtest.report.rows import TableRow, table_rows
from loadtest.report.verdict_words import verdict_sentences, withheld_sentence

_pages = Environment(
    loader=PackageLoader("loadtest.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
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
        RunOnPage(row, links.get(entry.folder), _sentence(entry.verdict), table_rows(entry.aggregates))
        for row, entry in zip(history_rows(history), history.entries, strict=True)
    ]
    return _pages.get_template("history.html").render(
        many=counted(len(runs), "run"),
        newest=runs[-1],
        runs=runs,
        modes=list(colours),
        colours={**colours, **{series: colours[mode_of(series)] for series in history.series}},
        levels=[draw_level(history, level, colours) for level in history.levels],
        left_out=left_out,
        svg=Markup,
    )


def _sentence(verdict: Verdict) -> str:
    """The verdict's first sentence, as one that stands alone."""
    said = withheld_sentence(verdict) or next(iter(verdict_sentences(verdict)), "nothing was compared")
    return said[0].upper() + said[1:].removesuffix(".") + "."
