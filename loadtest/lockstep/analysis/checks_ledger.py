"""Rules on a cell's books: what was sent, how it ended, and whether client and server agree."""

from __future__ import annotations

from collections.abc import Mapping

from lockstep.analysis.check import Check, Rule, Topic
from lockstep.runs.measures import Ledger
from lockstep.runs.records import STEP_ROWS, Cell, Messages
from lockstep.scenario import answered
from lockstep.tcp.samples import STOPPED

UNBALANCED = Check(
    "unbalanced",
    "Messages sent and their outcomes do not add up.",
    "Do not use these cells; please report it as a bug.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT),
    degrades=True,
)
LEDGER_DIFFERENCE = Check(
    "ledger-difference",
    "Client and server counts do not match.",
    "See in the cells what differs, and why where that is known: the counts must match exactly.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT),
    degrades=True,
)
UNREAD = Check(
    "unread",
    "When senders were stopped the system still had messages that the server had not read.",
    "Nothing is wrong: a server that keeps up, with --hold 0 say, has read all of it, and the counts match.",
    touches=(Topic.SERVER,),
)
MISSING_WORKERS = Check(
    "missing-workers",
    "Workers did not report: what they measured is missing from these cells.",
    "Look at the workers' logs, and run it again with fewer users or workers on each machine.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES),
    degrades=True,
)
MISSING_USERS = Check(
    "missing-users",
    "More or fewer users took part than the level says: a worker was lost, or users of the cell before had "
    "not left.",
    "Look at the workers' logs, and run it again.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.SERVER),
    degrades=True,
)
REFUSED_REPORTS = Check(
    "refused-reports",
    "Reports of another run were refused: another load was running.",
    "Make sure that no worker of another run is connected to this master or loads this server; run it again.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES),
    degrades=True,
)
LATE_REPORTS = Check(
    "late-reports",
    "Workers of this run stalled: reports of an earlier cell came late.",
    "Those reports are lost, and their load may have run on into these cells: make sure that workers are "
    "not paused or starved, and run it again.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES),
    degrades=True,
)
MESSAGES_FAILED = Check(
    "messages-failed",
    "Messages failed: they count in no percentile and no throughput.",
    "Look at the first failure of each kind, then at the server's log.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES),
)
LISTEN_OVERFLOW = Check(
    "listen-overflow",
    "A listen backlog overflowed where the server runs: clients that were turned away tried again a second "
    "later. The kernel counts all servers of a machine, or of a container, together.",
    "Is no other server there, raise this one's --backlog and net.core.somaxconn, or offer less load.",
    touches=(Topic.CONNECT,),
)
DROPPED_RECORDS = Check(
    "dropped-records",
    "The server kept only its newest connection records: hold, hand-off and inversions lack the rest.",
    "Raise the server's --records, or make the cells shorter.",
    touches=(Topic.SERVER, Topic.QUEUEING),
)


def _unbalanced(cell: Cell) -> str | None:
    each = cell.messages
    outcomes = each.answered + sum(each.failures.values())
    return None if outcomes == each.sent else f"{each.sent:,} sent, {outcomes:,} outcomes"


def _ledger_difference(cell: Cell) -> str | None:
    """Every line of the ledger that differs, with both numbers, and the explanation; None where none does."""
    if cell.ledger.exact or _left_unread(cell):
        return None
    lines = "; ".join(_differing_lines(cell.ledger))
    return f"{lines} ({cell.ledger.explanation})" if cell.ledger.explanation else lines


def _left_unread(cell: Cell) -> int:
    """How many messages the server had not read, where nobody answers them and it has read none too many."""
    ledger = cell.ledger
    lines = (ledger.sent, ledger.answered, ledger.bytes_sent, ledger.bytes_received)
    if answered(cell.scenario) or any((line.difference or 0) > 0 for line in lines):
        return 0
    return -(ledger.sent.difference or 0)


