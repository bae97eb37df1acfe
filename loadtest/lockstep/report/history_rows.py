"""A folder's runs as rows: the same words in the terminal and on the page."""

from __future__ import annotations

from dataclasses import dataclass

from lockstep.analysis.checks import degradations
from lockstep.analysis.gates import unmet
from lockstep.analysis.history import Entry, History
from lockstep.analysis.run_diff import Change, RunDiff
from lockstep.report.verdict_words import verdict_in_short


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
    modes = ",".join(dict.fromkeys(each.mode for each in entry.aggregates))
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
    return f"{len(entry.found)} found" if entry.found else "well"
