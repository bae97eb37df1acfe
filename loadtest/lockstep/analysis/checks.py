"""What a reader must know before trusting the figures: a closed list of named checks, each with advice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lockstep.analysis import checks_generator, checks_ledger
from lockstep.analysis.check import Check, Finding, Rule, Topic, cell_name
from lockstep.analysis.limits import counted
from lockstep.analysis.numbers import duration, figures
from lockstep.analysis.series import SeriesIndex
from lockstep.measure import littles_law
from lockstep.runs.measures import Occupancy
from lockstep.runs.records import Cell, Messages, Run
from lockstep.scenario import answered, sends

# How far a wait may be from the one that theory predicts, as a share of it.
MAX_DIFFERENCE = 0.03

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
    "No cell was measured to its end: there are no results.",
    "Look at the server's and the workers' logs, and run it again.",
    touches=(Topic.THROUGHPUT, Topic.TIMES, Topic.SERVER),
)
NO_ANSWERS = Check(
    "no-answers",
    "Not one message was answered.",
    "See that the target speaks this framing, and answers what is sent; if it is only slow, raise --seconds.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.LITTLES_LAW),
)
WRONG_ANSWERS = Check(
    NO_ANSWERS.name,
    "No reply was as expected.",
    "See by the first failure what the target has said, and whether that is what was expected of it.",
    touches=NO_ANSWERS.touches,
)
NO_CONNECTIONS = Check(
    NO_ANSWERS.name,
    "Not one message was answered: no connection was taken.",
    "See by the first failure why, and that the service still listens there.",
    touches=NO_ANSWERS.touches,
)
CUT_SHORT = Check(
    "cut-short",
    "Cells were stopped before their window was over; they are left out of every median and chart.",
    "Run it again if too few repeats are left.",
    touches=(Topic.CERTAINTY,),
)
NO_SERVER_DATA = Check(
    "no-server-data",
    "The server reported nothing: wait, service and the number in service are missing.",
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
    "Replies were not checked: any reply counts as an answer, error messages included.",
    "Say what is right: --reply echo or the exact text, `expect=` in a file of your own.",
    touches=(Topic.THROUGHPUT, Topic.TIMES),
)
SINGLE_REPEAT = Check(
    "single-repeat",
    "One repeat: no confidence interval.",
    "Use --repeats 3.",
    touches=(Topic.CERTAINTY,),
)
TOO_SHORT = Check(
    "too-short",
    "Measurement windows were too short for some modes: only their fastest exchanges ended in time, so these "
    "modes have no times.",
    "Raise --seconds to what is needed, or shorten sessions: fewer --messages, less --hold, lower --levels.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.LITTLES_LAW),
    degrades=True,
)
STALLED = Check(
    "unsteady",
    "In most repeats far more was in flight at one end of the window than at the other, though it was long "
    "enough: these modes have no times.",
    "Something stops the target, or the machine, for much of the window: look for it at the time it is told.",
    touches=TOO_SHORT.touches,
    degrades=True,
)
DISTURBED = Check(
    "disturbed",
    "A few exchanges met a pause at an end of these windows: means of sessions may be off by as much as is "
    "told, counts and percentiles stand.",
    "Does it come often, use an otherwise idle machine.",
    touches=(Topic.CERTAINTY, Topic.LITTLES_LAW),
)
UNSTEADY = Check(
    "unsteady",
    "In single repeats far more was in flight at one end of the window than at the other: they are left out.",
    "Something disturbed them: use longer cells, or an otherwise idle machine.",
    touches=(Topic.CERTAINTY,),
)
QUEUEING = Check(
    "queueing",
    "The wait for admission differs from the one predicted from arrivals, holds and hand-offs.",
    "Hand-offs were not steady, or time passed that no record shows: use an otherwise idle machine.",
    touches=(Topic.QUEUEING,),
)
LITTLES_LAW_CLIENT = Check(
    "littles-law-client",
    "Little's law does not hold at the clients: throughput times mean time is not the number counted.",
    "Look for failed messages and a busy generator; otherwise some of the clients' time is not measured.",
    touches=(Topic.LITTLES_LAW,),
)
LITTLES_LAW_SERVER = Check(
    "littles-law-server",
    "Little's law does not hold at the server: throughput times mean hold is not the number in service.",
    "Look for dropped records and for connections of other clients.",
    touches=(Topic.LITTLES_LAW,),
)


def _queueing(cell: Cell) -> str | None:
    wait = cell.server.wait_prediction if cell.server is not None else None
    if wait is None or cell.cut_short:
        return None
    difference = wait.predicted_us - wait.measured_us
    if abs(difference) <= MAX_DIFFERENCE * wait.measured_us:
        return None
    return f"{duration(wait.measured_us)} measured, {duration(wait.predicted_us)} predicted"


def _at_the_client(cell: Cell) -> str | None:
    law = cell.littles_law
    # How long senders are blocked is no steady state: a few wait long. A pause at an end says so itself.
    if law is None or not cell.whole or cell.disturbed or not answered(cell.scenario):
        return None
    if littles_law.agrees_at_the_client(cell, law):
        return None
    return _both(law)


def _at_the_server(cell: Cell) -> str | None:
    completed = littles_law.served(cell)
    if cell.server is None or completed is None:
        return None
    law = cell.server.littles_law
    if law is None or cell.cut_short or littles_law.agrees(law, completed):
        return None
    return _both(law)


def _unchecked(cell: Cell) -> str | None:
    """Of an older run folder it is known of the whole run only."""
    if not cell.unchecked:
        return None
    return f"{cell.unchecked:,} of {cell.messages.answered:,} replies"


def _both(law: Occupancy) -> str:
    return f"{figures(law.counted)} counted, {figures(law.computed)} computed"


_CELL_RULES = (
    Rule(CUT_SHORT, lambda cell: cell.ended_early if cell.cut_short else None),
    Rule(DISTURBED, lambda cell: _at_an_end(cell) if cell.disturbed else None),
    *checks_ledger.RULES,
    *checks_generator.RULES,
    Rule(QUEUEING, _queueing),
    Rule(LITTLES_LAW_CLIENT, _at_the_client),
    Rule(LITTLES_LAW_SERVER, _at_the_server),
)
_WINDOW_CHECKS = (TOO_SHORT, STALLED, UNSTEADY)
ALL_CHECKS = (
    INTERRUPTED,
    UNFINISHED,
    NOTHING_MEASURED,
    NO_ANSWERS,
    TOO_SHORT,
    UNSTEADY,
    *(rule.check for rule in _CELL_RULES),
    NO_SERVER_DATA,
    REPLIES_UNCHECKED,
    SINGLE_REPEAT,
)


def findings(run: Run) -> list[Finding]:
    """What the checks found, in the order of the list; empty when all is well.

    Of a search they look at the cells that count: what was wrong with the others is told beside their load.
    """
    kept = counted(run)
    # Where none counts, it is what is wrong with them that has to be told.
    run = kept if kept.cells else run
    cells = run.cells
    listed = [
        *([Finding(INTERRUPTED, ())] if run.interrupted else []),
        *([Finding(UNFINISHED, ())] if run.finished is None else []),
        *([Finding(NOTHING_MEASURED, ())] if all(cell.cut_short for cell in kept.cells) else []),
        *(_no_answers(cells) if answers_nothing(run) else _window_findings(run)),
        *(finding for rule in _CELL_RULES for finding in rule.look(cells)),
    ]
    listed += _silence_findings(run)
    listed += _unchecked_findings(run)
    planned = not run.manual and run.planned.search is None
    if planned and cells and _repeats(cells) == 1 and not run.interrupted:
        listed.append(Finding(SINGLE_REPEAT, ()))
    return listed


def _unanswered(cell: Cell) -> bool:
    """Whether something was asked, or waited for, and nothing came: there is nothing to be measured."""
    # Who is not connected to is backed off from, and perhaps not tried again within the window.
    tried = cell.backed_off > 0 or bool(cell.examples)
    pushes, told = _steps_of(cell, "receive"), _steps_of(cell, "send")
    waited = cell.messages.sent > 0 or pushes.sent > 0
    asked = waited or tried or not sends(cell.scenario)
    # Who waits for nothing has done what it does, once it has said something.
    came = cell.messages.answered + pushes.answered + (0 if waited else told.answered)
    return asked and not came


def _steps_of(cell: Cell, name: str) -> Messages:
    return cell.requests[name].messages if name in cell.requests else Messages()


def answers_nothing(run: Run) -> bool:
    """Whether no cell that ran to its end had an answer. Where one has, what others lose the verdict says."""
    whole = [cell for cell in run.cells if not cell.cut_short]
    return bool(whole) and all(map(_unanswered, whole))


def _no_answers(cells: Sequence[Cell]) -> list[Finding]:
    sent = sum(cell.messages.sent for cell in cells)
    failures = [
        f"the first failure: {words}" for cell in cells for words in checks_ledger.examples_of(cell).values()
    ]
    ways = {way for cell in cells for way, count in cell.messages.failures.items() if count}
    ways = ways or {way for cell in cells for way in cell.examples}
    check = NO_CONNECTIONS if ways == {"refused"} else NO_ANSWERS
    if (wrong := wrong_reply(cells)) is not None:
        check, failures = WRONG_ANSWERS, [f"the first failure: {wrong}"] if wrong else []
    if sent:
        return [Finding(check, ("; ".join([f"{sent:,} sent", *failures[:1]]),))]
    waits = sum(_steps_of(cell, "receive").failed for cell in cells)
    what = "none was sent" if any(sends(cell.scenario) for cell in cells) else "nothing was pushed"
    if waits:
        what = f"nothing came, waited for {waits:,} times"
    return [Finding(check, ("; ".join([what, *failures[:1]]),))]


def wrong_reply(cells: Iterable[Cell]) -> str | None:
    """What was said of the first reply that was not as expected, perhaps nothing; None where none was."""
    wrong = [cell for cell in cells if cell.messages.mismatch or cell.messages.error]
    said = (cell.examples[way] for cell in wrong for way in ("mismatch", "error") if way in cell.examples)
    return next(said, "") if wrong else None


def _silence_findings(run: Run) -> Iterable[Finding]:
    """Servers that told nothing: those that cannot, and those that should have."""
    foreign = {name for name, target in run.targets.items() if not target.server}
    silent = [cell for cell in run.cells if cell.server is None]
    unable = [cell for cell in silent if cell.mode in foreign]
    if unable:
        alone = len(unable) == len(run.cells)
        yield Finding(FOREIGN_SERVER, () if alone else tuple(sorted({cell.mode for cell in unable})))
    lost = [cell for cell in silent if cell.mode not in foreign]
    if lost:
        yield Finding(NO_SERVER_DATA, () if len(lost) == len(run.cells) else tuple(map(cell_name, lost)))


def _unchecked_findings(run: Run) -> Iterable[Finding]:
    """By cells, where they tell; all alike are one line."""
    told = Rule(REPLIES_UNCHECKED, _unchecked).look(run.cells)
    targets = run.targets.values()
    framings = {target.framing for target in targets if target.framing is not None}
    asked = len(framings) == 1 and not any(target.server or target.reply for target in targets)
    if not any(cell.messages.answered for cell in run.cells):
        return []
    if asked and all(
        cell.unchecked is None or cell.unchecked == cell.messages.answered for cell in run.cells
    ):
        (framing,) = framings
        # Where a time ends, of a reply of which nothing is known.
        ends = "first bytes that came, whatever they say" if framing == "raw" else "reply, whatever it says"
        words = f"with framing {framing} a message's time ends with the {ends}"
        return [Finding(REPLIES_UNCHECKED, (words,))]
    return told


def degradations(findings: Iterable[Finding]) -> list[Finding]:
    """Those of the findings by which figures may be missing or wrong."""
    return [finding for finding in findings if finding.check.degrades]


def is_degraded(run: Run) -> bool:
    """Whether nobody should quote the run's figures."""
    return bool(degradations(findings(run)))


