"""What a search found, in plain sentences: the same on the page, in the terminal and while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.analysis.arrival_law import ArrivalLaw
from lockstep.analysis.gate_syntax import Condition
from lockstep.analysis.limits import End, Limit
from lockstep.analysis.numbers import figures
from lockstep.analysis.trials import Figure, Judgement, Trial, promise_of
from lockstep.report.words import CI, counted, in_unit, join_words
from lockstep.search import Search


def value_words(condition: Condition, value: float | None) -> str:
    """A condition's figure in the unit that suits it."""
    return "not measured" if value is None else in_unit(condition.metric.unit, value)


def load_words(search: Search, load: float) -> str:
    """`9 connections`, `148 arrivals per second`."""
    if search.by_rate:
        return f"{number_words(search, load)} arrivals per second"
    return counted(round(load), "connection")


def number_words(search: Search, load: float) -> str:
    """The load without what it is of."""
    return figures(load) if search.by_rate else f"{load:,.0f}"


def promise_words(search: Search) -> str:
    """`response_p99 < 50ms and failed <= 0`."""
    return join_words([each.text for each in promise_of(search)])


def limits_headline(found: Sequence[Limit]) -> str:
    """The answer for all series, one at least, in one sentence, each with its interval."""
    first, *others = found
    said = [f"{first.mode} {_keeps(first)} {_with_interval(first)}"]
    for each in others:
        # What the numbers in brackets are is said once.
        again = any("CI" in words for words in said)
        where = "at no load that was tried" if each.low is None and each.end is not End.NOTHING else ""
        said.append(f"{each.mode} {where or _with_interval(each, '' if again else f'{CI} ')}")
    return "; ".join(said)


def limit_sentences(found: Sequence[Limit]) -> list[str]:
    """One sentence for each series: what happens beyond its limit, and why the search ended there."""
    return [f"{limit.mode}: {sentence}" for limit in found if (sentence := _beyond(limit))]


def _keeps(limit: Limit) -> str:
    """What becomes of the promise, before it is said up to where."""
    promise = promise_words(limit.search)
    if limit.low is not None:
        return f"holds {promise}"
    return f"does not hold {promise}," if limit.end is End.NOTHING else f"was not seen to hold {promise}"


def limit_in_short(limit: Limit) -> str:
    """A limit in a few words, for lists: `lock 9`, `free 40 or more`, `ticket none`."""
    return f"{limit.mode} {answer_words(limit)}"


def answer_words(limit: Limit) -> str:
    """Up to where the promise holds, as a number: `9`, `40 or more`, `none`."""
    if limit.low is None:
        return "none"
    if limit.value is not None:
        return number_words(limit.search, limit.value)
    return f"{number_words(limit.search, limit.low)} or more"


def _up_to(limit: Limit) -> str:
    search = limit.search
    if limit.low is None:
        if limit.end is End.NOTHING:
            return f"not even at {load_words(search, search.least)}"
        return "at any load that was tried"
    if limit.value is not None:
        return f"up to {load_words(search, limit.value)}"
    return f"up to at least {load_words(search, limit.low)}"


def _with_interval(limit: Limit, lead: str = f"{CI} ") -> str:
    words = interval_words(limit)
    return f"{_up_to(limit)} ({lead}{words})" if words else _up_to(limit)


def interval_words(limit: Limit) -> str:
    """`8 to 10`, or `9` alone; "" where an end is not known. Connections: to one less than break."""
    if limit.low is None or limit.high is None:
        return ""
    search = limit.search
    last = limit.high if search.by_rate else limit.high - 1
    ends = (number_words(search, limit.low), number_words(search, last))
    return " to ".join(dict.fromkeys(ends))


def arrival_law_sentence(laws: Sequence[ArrivalLaw]) -> str:
    """What queueing theory says of an open load, and where the promise would break by it."""
    breaks = [f"{each.mode} at {figures(each.breaks_at)}/s" for each in laws if each.breaks_at is not None]
    where = f" By it the promise breaks with {join_words(breaks)}." if breaks else ""
    return (
        "Dotted: what arrivals at random take where they queue for nothing but the holds that were measured, "
        f"in cells as long as these (M/G/c, simulated: Lindley, 1952; Kiefer and Wolfowitz, 1955).{where}"
    )


def _beyond(limit: Limit) -> str:
    search, beyond = limit.search, limit.beyond
    if limit.end is End.CEILING:
        why = f", for {search.capped}" if search.capped else " (--up-to)"
        return f"no more than {load_words(search, search.up_to)} were tried{why}"
    if limit.end is End.STOPPED:
        return "it was stopped before more could be known"
    if limit.end is End.TIME:
        left = "" if limit.high is None else f", and it breaks at {load_words(search, limit.high)}"
        return f"the time was up before more could be known (--at-most){left}"
    if beyond is None:
        return f"{limit.end.value}" if limit.end is End.NOISE else ""
    where = load_words(search, beyond.load)
    if beyond.judgement is Judgement.VOID:
        return f"at {where} cells say nothing of the server ({beyond.spoiled[0]})"
    noise = f"; {End.NOISE.value}" if limit.end is End.NOISE else ""
    return f"at {where} {_broken(beyond)}{noise}"


def _broken(trial: Trial) -> str:
    """What breaks the promise under this load."""
    broken: list[Figure] = [each for each in trial.figures if each.judgement is Judgement.BREAKS]
    return join_words([_is(each) for each in broken]) if broken else "it does not hold"


def _is(figure: Figure) -> str:
    metric = figure.condition.metric
    if figure.value is None:
        return f"{metric.name} could not be measured, for next to nothing ended in time"
    where = " in the worst repeat" if metric.counted else ""
    return f"{metric.name} is {value_words(figure.condition, figure.value)}{where}"
