"""How figures, loads and lists are written: the same on the page, in a terminal and in Markdown.

A figure has three digits and a unit, and a dash where it was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from lockstep.analysis.blast import Radius
from lockstep.analysis.intervals import CONFIDENCE
from lockstep.analysis.metrics import Unit
from lockstep.analysis.numbers import ABSENT, duration, figures
from lockstep.stages import Stages

if TYPE_CHECKING:
    from lockstep.analysis.aggregate import Aggregate
    from lockstep.analysis.comparison import Comparison
    from lockstep.analysis.series import Series
    from lockstep.runs.records import Run


CI = f"{CONFIDENCE:.0%} CI"


class Placed(Protocol):
    """What was measured of a series at a level."""

    @property
    def series(self) -> Series:
        """Of whom."""

    @property
    def level(self) -> int:
        """Under how much load."""


def rate(value_per_s: float | None) -> str:
    """A number per second, without its unit."""
    return ABSENT if value_per_s is None else figures(value_per_s)


def in_unit(unit: Unit, value: float) -> str:
    """A metric's figure in the unit that suits it."""
    match unit:
        case Unit.US:
            return duration(value)
        case Unit.SHARE:
            return percent(value)
        case Unit.PER_S:
            return f"{figures(value)}/s"
        case Unit.COUNT:
            return f"{value:,.0f}"


def whole(count: int | None) -> str:
    """A count, thousands grouped."""
    return ABSENT if count is None else f"{count:,}"


def counted(count: int, noun: str) -> str:
    """`1 connection`, `32 connections`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def difference(computed: float, counted: float) -> str:
    """How far the first lies from the second, as a signed percentage of it: +1.2%, -0.3%."""
    if counted == 0:
        return ABSENT
    percent = round(100 * (computed - counted) / counted, 1)
    return f"{percent:+.1f}%" if percent else "0.0%"


def share(part: float, total: float) -> str:
    """A percentage without decimals; never 0 % or 100 % where it is not exactly so."""
    percent = 100 * part / total
    if 0 < percent < 1:
        return "under 1%"
    if 99 < percent < 100:
        return "over 99%"
    return f"{percent:.0f}%"


def percent(part: float) -> str:
    """Two significant figures, however small: 98%, 1.2%, 0.0031%; from 100% on whole numbers."""
    if part == 0 or part >= 0.995:
        return f"{part:.0%}"
    decimals = max(1 - math.floor(math.log10(100 * part)), 0)
    return f"{100 * part:.{decimals}f}%"


def plain(value: float | None) -> str:
    """Four significant figures without grouping, as a spreadsheet takes them; empty where there is none."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def mean_count(number: float) -> str:
    """A mean number of connections: one decimal below ten (1.0), whole from there on (30)."""
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.1f}"


def load_words(level: int, rate_per_s: float | None, stages: str = "") -> str:
    """The load: `32 connections`, or under open load `357 arrivals per second (64 users)`.

    stages: how it changes, if it does: `up to 100 connections (ramp 0-100, hold 100)`.
    """
    levels = Stages.parse(stages).levels if stages else ""
    if rate_per_s is None:
        return f"up to {counted(level, 'connection')} ({levels})" if levels else counted(level, "connection")
    rate, users = f"{figures(rate_per_s)} arrivals per second", counted(level, "user")
    return f"{rate} on average ({levels}; {users})" if levels else f"{rate} ({users})"


def under(each: Aggregate) -> str:
    """`At 32 connections`, or under open load `At 357 arrivals per second (64 users)`."""
    return f"At {load(each)}"


def load(each: Placed) -> str:
    """The same as the title of a block: `32 connections`."""
    return load_words(each.level, each.series.rate_per_s, each.series.settings.stages)


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


