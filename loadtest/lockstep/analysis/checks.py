"""What a reader must know before trusting the figures: a closed list of named checks, each with advice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lockstep.analysis import generator_checks, ledger_checks, theory_checks, window_checks
from lockstep.analysis.finding import Check, Finding, Rule, Topic, cell_name
from lockstep.runs.records import Cell, Run

INTERRUPTED = Check(
    "interrupted",
    "The run was stopped before its plan was done.",
    "Compare only the modes and levels that have all their repeats, or run it again.",
    touches=(Topic.CERTAINTY,),
)
UNFINISHED = Check(
    "unfinished",
    "The run was cut off, or still goes on: these are the cells that were saved so far.",
    "Make the report again when it is over, or compare only modes and levels that have all their repeats.",
    touches=(Topic.CERTAINTY,),
)
NOTHING_MEASURED = Check(
    "nothing-measured",
    "No cell was measured to its end: there are no figures.",
    "Look at the server's and the workers' logs, and run it again.",
    touches=(Topic.THROUGHPUT, Topic.TIMES, Topic.SERVER),
)
CUT_SHORT = Check(
    "cut-short",
    "Cells were stopped before their window was over; they are left out of every median and chart.",
    "Run it again if too few repeats are left.",
    touches=(Topic.CERTAINTY,),
)
NO_SERVER_DATA = Check(
    "no-server-data",
    "The server told nothing of itself: wait, service and the number in service are missing.",
    "Name its admin port with --admin, and start it with --timing.",
    touches=(Topic.SERVER,),
)
FOREIGN_SERVER = Check(
    "no-server-data",
    "The target is not a Lockstep server: its wait, service and number in service are not known.",
    "Nothing is wrong: what only the server itself can know is left out.",
    touches=(Topic.SERVER,),
)
REPLIES_UNCHECKED = Check(
    "replies-unchecked",
    "Replies were not checked: whatever came counts as an answer, an error message too.",
    "Say what the service answers: --reply echo, or the exact text.",
    touches=(Topic.THROUGHPUT, Topic.TIMES),
)
SINGLE_REPEAT = Check(
    "single-repeat",
    "There is one repeat only: how sure is unknown.",
    "Use --repeats 3.",
    touches=(Topic.CERTAINTY,),
)

_CELL_RULES = (
    Rule(CUT_SHORT, lambda cell: "" if cell.cut_short else None),
    *ledger_checks.RULES,
    *generator_checks.RULES,
    *theory_checks.RULES,
)
ALL_CHECKS = (
    INTERRUPTED,
    UNFINISHED,
    NOTHING_MEASURED,
    *window_checks.CHECKS,
    *(rule.check for rule in _CELL_RULES),
    NO_SERVER_DATA,
    REPLIES_UNCHECKED,
    SINGLE_REPEAT,
)


def findings(run: Run) -> list[Finding]:
    """What the checks found, in the order of the list; empty when all is well."""
    cells = run.cells
    found = [
        *([Finding(INTERRUPTED, ())] if run.interrupted else []),
        *([Finding(UNFINISHED, ())] if run.finished is None else []),
        *([Finding(NOTHING_MEASURED, ())] if all(cell.cut_short for cell in cells) else []),
        *window_checks.window_findings(cells),
        *(finding for rule in _CELL_RULES for finding in rule.look(cells)),
    ]
    silent = [cell for cell in cells if cell.server is None]
    if silent:
        everywhere = len(silent) == len(cells)
        check = FOREIGN_SERVER if run.target else NO_SERVER_DATA
        found.append(Finding(check, () if everywhere else tuple(map(cell_name, silent))))
    if run.target and run.target.get("reply") is None:
        found.append(Finding(REPLIES_UNCHECKED, _unchecked(str(run.target.get("framing")))))
    if run.kind == "plan" and cells and _repeats(cells) == 1 and not run.interrupted:
        found.append(Finding(SINGLE_REPEAT, ()))
    return found


def _unchecked(framing: str) -> tuple[str, ...]:
    """Where a time ends, of a reply of which nothing is known."""
    ends = "the first bytes that came" if framing == "raw" else f"the first reply of framing {framing}"
    return (f"with framing {framing} a message's time ends with {ends}, whatever they say",)


def degradations(found: Iterable[Finding]) -> list[Finding]:
    """Those of the findings by which figures may be missing or wrong."""
    return [finding for finding in found if finding.check.degrades]


def is_degraded(run: Run) -> bool:
    """Whether nobody should quote the run's figures."""
    return bool(degradations(findings(run)))


def _repeats(cells: Sequence[Cell]) -> int:
    return len({cell.repeat for cell in cells})
