"""A folder's runs: the same rows as one HTML page that needs no network and no script, and in a terminal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from rich.console import Console
from rich.text import Text

from lockstep.analysis.checks import degradations
from lockstep.analysis.gates import unmet
from lockstep.analysis.history import Entry, History
from lockstep.analysis.run_diff import Change, RunDiff
from lockstep.report.charts.palette import mode_colours, striped
from lockstep.report.charts.picture import to_svg, unchecked
from lockstep.report.contents import PAGES
from lockstep.report.headline import headline
from lockstep.report.section import Column, Section, Table, told_of
from lockstep.report.sections.figures import RESULTS
from lockstep.report.sections.history import level_sections
from lockstep.report.terminal import text_table
from lockstep.report.verdict_words import verdict_in_short
from lockstep.report.words import counted

DEGRADED = "degraded"
LEGEND = (
    "verdict: against free, unless it says otherwise; since: against the last comparable run before it "
    "(worse, better: beyond 5%; tolerated: significant, but perhaps smaller than that; n.s.: not significant)"
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One run of the list. number: from 1, the oldest. link: where its report is, None where it has none."""

    number: int
    entry: Entry
    link: str | None = None


COLUMNS: tuple[Column[Listed], ...] = (
    Column("number", "number", lambda run: str(run.number)),
    Column("run", "run", lambda run: run.entry.folder, text=True),
    Column("started", "started, UTC", lambda run: _started(run.entry), text=True),
    Column("what", "modes, levels, repeats", lambda run: _what(run.entry), "modes, levels", text=True),
    Column("verdict", "verdict", lambda run: headline(run.entry.verdict, run.entry.aggregates), text=True),
    Column("short", "verdict", lambda run: verdict_in_short(run.entry.verdict), text=True),
    Column("since", "since", lambda run: _since(run.entry), text=True, warning=Change.WORSE.value),
    Column("gates", "gates", lambda run: _gates(run.entry), text=True, warning="failed"),
    Column("checks", "checks", lambda run: _checks(run.entry), text=True, warning=DEGRADED),
)
ON_PAGE = ("number", "run", "started", "what", "verdict", "since", "gates", "checks")
IN_TERMINAL = ("run", "what", "short", "since", "gates", "checks")
# What wraps in a terminal where a list of modes or a verdict is long.
WRAPPED = {"what", "short"}


def listed(history: History, links: Mapping[str, str] | None = None) -> list[Listed]:
    """The runs, the newest last. links: folder -> where its report is."""
    entries = enumerate(history.entries, start=1)
    return [Listed(number, entry, (links or {}).get(entry.folder)) for number, entry in entries]


def columns_of(runs: Sequence[Listed], names: Collection[str]) -> list[Column[Listed]]:
    """The columns of these names, without that of the gates where no run has any."""
    gated = any(run.entry.gates for run in runs)
    return [column for column in COLUMNS if column.name in names and (gated or column.name != "gates")]


def _started(entry: Entry) -> str:
    return entry.run.started.replace("T", " ").removesuffix("+00:00")


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
    if degradations(entry.findings):
        return DEGRADED
    if entry.run.finished is None:
        return "unfinished"
    if entry.run.interrupted:
        return "interrupted"
    return f"{len(entry.findings)} found" if entry.findings else "passed"


def render_history(history: History, links: Mapping[str, str], left_out: Sequence[str]) -> str:
    """The whole page, of at least one run. links: folder -> where its report is, from the page's place."""
    colours = mode_colours(series.mode for series in history.series)
    runs = listed(history, links)
    with unchecked():
        sections = [
            section for level in history.levels for section in level_sections(history, level, colours)
        ]
    results = told_of(RESULTS, [each for run in runs for each in run.entry.aggregates])
    return PAGES.get_template("history.html").render(
        many=counted(len(runs), "run"),
        headline=headline(history.entries[-1].verdict, history.entries[-1].aggregates),
        started=_started(history.entries[-1]),
        runs=runs,
        columns=columns_of(runs, ON_PAGE),
        results=[Table.of(results, run.entry.aggregates) for run in runs],
        modes=list(colours),
        colours={**colours, **{series.name: colours[series.mode] for series in history.series}},
        sections=sections,
        svgs={section.name: _drawn(section) for section in sections},
        striped=striped,
        called=tuple,
        findings=(),
        left_out=left_out,
    )


def _drawn(section: Section) -> list[Markup]:
    return [Markup(to_svg(each.chart, section.name, each.label)) for each in section.drawings]


def print_history(history: History, left_out: Sequence[str], console: Console) -> None:
    """A row for each run, the newest last, then why what is no run was left out, a line each."""
    runs = listed(history)
    console.print(text_table(columns_of(runs, IN_TERMINAL), runs, WRAPPED, gap=1))
    console.print(LEGEND)
    for line in left_out:
        console.print(Text(f"left out: {line}", style="yellow"), soft_wrap=True)