def contrasting(aggregates: Sequence[Aggregate]) -> list[Aggregate]:
    """Whom titles speak of under the greatest load: the two that contrast, or the only one.

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


def senders_words(aggregates: Sequence[Aggregate]) -> str | None:
    """How much of its time whoever only sends is held up; None where nobody only sends, or nothing is known.

    `At 4 connections, sending takes 98% of the senders' time with free`
    """
    pairs = [
        (named(each), percent(part)) for each in contrasting(aggregates) if (part := each.sending) is not None
    ]
    if not pairs:
        return None
    return f"{under_greatest(aggregates)}, sending takes {contrasted(pairs, of=' of the senders’ time')}"


def under_greatest(aggregates: Sequence[Aggregate]) -> str:
    """The greatest load, as `under` says it."""
    top = greatest_load(aggregates)
    return under(top[0]) if top else "Over all"


def group_equal(pairs: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Names of which the same word is true, in order of appearance: equals are never told as a contrast."""
    names: dict[str, list[str]] = {}
    for name, word in pairs:
        names.setdefault(word, []).append(name)
    return [(group, word) for word, group in names.items()]


def join_words(names: Sequence[str]) -> str:
    """`free`, `free and lock`, `free, lock and ticket`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def contrasted(pairs: Sequence[tuple[str, str]], of: str = "") -> str:
    """(series, words) as `12 ms with free, 362 ms with lock`; what is equal is said once.

    of: what the words are of, said after the first of them.
    """
    parts: list[str] = []
    for series, words in group_equal(pairs):
        parts.append(f"{words}{'' if parts else of} with {join_words(series)}")
    return ", ".join(parts)


def series_noun(run: Run) -> str:
    """What stands in the place of modes in this run."""
    return "target" if run.targets else "mode"


# Up to such a loss nobody is said to be hurt.
UNHURT = 0.9
NAMES = {
    "idle": "idle connection",
    "half-open": "half-open connection",
    "slow-writer": "slow writer",
    "slow-reader": "slow reader",
    "reset": "resetting client",
}


def company_words(radius: Radius) -> str:
    """`1 slow reader`, `1,000 idle connections`."""
    return counted(radius.company.users, NAMES[radius.company.kind])


def blast_sentence(found: Sequence[Radius]) -> str:
    """The worst that is shown to happen, and who comes through the same best."""
    hurt = [radius for radius in found if radius.kept < UNHURT]
    shown = [radius for radius in hurt if not radius.unclear]
    if not shown:
        return _unhurt(found, hurt)
    worst = min(shown, key=_kept)
    alike = (each for each in found if where(each) == where(worst))
    best = max(alike, key=_kept)
    others = "" if best is worst else f", {best.place.series} {kept_words(best)}"
    left = f"{kept_words(worst)} of its throughput" if worst.kept else "nothing"
    return f"{_leaving(worst)} {left}{others}"


def _unhurt(found: Sequence[Radius], hurt: Sequence[Radius]) -> str:
    """hurt: those of them that seem to lose something, which is not shown."""
    worst = min(found, key=_kept)
    if hurt:
        return (
            f"Whoever is beside them, no loss of throughput is shown: {_leaving(worst)} {kept_words(worst)}"
        )
    several = len({each.place.series for each in found}) > 1
    who = "every mode" if several else str(worst.place.series)
    least = "all" if worst.kept >= 1 else f"at least {percent(worst.kept)}"
    return f"Whoever is beside them, {who} keeps {least} of its throughput"


def _leaving(radius: Radius) -> str:
    """`1 slow reader beside 8 users leaves lock`."""
    leaves = "leaves" if radius.company.users == 1 else "leave"
    return f"{where(radius)} {leaves} {radius.place.series}"


def kept_words(radius: Radius) -> str:
    """`12%`; `143%, not significant` where the interval holds all."""
    return percent(radius.kept) + (", not significant" if radius.unclear else "")


def _kept(radius: Radius) -> float:
    return radius.kept


def where(radius: Radius) -> str:
    """`1 slow reader beside 8 users`."""
    return f"{company_words(radius)} beside {counted(radius.place.level, 'user')}"
