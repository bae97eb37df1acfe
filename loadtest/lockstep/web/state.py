"""The state of a run as the live page draws it: a document of numbers and words. Pure; time is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.analysis.check import Finding
from lockstep.analysis.comparison import judge
from lockstep.analysis.gates import GateResult, judge_gates
from lockstep.analysis.numbers import duration
from lockstep.analysis.series import modes_of
from lockstep.master.live import HISTORY_S, MOMENT_NS, Received, Split, moment, recent
from lockstep.master.progress import CellProgress, Progress, ReportState, TimeLeft
from lockstep.plan import PlannedCell
from lockstep.report.charts.palette import NEUTRAL, mode_colours
from lockstep.report.headline import headline, supporting
from lockstep.report.limit_words import promise_words
from lockstep.report.section import Column, called, told_of
from lockstep.report.sections.figures import RESULT_BY_NAME
from lockstep.report.sections.gates import value_at, verdict_of
from lockstep.report.words import counted, load_words, rate, series_noun, share
from lockstep.runs.records import Run
from lockstep.target.admin import Listener
from lockstep.web.server_watch import ServerNow

# From one value of the history to the next.
_STEP_S = 2
# The columns of the results that the page has room for.
PICKED = (
    *("series", "level", "messages_per_s", "response_p50", "response_p99"),
    *("wait", "in_service", "failed"),
)
COLUMNS = tuple(RESULT_BY_NAME[name] for name in PICKED)
# Of the cells in which something is wrong: so many are named.
MAX_NAMED = 4


def state_of(
    progress: Progress, outcome: Outcome, received: Sequence[Received], server: ServerNow, now_ns: int
) -> dict[str, Any]:
    """Everything that the page shows at this moment, ready to be sent as JSON; None is what is not known.

    received: the run's pulses of the last minute, oldest first. now_ns: of the clock that they and the
    progress carry.
    """
    run = progress.run
    left = progress.left(now_ns)
    return {
        "run": None if run is None else _run(run, progress, now_ns),
        "stage": progress.stage(now_ns).value,
        "plan": _plan(progress),
        "cell": None if progress.cell is None else _cell(progress.cell, now_ns),
        "left": None if left is None else _left(left),
        "server": _server(server),
        "told": _is_told(progress, server),
        "modes": _modes(progress, server),
        "now": _now(progress, received, now_ns),
        "history": _history(received, server, now_ns),
        "figures": _figures(progress, outcome),
        "failure": progress.failure,
        "verdict": {
            "sentences": outcome.sentences,
            "doubts": [asdict(doubt) for doubt in outcome.doubts],
        },
        "gates": [f"{verdict_of(each)}: {each.gate.text} {value_at(each)}" for each in outcome.gates],
        "report": progress.report.value,
        "report_href": "lockstep/report.html" if progress.report is ReportState.READY else None,
    }


def _run(run: Run, progress: Progress, now_ns: int) -> dict[str, Any]:
    going = "" if progress.finished else _span((now_ns - progress.begun_ns) / 1e9)
    return {
        "id": run.run_id,
        "kind": run.kind,
        "finished": progress.finished,
        "interrupted": run.interrupted,
        "running_for": going,
    }


def _plan(progress: Progress) -> dict[str, Any] | None:
    """The plan's cells in running order, each with its state; None where the run has no plan."""
    if not progress.planned or progress.run is None:
        return None
    under_way = None if progress.cell is None else progress.cell.planned.index
    saved = {cell.index: "cut short" if cell.cut_short else "done" for cell in progress.run.measured}
    cells = [
        {
            "mode": each.mode,
            "name": f"{_cell_name(each)}, repeat {each.repeat}",
            "state": saved.get(each.index, "now" if each.index == under_way else "to come"),
        }
        for each in progress.planned
    ]
    repeats = max(each.repeat for each in progress.planned)
    words = _searched(progress.run) or _walked(progress, repeats)
    # Nobody knows how many cells a search will take.
    total = len(cells) if progress.at_most_s is None else None
    return {"words": words, "done": progress.done, "total": total, "repeats": repeats, "cells": cells}


