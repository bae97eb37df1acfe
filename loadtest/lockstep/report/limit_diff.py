"""Two searches against each other: in a terminal of 80 columns, and as Markdown for a comment on a change."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.analysis.limit_diff import LimitChange, LimitDiff
from lockstep.analysis.limits import Limit
from lockstep.analysis.numbers import ABSENT
from lockstep.analysis.run_diff import Change
from lockstep.report.diff import Said, withheld_headline
from lockstep.report.limit_words import answer_words, interval_words, load_words, promise_words
from lockstep.report.section import Column
from lockstep.report.sections.figures import SERIES
from lockstep.report.words import counted, join_words
from lockstep.runs.records import Run

LIMITS: tuple[Column[LimitChange], ...] = (
    SERIES.over(lambda each: each.mode),
    Column("first", "A", lambda each: answer_words(each.first)),
    Column("first_interval", "95% CI", lambda each: interval_words(each.first) or ABSENT),
    Column("second", "B", lambda each: answer_words(each.second)),
    Column("second_interval", "95% CI", lambda each: interval_words(each.second) or ABSENT),
    Column("verdict", "verdict", lambda each: each.change.value, text=True),
)


def said_of_limits(found: LimitDiff, run: Run) -> Said:
    """Of two searches: their limits. run: one of them."""
    headline, sentences = limits_headline(found), limits_sentences(found)
    return Said(headline, sentences, LIMITS, found.changes, limits_legend(found, run))


def limits_headline(found: LimitDiff) -> str:
    """The one sentence to remember."""
    if found.withheld:
        return withheld_headline(found.withheld)
    percent = f"{100 * found.tolerance:g}%"
    many = counted(len(found.changes), "limit")
    if worse := found.of(Change.WORSE):
        return f"B is worse than A: {_moved(worse, 'lower')}, beyond the tolerance of {percent}."
    if better := found.of(Change.BETTER):
        return f"B is better than A: {_moved(better, 'higher')}, and no limit is lower beyond {percent}."
    if tolerated := found.of(Change.TOLERATED):
        return f"B differs from A in {len(tolerated)} of {many}, in none significantly beyond {percent}."
    return f"No significant difference between A and B in any of {many}."


def _moved(changes: Sequence[LimitChange], how: str) -> str:
    are = "limits {} are" if len(changes) > 1 else "limit {} is"
    return f"the {are.format('of ' + join_words([each.mode for each in changes]))} {how}"


def limits_sentences(found: LimitDiff) -> list[str]:
    """What became of each limit that is another, and what one search alone has."""
    changed = [*found.of(Change.WORSE), *found.of(Change.BETTER), *found.of(Change.TOLERATED)]
    sides = (("A", found.only_first), ("B", found.only_second))
    return [
        *(
            f"{each.mode} holds it up to {_in_full(each.second)} in B, in A {_in_full(each.first)}"
            for each in changed
        ),
        *(f"only in {run}: {', '.join(modes)}" for run, modes in sides if modes),
    ]


def limits_legend(found: LimitDiff, run: Run) -> str:
    """How to read the rows."""
    search = run.planned.search
    assert search is not None, "only searches are compared so"
    what = "arrivals per second" if search.by_rate else "connections"
    return (
        f"A, B: up to how many {what} {promise_words(search)}. worse, better: the intervals do not meet, and "
        f"lie beyond {100 * found.tolerance:g}% of each other; tolerated: they do not meet; n.s.: not "
        "significant, they meet."
    )


def _in_full(limit: Limit) -> str:
    if limit.low is None:
        return "no load that was tried"
    words = interval_words(limit)
    load = load_words(limit.search, limit.low if limit.value is None else limit.value)
    return f"{load} ({words})" if words else f"{load} or more"
