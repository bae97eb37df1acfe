"""Rules on a cell's window: whether it was long enough, and whether anything much was answered in it."""

from __future__ import annotations

from loadtest.analysis.finding import Check, Rule, Topic
from loadtest.results import Cell

TOO_SHORT = Check(
    "too-short",
    "Windows were too short: what ended in them are a lucky few, so their times are not given.",
    "Use --seconds as long as is said, or less of everything that makes a session long: --messages, --hold, "
    "--levels. With a --warmup of one session or more half of it will do.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.LITTLES_LAW),
    degrades=True,
)


def _too_short(cell: Cell) -> str | None:
    edges = cell.edges
    if edges is None or edges.needs_s is None or cell.cut_short:
        return None
    needs = f"needs {'more than ' if edges.at_least else ''}{edges.needs_s:,g} s"
    left = f"{edges.under_way:,} still under way at the end, one for {edges.longest_us / 1e6:.3g} s"
    return f"too short: {needs}, was {cell.seconds:.3g} s ({left})"


RULES = (Rule(TOO_SHORT, _too_short),)