def _walked(progress: Progress, repeats: int) -> str:
    """What is planned."""
    assert progress.run is not None, "only a run has a plan"
    levels = sorted({each.level for each in progress.planned})
    at = ", ".join([*map(str, levels[:-1]), counted(levels[-1], "connection")])
    return f"{', '.join(modes_of(progress.run))} at {at}, {counted(repeats, 'repeat')}"


def _searched(run: Run) -> str:
    """What is looked for; "" where all is planned."""
    search = run.planned.search
    if search is None:
        return ""
    load = "rate" if search.by_rate else "number of connections"
    return f"{', '.join(modes_of(run))}: the greatest {load} at which {promise_words(search)}"


def _cell(cell: CellProgress, now_ns: int) -> dict[str, Any]:
    planned, left_s = cell.planned, cell.left_s(now_ns)
    return {
        "number": planned.index + 1,
        "name": _cell_name(planned),
        "repeat": planned.repeat,
        "left": None if left_s is None else _span(left_s),
    }


def _cell_name(planned: PlannedCell) -> str:
    return f"{planned.mode}, {load_words(planned.level, planned.rate_per_s)}"


def _left(left: TimeLeft) -> str:
    return f"{left.bound} {_span(left.seconds)}"


def _span(seconds: float) -> str:
    """Seconds as somebody who waits would say them: 8 s, 2 min 5 s, 1 h 12 min."""
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _server(server: ServerNow) -> str:
    """`known`, `unknown` where it does not answer, `none` where the target is not a Lockstep server."""
    if not server.admin:
        return "none"
    return "unknown" if server.listeners is None else "known"


def _is_told(progress: Progress, server: ServerNow) -> bool:
    """Whether what only a server tells can be known of any mode: of a service that is not ours it cannot."""
    if progress.run is None or server.admin:
        return server.admin
    targets = progress.run.targets
    return any(name not in targets or targets[name].server for name in _names(progress.run))


def _modes(progress: Progress, server: ServerNow) -> list[dict[str, Any]]:
    """A row for each mode of the run; before there is one, for each that the server offers."""
    listeners = server.listeners or {}
    names = list(listeners) if progress.run is None else _names(progress.run)
    colours = mode_colours(names)
    under_way = None if progress.cell is None else progress.cell.planned.mode
    return [
        {"mode": name, "colour": colours[name], "now": name == under_way, **_counts(listeners.get(name))}
        for name in names
    ]


def _names(run: Run) -> list[str]:
    return [str(run.plan["mode"])] if run.manual else list(modes_of(run))


def _counts(listener: Listener | None) -> dict[str, int | None]:
    names = ("open", "waiting", "in_service")
    return {name: None if listener is None else getattr(listener, name) for name in names}


def _now(progress: Progress, received: Sequence[Received], now_ns: int) -> dict[str, Any] | None:
    """What clients see. Between two cells that is the last one's, for as long as it is recent."""
    found = recent(received, now_ns)
    if found is None or progress.run is None:
        return None
    cell, now = found
    names = _names(progress.run)
    mode = progress.planned[cell].mode if progress.planned else names[0]
    return {
        "name": _cell_name(progress.planned[cell]) if progress.planned else mode,
        "over": f"last {max(round(now.covered_s), 1)} s",
        "connections": now.connections,
        "answered_per_s": rate(now.answered_per_s),
        "failed_per_s": rate(now.failed_per_s),
        "p50": duration(now.p50_us),
        "p90": duration(now.p90_us),
        "p99": duration(now.p99_us),
        "split": None if now.split is None else _split(now.split, mode_colours(names)[mode]),
    }


def _split(split: Split, colour: str) -> list[dict[str, Any]]:
    """The parts of a mean round trip, as the report draws them: what is no mode's is grey, a wait is pale."""
    parts = (
        ("network", split.network_us, NEUTRAL, False),
        ("wait", split.wait_us, colour, True),
        ("service", split.service_us, colour, False),
    )
    total = sum(part_us for _, part_us, *_ in parts)
    return [
        {
            "name": name,
            "share": part_us / total if total else 0.0,
            "words": duration(part_us),
            "percent": share(part_us, total) if total else "0%",
            "colour": part_colour,
            "pale": pale,
        }
        for name, part_us, part_colour, pale in parts
    ]