def _unread(cell: Cell) -> str | None:
    left = _left_unread(cell)
    return f"{left:,} of {cell.ledger.sent.client:,} messages" if left else None


def _differing_lines(ledger: Ledger) -> list[str]:
    lines = (
        (ledger.sent, "clients sent {:,} messages, the server received {:,}"),
        (ledger.answered, "clients took {:,} answers, the server gave {:,}"),
        (ledger.bytes_sent, "clients sent {:,} bytes, the server received {:,}"),
        (ledger.bytes_received, "clients received {:,} bytes, the server sent {:,}"),
    )
    return [words.format(count.client, count.server) for count, words in lines if count.difference]


def _missing_workers(cell: Cell) -> str | None:
    if cell.workers_reported >= cell.workers_expected:
        return None
    reported = f"{cell.workers_reported} of {cell.workers_expected} workers reported"
    return f"{reported}: {cell.lost}" if cell.lost else reported


def _missing_users(cell: Cell) -> str | None:
    if cell.users is None or cell.cut_short or cell.users == cell.level:
        return None
    return f"{cell.users:,} of {cell.level:,} users"


def _refused_reports(cell: Cell) -> str | None:
    return f"{cell.reports_refused:,} reports" if cell.reports_refused else None


def _late_reports(cell: Cell) -> str | None:
    return f"{cell.reports_late:,} reports of an earlier cell" if cell.reports_late else None


def _messages_failed(cell: Cell) -> str | None:
    steps = {name: cell.requests[name].messages for name in STEP_ROWS if name in cell.requests}
    parts = [(f"{name}: ", counts) for name, counts in steps.items() if counts.failed]
    if cell.messages.failed:
        parts.insert(0, ("", cell.messages))
    examples = examples_of(cell)
    return "; ".join(f"{name}{_told_failures(counts, examples)}" for name, counts in parts) or None


def examples_of(cell: Cell) -> dict[str, str]:
    """What is said of the first failure of each kind; of what the end cut off, whether any byte came."""
    came = cell.ledger.bytes_received.client or not answered(cell.scenario)
    if cell.examples.get("aborted") != STOPPED or came:
        return cell.examples
    return {**cell.examples, "aborted": "no reply came within the window"}


def _told_failures(messages: Messages, examples: Mapping[str, str]) -> str:
    each = (
        f"{count:,} {name}" + (f", the first: {examples[name]}" if name in examples else "")
        for name, count in failures_of(messages).items()
    )
    return f"{messages.failed:,} of {messages.sent:,}: {'; '.join(each)}"


def failures_of(messages: Messages) -> dict[str, int]:
    """Outcome -> how many failed so, the most frequent first; none of which there are none."""
    counts = {name: count for name, count in messages.failures.items() if count}
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _listen_overflow(cell: Cell) -> str | None:
    """What exceeds the connections that were tried here is another server's."""
    server = cell.server
    if server is None or not server.listen_overflows:
        return None
    # Besides those taken: those that were not, and the one that each user may still have been trying.
    tried = server.accepted + cell.messages.refused + cell.backed_off + cell.level
    return f"{server.listen_overflows:,} connections" if server.listen_overflows <= tried else None


def _dropped_records(cell: Cell) -> str | None:
    dropped = cell.server.dropped_records if cell.server is not None else 0
    return f"{dropped:,} records" if dropped else None


RULES = (
    Rule(UNBALANCED, _unbalanced),
    Rule(LEDGER_DIFFERENCE, _ledger_difference),
    Rule(UNREAD, _unread),
    Rule(MISSING_WORKERS, _missing_workers),
    Rule(MISSING_USERS, _missing_users),
    Rule(REFUSED_REPORTS, _refused_reports),
    Rule(LATE_REPORTS, _late_reports),
    Rule(MESSAGES_FAILED, _messages_failed),
    Rule(LISTEN_OVERFLOW, _listen_overflow),
    Rule(DROPPED_RECORDS, _dropped_records),
)
