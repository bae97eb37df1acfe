"""A folder's runs: the same rows as one HTML page that needs no network and no script, and in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rich import box
from rich.console import Console
from rich.table import Table as TextTable
from rich.text import Text

from lockstep.analysis.checks import degradations
from lockstep.analysis.gates import unmet
from lockstep.analysis.history import Entry, History
from lockstep.analysis.run_diff import Change, RunDiff
from lockstep.report.charts.palette import mode_colours, striped
from lockstep.report.charts.picture import to_svg
from lockstep.report.headline import headline
from lockstep.report.numbers import counted
from lockstep.report.section import Section, Table
from lockstep.report.sections.figures import RESULTS
from lockstep.report.sections.history import level_sections
from lockstep.report.verdict_words import verdict_in_short

_pages = Environment(
    loader=PackageLoader("lockstep.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
COLUMNS = ("run", "modes, levels", "verdict", "since", "gates", "checks")
LEGEND = (
    "verdict: against free, unless it says otherwise; since: against the last comparable run before it "
    "(worse, better: beyond 5%; tolerated: significant, but perhaps smaller than that; n.s.: not significant)"
)
# What wraps where a list of modes or a verdict is long.
WRAPPED = {"modes, levels", "verdict"}


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One run, ready to be printed.

    since: against the comparable run before it. gates: "" where it has none.
    """

    number: str
    folder: str
    started: str
    what: str
    verdict: str
    since: str
    gates: str
    checks: str


def history_rows(history: History) -> list[HistoryRow]:
    """A row for each run, the newest last."""
    return [_row(number, entry) for number, entry in enumerate(history.entries, start=1)]


def _row(number: int, entry: Entry) -> HistoryRow:
    return HistoryRow(
        number=str(number),
        folder=entry.folder,
        started=entry.run.started.replace("T", " ").removesuffix("+00:00"),
        what=_what(entry),
        verdict=verdict_in_short(entry.verdict),
        since=_since(entry),
        gates=_gates(entry),
        checks=_checks(entry),
    )


def _what(entry: Entry) -> str:
    """Modes, levels and repeats, as they were measured: `free,lock 1,8 x3`."""
    modes = ",".join(dict.fromkeys(each.series.mode for each in entry.aggregates))
    levels = ",".join(map(str, sorted({each.level for each in entry.aggregates})))
    repeats = max((each.repeats for each in entry.aggregates), default=0)
    return f"{modes} {levels} x{repeats}" if modes else "no cells"


def _since(entry: Entry) -> str:
    if entry.verdict.withheld:
        return "no verdict"
    return "first" if entry.since is None else str(_change(entry.since).value)


def _change(found: RunDiff) -> Change:
    """The gravest of what is shown to have changed."""
    if found.worse:
        return Change.WORSE
    order = (Change.BETTER, Change.TOLERATED, Change.NOT_SHOWN)
    return next((change for change in order if found.of(change)), Change.UNKNOWN)


def _gates(entry: Entry) -> str:
    if not entry.gates:
        return ""
    failed = len(unmet(entry.gates))
    if failed:
        return f"{failed} failed"
    met = sum(each.passed is True for each in entry.gates)
    return f"{met} ok" if met == len(entry.gates) else "not judged"


def _checks(entry: Entry) -> str:
    if degradations(entry.found):
        return "degraded"
    if entry.run.finished is None:
        return "unfinished"
    if entry.run.interrupted:
        return "interrupted"
    return f"{len(entry.found)} found" if entry.found else "passed"


@dataclass(frozen=True, slots=True)
class RunOnPage:
    """One run of the page's lists. link: where its report is, from the page; None where it has none."""

    row: HistoryRow
    link: str | None
    sentence: str
    figures: Table


def render_history(history: History, links: Mapping[str, str], left_out: Sequence[str]) -> str:
    """The whole page, of at least one run. links: folder -> where its report is, from the page's place."""
    colours = mode_colours(series.mode for series in history.series)
    runs = [
        RunOnPage(
            row,
            links.get(entry.folder),
            headline(entry.verdict, entry.aggregates),
            Table.of(RESULTS, entry.aggregates),
        )
        for row, entry in zip(history_rows(history), history.entries, strict=True)
    ]
    sections = [section for level in history.levels for section in level_sections(history, level, colours)]
    return _pages.get_template("history.html").render(
        many=counted(len(runs), "run"),
        newest=runs[-1],
        runs=runs,
        modes=list(colours),
        colours={**colours, **{series.name: colours[series.mode] for series in history.series}},
        sections=sections,
        svgs={section.name: _drawn(section) for section in sections},
        striped=striped,
        findings=(),
        gated=any(run.row.gates for run in runs),
        left_out=left_out,
    )


def _drawn(section: Section) -> list[Markup]:
    return [Markup(to_svg(each.chart, section.name, each.label)) for each in section.drawings]


def print_history(history: History, left_out: Sequence[str], console: Console) -> None:
    """A row for each run, the newest last, then why what is no run was left out, a line each."""
    table = TextTable(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    rows = history_rows(history)
    columns = [name for name in COLUMNS if name != "gates" or any(row.gates for row in rows)]
    for name in columns:
        table.add_column(name, no_wrap=name not in WRAPPED)
    for row in rows:
        words = (row.folder, row.what, row.verdict, row.since, row.gates, row.checks)
        table.add_row(*(Text(said) for name, said in zip(COLUMNS, words, strict=True) if name in columns))
    console.print(table)
    console.print(LEGEND)
    for line in left_out:
        console.print(Text(f"left out: {line}", style="yellow"), soft_wrap=True)
