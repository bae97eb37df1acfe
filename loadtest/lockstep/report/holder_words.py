"""What holds a server up, in words."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.holders import Held, Holder
from lockstep.analysis.series import Place
from lockstep.report.words import contrasting, counted, load_words, mean_count

# Below that many threads, on average, none waits for a core.
_NONE = 0.05


def held_sentence(holders: Sequence[Holder], aggregates: Sequence[Aggregate]) -> str | None:
    """What holds those whom titles speak of, under their load; None where nobody was watched."""
    by_place = {each.place: each for each in holders}
    named = [Place(each.series, each.level) for each in contrasting(aggregates)]
    told = [by_place[place] for place in named if place in by_place]
    if not told:
        return None
    where = told[0].place
    load = load_words(where.level, where.series.rate_per_s, where.series.settings.stages)
    return f"at {load}, {'; '.join(map(held_words, told))}"


def held_words(holder: Holder) -> str:
    """`31 of lock's 36 threads wait asleep to be admitted, and none waits for a core`."""
    watched = holder.watched
    of = f"of {holder.place.series.name_beside_load}'s {counted(round(watched.threads), 'thread')}"
    running = threads_of(watched.on_cpu)
    one = f"one {of} runs at a time, {running} on average"
    match holder.held:
        case Held.CORES:
            return f"{mean_count(watched.awaiting_core)} {of} wait for a core while {running} run"
        case Held.NOBODY:
            what = f"{running} {of} run at once"
        case Held.ADMISSION:
            what = f"{mean_count(holder.awaiting_admission or 0)} {of} wait asleep to be admitted"
        case Held.GIL:
            what = f"{one}, for the global lock lets no second one"
        case Held.ONE:
            what = one
        case Held.ASLEEP:
            what = f"{mean_count(watched.asleep)} {of} sleep"
    return f"{what}, and {_for_a_core(holder)}"


def threads_of(number: float) -> str:
    """A mean number of threads, which may be small: `0`, `0.02`, `1.4`, `36`."""
    return mean_count(number) if number >= 1 else f"{round(number, 2):g}"


def _for_a_core(holder: Holder) -> str:
    awaiting = holder.watched.awaiting_core
    if awaiting < _NONE:
        return "none waits for a core"
    return f"{threads_of(awaiting)} wait for a core"
