"""Under which load a figure was measured, in words, and which series are told of under the greatest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.comparison import Comparison
from lockstep.report.verdict_words import load_words


def under(each: Aggregate) -> str:
    """`At 32 connections`, or under open load `At 357 arrivals per second (64 users)`."""
    return f"At {load(each)}"


def load(each: Aggregate) -> str:
    """The same as the title of a block: `32 connections`."""
    return load_words(each.level, each.series.rate_per_s)


def named(each: Aggregate | Comparison) -> str:
    """The series where its load is told beside it."""
    return each.series.name_beside_load


def by_load(aggregates: Sequence[Aggregate]) -> Iterable[tuple[str, list[Aggregate]]]:
    """(the load in words, its aggregates), levels ascending, then rates."""
    ordered = sorted(aggregates, key=lambda each: (each.level, each.series.rate_per_s or 0.0))
    return ((where, list(group)) for where, group in groupby(ordered, key=load))


def greatest_load(aggregates: Sequence[Aggregate]) -> list[Aggregate]:
    """The aggregates at the greatest level that was measured; empty where none was.

    Where all load there is open, those at the greatest rate that several series met, else at the greatest.
    """
    measured = [each for each in aggregates if each.messages_per_s is not None]
    level = max((each.level for each in measured), default=None)
    top = [each for each in measured if each.level == level]
    if not top or any(each.series.rate_per_s is None for each in top):
        return top
    met: dict[float, list[Aggregate]] = {}
    for each in top:
        met.setdefault(each.series.rate_per_s or 0.0, []).append(each)
    return max(met.items(), key=lambda item: (len(item[1]) > 1, item[0]))[1]


def told(aggregates: Sequence[Aggregate]) -> list[Aggregate]:
    """The series that titles speak of under the greatest load: the two that contrast, or the only one.

    The first that limits nothing and the first that serves one connection at a time, where they are;
    elsewhere the one that serves best (under open load: whose slowest messages are fastest), and the worst.
    """
    top = greatest_load(aggregates)
    if len(top) < 2:
        return top
    by_merit = sorted(top, key=_merit)
    reference = next((each for each in top if each.kind.unlimited), by_merit[-1])
    others = [each for each in by_merit if each is not reference]
    one_at_a_time = (each for each in top if each.kind.one_at_a_time and each is not reference)
    return [reference, next(one_at_a_time, others[0])]


def _merit(each: Aggregate) -> float:
    if each.series.rate_per_s is not None:
        slowest = each.time("response", "p99")
        return float("-inf") if slowest is None else -slowest.median
    return each.messages_per_s.median if each.messages_per_s is not None else 0.0
