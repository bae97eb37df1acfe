"""A folder's runs: the same rows as one HTML page that needs no network and no script, and in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import altair as alt
from markupsafe import Markup
from rich.console import Console
from rich.text import Text

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.analysis.checks import degradations
from lockstep.analysis.gates import unmet
from lockstep.analysis.history import Entry, History
from lockstep.analysis.numbers import duration
from lockstep.analysis.run_diff import Change, RunDiff
from lockstep.report.charts import axes
from lockstep.report.charts.palette import mode_colours, striped
from lockstep.report.charts.picture import Chart, chart_of, to_svg, unchecked
from lockstep.report.contents import PAGES
from lockstep.report.headline import headline
from lockstep.report.section import Column, Section, Table, one_drawing, told_of
from lockstep.report.sections.figures import RESULTS, SERIES
from lockstep.report.terminal import text_table
from lockstep.report.verdict_words import verdict_in_short
from lockstep.report.words import contrasted, counted, rate

US_PER_MS = 1_000.0
# A title speaks of no more series than a reader can hold.
MAX_NAMED = 3
WIDTH, HEIGHT = 400, 210
# Labels of more runs would run into each other.
MAX_LABELS = 9


@dataclass(frozen=True, slots=True)
class Measure:
    """What is drawn over the runs. scale: what the figure is divided by to be in `unit`.

    title: with {where} for the level and {ranges} for what each series had.
    """

    name: str
    title: str
    unit: str
    scale: float
    of: Callable[[Aggregate], Spread | None]
    words: Callable[[float], str]


MEASURES = (
    Measure(
        name="throughput",
        title="{where}, throughput in messages/s: {ranges}",
        unit="messages per second",
        scale=1.0,
        of=lambda each: each.messages_per_s,
        words=rate,
    ),
    Measure(
        name="p99",
        title="{where}, p99 response time: {ranges}",
        unit="milliseconds",
        scale=US_PER_MS,
        of=lambda each: each.time("response", "p99"),
        words=lambda value: duration(value * US_PER_MS),
    ),
)


def level_sections(history: History, level: int, colours: Mapping[str, str]) -> list[Section]:
    """Both charts of one level, as far as there is something to draw. colours: of the modes."""
    return [
        section for measure in MEASURES if (section := _section(history, level, measure, colours)) is not None
    ]


def _section(history: History, level: int, measure: Measure, colours: Mapping[str, str]) -> Section | None:
    points = points_of(history, level, measure.of, measure.scale)
    return one_drawing(
        f"{measure.name}-{level}",
        _title(measure, level, points, [series.name for series in history.series]),
        "Medians of the repeats, with their minimum and maximum.",
        (),
        history_chart(points, len(history.entries), measure.unit, colours) if points else None,
        _numbers(measure, points),
    )


def _numbers(measure: Measure, points: Sequence[Point]) -> Table:
    columns: tuple[Column[Point], ...] = (
        SERIES.over(lambda point: point.series),
        Column("run", "run", lambda point: str(point.run)),
        Column("median", "median", lambda point: measure.words(point.median)),
        Column("min", "min", lambda point: measure.words(point.low)),
        Column("max", "max", lambda point: measure.words(point.high)),
    )
    return Table.of(columns, sorted(points, key=lambda point: point.series))


def _title(measure: Measure, level: int, points: Sequence[Point], series: Sequence[str]) -> str:
    """What each series had, from its lowest to its highest median; degraded runs are not quoted."""
    quotable = [point for point in points if point.line is not None]
    modes = {point.series: point.mode for point in quotable}
    # Where one series has a mode to itself, the mode says enough.
    several = len(set(modes.values())) < len(modes)
    ranges = []
    for name in (each for each in series if each in modes):
        medians = [point.median for point in quotable if point.series == name]
        ends = dict.fromkeys(map(measure.words, (min(medians), max(medians))))
        ranges.append((name if several else modes[name], " to ".join(ends)))
    more = [f"and {len(ranges) - MAX_NAMED} more"] if len(ranges) > MAX_NAMED else []
    words = ", ".join([*filter(None, [contrasted(ranges[:MAX_NAMED])]), *more]) or "every run is degraded"
    return measure.title.format(where=f"At {counted(level, 'connection')}", ranges=words)


@dataclass(frozen=True, slots=True)
class Point:
    """One series' figure in one run. run: its number in the list, from 1; low, high: over the repeats.

    line: points of one line may be compared; None where the run is degraded and on no line.
    """

    run: int
    series: str
    mode: str
    line: str | None
    median: float
    low: float
    high: float


def points_of(
    history: History, level: int, figure: Callable[[Aggregate], Spread | None], scale: float = 1.0
) -> list[Point]:
    """Every run's figure at one level, divided by `scale`; runs without it have no point."""
    return list(_points(history.entries, level, figure, scale))


def history_chart(points: Sequence[Point], runs: int, unit: str, colours: Mapping[str, str]) -> Chart:
    """The points over the numbers of the runs, 1 to `runs`; at least one point. colours: of the modes."""
    axis = axes.suited([end for point in points for end in (point.low, point.high)])
    x = alt.X(
        "run:Q",
        title="run, oldest first",
        scale=alt.Scale(domain=[0.5, runs + 0.5], nice=False),
        axis=alt.Axis(values=_labelled(runs), grid=False, format="d"),
    )
    y_scale = alt.Scale(type=axis.kind, domain=[axis.low, axis.high], nice=False)
    y_axis = alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT, titlePadding=14)
    y = alt.Y("median:Q", title=unit, scale=y_scale, axis=y_axis)
    palette = alt.Scale(domain=list(colours), range=list(colours.values()))
    colour = alt.Color("mode:N", legend=None, scale=palette)
    quotable = [point for point in points if point.line is not None]
    degraded = [point for point in points if point.line is None]
    spans = _chart(points).mark_rule(strokeWidth=1.5, opacity=0.45)
    spans = spans.encode(x=x, y=alt.Y("low:Q", scale=y_scale), y2="high:Q", color=colour)
    lines = _chart(quotable).mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, detail="line:N")
    dots = _chart(quotable).mark_point(filled=True, size=55, opacity=1).encode(x=x, y=y, color=colour)
    hollow = _chart(degraded).mark_point(filled=False, size=45).encode(x=x, y=y, color=colour)
    return alt.layer(spans, lines, dots, hollow).properties(width=WIDTH, height=HEIGHT)


def _points(
    entries: Sequence[Entry], level: int, figure: Callable[[Aggregate], Spread | None], scale: float
) -> Iterator[Point]:
    for number, entry in enumerate(entries, start=1):
        for each in entry.aggregates:
            spread = figure(each)
            if each.level == level and spread is not None:
                line = None if entry.verdict.withheld else f"{each.series} {entry.kind}"
                values = (spread.median / scale, spread.min / scale, spread.max / scale)
                yield Point(number, each.series.name, each.series.mode, line, *values)


def _labelled(runs: int) -> list[int]:
    """The numbers to mark: all, or evenly so many as fit, the newest among them."""
    step = -(-runs // MAX_LABELS)
    return sorted(range(runs, 0, -step))


def _chart(points: Sequence[Point]) -> alt.Chart:
    return chart_of(
        [{name: value for name, value in asdict(point).items() if value is not None} for point in points]
    )


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
# What wraps on the page, beside the verdict: all of the table is to be seen without scrolling.
WRAPPED_ON_PAGE = {"started", "what", "gates", "checks"}
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
        wrapped=WRAPPED_ON_PAGE,
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