def _figures(progress: Progress, outcome: Outcome) -> dict[str, Any]:
    """The report's table of the cells so far, with where the time went."""
    colours = mode_colours([] if progress.run is None else _names(progress.run))
    rows = [
        {
            "words": each.words,
            "colour": (colour := colours.get(each.mode, NEUTRAL)),
            "split": [] if each.split is None else _split(each.split, colour),
        }
        for each in outcome.results
    ]
    return {"heads": outcome.heads, "rows": rows}


def _history(received: Sequence[Received], server: ServerNow, now_ns: int) -> list[dict[str, Any]]:
    """Three lines of a value every two seconds, oldest first, up to now; None in them where it is unknown."""
    moments_ns = [now_ns - ago_s * 1_000_000_000 for ago_s in reversed(range(0, HISTORY_S, _STEP_S))]
    seen = [moment(received, at_ns) for at_ns in moments_ns]
    return [
        _line("answered", [None if now is None else now.answered_per_s for now in seen], rate),
        _line("p99", [None if now is None else now.p99_us for now in seen], duration),
        _line("service", [_in_service(server, at_ns) for at_ns in moments_ns], rate),
    ]


def _in_service(server: ServerNow, at_ns: int) -> float | None:
    near = [mean for asked_ns, mean in server.in_service if at_ns - MOMENT_NS < asked_ns <= at_ns]
    return near[-1] if near else None


def _line(name: str, values: list[float | None], in_words: Callable[[float | None], str]) -> dict[str, Any]:
    peak = max((value for value in values if value is not None), default=None)
    return {"name": name, "values": values, "peak": "" if peak is None else f"(peak {in_words(peak)})"}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a verdict is withheld: what is wrong, in which cells, and the remedy."""

    message: str
    where: tuple[str, ...]
    advice: str

    @classmethod
    def of(cls, finding: Finding) -> Doubt:
        """The first cells of a finding, and how many more there are."""
        named, more = finding.where[:MAX_NAMED], len(finding.where) - MAX_NAMED
        rest = (f"and {counted(more, 'more cell')}",) if more > 0 else ()
        return cls(finding.check.message, (*named, *rest), finding.check.advice)


@dataclass(frozen=True, slots=True)
class Result:
    """A row of the results. words: under the outcome's heads.

    split: mean times of its messages, None where unknown.
    """

    words: tuple[str, ...]
    mode: str
    split: Split | None

    @classmethod
    def of(cls, each: Aggregate, columns: Sequence[Column[Aggregate]]) -> Result:
        """The row of one series at one level."""
        words = tuple(column.value(each) for column in columns)
        return cls(words, each.series.mode, _split_of(each))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the saved cells say. results: of the cells so far; heads: of their columns that somebody told.

    sentences: the verdict as the report says it, headline first; empty while the run goes on. doubts:
    why there is no verdict, where the headline says so. gates: none while the run goes on.
    """

    results: tuple[Result, ...] = ()
    heads: tuple[str, ...] = tuple(column.head for column in COLUMNS)
    sentences: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    gates: tuple[GateResult, ...] = ()


def outcome_of(run: Run) -> Outcome:
    """The outcome of a run as far as it has come."""
    aggregates = aggregate(run.cells, modes_of(run))
    columns = called(told_of(COLUMNS, aggregates), series_noun(run))
    results = tuple(Result.of(each, columns) for each in aggregates)
    heads = tuple(column.head for column in columns)
    if run.finished is None:
        return Outcome(results, heads)
    verdict = judge(run)
    more = [] if verdict.withheld else supporting(verdict, aggregates)
    sentences = (headline(verdict, aggregates), *more)
    doubts = tuple(map(Doubt.of, verdict.withheld))
    return Outcome(results, heads, sentences, doubts, tuple(judge_gates(run)))


def _split_of(each: Aggregate) -> Split | None:
    parts = (each.time("network", "mean"), each.time("wait", "mean"), each.time("service", "mean"))
    medians = [part.median for part in parts if part is not None]
    return Split(*medians) if len(medians) == len(parts) else None
