"""What a reader must know before trusting the figures: a closed list of named checks, each with advice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from loadtest.results import Cell, Run


@dataclass(frozen=True, slots=True)
class Check:
    """A named check. told: what is wrong, in words. advice: what to do about it."""

    name: str
    told: str
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that found something. where: a line for each cell, none where it is the whole run."""

    check: Check
    where: tuple[str, ...]


INTERRUPTED = Check(
    "interrupted",
    "The run was stopped before its plan was done.",
    "Compare only the modes and levels that have all their repeats, or run it again.",
)
NOTHING_MEASURED = Check(
    "nothing-measured",
    "No cell was measured to its end: there are no figures.",
    "Look at the server's and the workers' logs, and run it again.",
)
CUT_SHORT = Check(
    "cut-short",
    "Cells were stopped before their window was over; they are left out of every median and chart.",
    "Run it again if too few repeats are left.",
)
UNBALANCED = Check(
    "unbalanced",
    "Messages sent and their outcomes do not add up.",
    "Do not use these cells; please report it as a bug.",
)
LEDGER_DIFFERENCE = Check(
    "ledger-difference",
    "Client and server do not agree on how many messages were answered.",
    "Read the explanation; where there is none, treat the cell's throughput with care.",
)
MISSING_WORKERS = Check(
    "missing-workers",
    "Workers did not report: what they measured is not in these cells.",
    "Look at the workers' logs, and run it again with fewer users or workers on each machine.",
)
MESSAGES_FAILED = Check(
    "messages-failed",
    "Messages failed. They count in no percentile and no throughput.",
    "Look at the outcomes in summary.csv, then at the server's log.",
)
DROPPED_RECORDS = Check(
    "dropped-records",
    "The server kept only its newest connection records: hold, hand-off and inversions lack the rest.",
    "Give the server more --records, or make the cells shorter.",
)
NO_SERVER_DATA = Check(
    "no-server-data",
    "The server told nothing of itself: wait, service and the number in service are missing.",
    "Name its admin port with --admin, and start it with --timing.",
)
SINGLE_REPEAT = Check(
    "single-repeat",
    "There is one repeat only: nothing shows how far another run would differ.",
    "Use at least --repeats 3.",
)
ALL_CHECKS = (
    INTERRUPTED,
    NOTHING_MEASURED,
    CUT_SHORT,
    UNBALANCED,
    LEDGER_DIFFERENCE,
    MISSING_WORKERS,
    MESSAGES_FAILED,
    DROPPED_RECORDS,
    NO_SERVER_DATA,
    SINGLE_REPEAT,
)


def cell_name(cell: Cell) -> str:
    """How a cell is called in words: `lock at 32, repeat 2`."""
    return f"{cell.mode} at {cell.level}, repeat {cell.repeat}"


def findings(run: Run) -> list[Finding]:
    """What the checks found, most serious first; empty when all is well."""
    cells = run.cells
    found = [
        *([Finding(INTERRUPTED, ())] if run.interrupted else []),
        *([Finding(NOTHING_MEASURED, ())] if all(cell.cut_short for cell in cells) else []),
        *_finding(CUT_SHORT, cells, lambda cell: "" if cell.cut_short else None),
        *_finding(UNBALANCED, cells, _unbalanced),
        *_finding(LEDGER_DIFFERENCE, cells, _ledger_difference),
        *_finding(MISSING_WORKERS, cells, _missing_workers),
        *_finding(MESSAGES_FAILED, cells, _messages_failed),
        *_finding(DROPPED_RECORDS, cells, _dropped_records),
    ]
    silent = [cell for cell in cells if cell.server is None]
    if silent:
        everywhere = len(silent) == len(cells)
        found.append(Finding(NO_SERVER_DATA, () if everywhere else tuple(map(cell_name, silent))))
    if run.kind == "plan" and cells and _repeats(cells) == 1:
        found.append(Finding(SINGLE_REPEAT, ()))
    return found


def _finding(check: Check, cells: Sequence[Cell], told_of: Callable[[Cell], str | None]) -> Iterable[Finding]:
    """One finding over the cells of which there is something to tell, if any."""
    told = [(cell, told_of(cell)) for cell in cells]
    where = tuple(
        f"{cell_name(cell)}: {words}" if words else cell_name(cell)
        for cell, words in told
        if words is not None
    )
    return [Finding(check, where)] if where else []


def _unbalanced(cell: Cell) -> str | None:
    each = cell.messages
    outcomes = (
        each.answered + each.refused + each.reset + each.timeout + each.short + each.mismatch + each.aborted
    )
    return None if outcomes == each.sent else f"{each.sent:,} sent, {outcomes:,} outcomes"


def _ledger_difference(cell: Cell) -> str | None:
    difference = cell.ledger.difference
    if not difference:
        return None
    told = f"the server counts {abs(difference):,} {'more' if difference > 0 else 'fewer'}"
    return f"{told} ({cell.ledger.explanation})" if cell.ledger.explanation else told


def _missing_workers(cell: Cell) -> str | None:
    if cell.workers_reported >= cell.workers_expected:
        return None
    return f"{cell.workers_reported} of {cell.workers_expected} workers reported"


def _messages_failed(cell: Cell) -> str | None:
    failed = cell.messages.sent - cell.messages.answered
    return f"{failed:,} of {cell.messages.sent:,}" if failed else None


def _dropped_records(cell: Cell) -> str | None:
    dropped = cell.server.dropped_records if cell.server is not None else 0
    return f"{dropped:,} records" if dropped else None


def _repeats(cells: Sequence[Cell]) -> int:
    return len({cell.repeat for cell in cells})