def _repeats(cells: Sequence[Cell]) -> int:
    return len({cell.repeat for cell in cells})


def _window_findings(run: Run) -> list[Finding]:
    """What windows were too short. Of a search one that is tells all the same that somebody waited too long.

    Where half of the windows or more were too short it is the plan's fault, and nothing can be said.

    Where it was in less than half of them the others stand: these met a pause of the machine at an end. So
    did those that were long enough by their own exchanges: no longer ones are asked for.
    """
    if run.planned.search is not None:
        return []
    whole = [cell for cell in run.cells if not cell.cut_short]
    lines: dict[Check, list[str]] = {}
    for group in SeriesIndex(whole).groups(whole).values():
        short = [cell for cell in group if cell.too_short]
        check = UNSTEADY
        if 2 * len(short) >= len(group):
            check = STALLED if all(cell.stalled for cell in short) else TOO_SHORT
        lines.setdefault(check, []).extend(f"{cell_name(cell)}: {_needs(cell)}" for cell in short)
    return [Finding(check, tuple(lines[check])) for check in _WINDOW_CHECKS if lines.get(check)]


def _at_an_end(cell: Cell) -> str:
    """At which end of the window exchanges were held up, and what that weighs."""
    edges = cell.edges
    assert edges is not None, "only of a window with edges is it told"
    end = "before its beginning" if edges.share > 0 else "beyond its end"
    return f"{abs(edges.share):.1%} of the exchanges' time lies {end}"


def _needs(cell: Cell) -> str:
    edges = cell.edges
    assert edges is not None, "only who is too short is asked"
    left = f"{edges.under_way:,} still in flight at the end, one for {edges.longest_us / 1e6:.3g} s"
    if cell.stalled:
        if edges.share > 0:
            left = _at_an_end(cell)
        return f"{left}, though {edges.needs_s:,g} s would have been enough"
    needs = f"needs {'more than ' if edges.at_least else ''}{edges.needs_s:,g} s"
    return f"too short: {needs}, was {cell.seconds:.3g} s ({left})"
