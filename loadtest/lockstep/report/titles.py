"""Titles of charts: what is seen under the greatest load. Medians, and no claim beyond them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.report.loads import contrasting, greatest_load, named, under
from lockstep.report.numbers import counted, duration, figures, share
from lockstep.report.why_words import group_equal, join_words


def response_title(aggregates: Sequence[Aggregate]) -> str:
    """What a message takes. By p99: where connections wait to be admitted, only their first message does."""
    return _time_title(aggregates, "p99 response time is", lambda each: each.time("response", "p99"))


def connect_title(aggregates: Sequence[Aggregate]) -> str:
    """What a connect takes."""
    return _time_title(aggregates, "median connect time is", lambda each: each.time("connect", "p50"))


def first_reply_title(aggregates: Sequence[Aggregate]) -> str:
    """What a connection waits until it is first answered."""
    return _time_title(
        aggregates, "median time to first reply is", lambda each: each.time("first_reply", "p50")
    )


def throughput_title(aggregates: Sequence[Aggregate]) -> str:
    """How throughput follows the level."""
    levels = sorted({each.level for each in aggregates})
    grown = [(named(each), _growth(aggregates, each, levels[0])) for each in contrasting(aggregates)]
    found = [(series, growth) for series, growth in grown if growth is not None]
    if not found:
        return f"Throughput at {counted(levels[-1], 'connection')}" if levels else "Throughput"
    verb = "grows" if all(growth >= 1 for _, growth in found) else "changes"
    said = contrasted([(series, figures(growth)) for series, growth in found])
    return f"From {levels[0]} to {counted(levels[-1], 'connection')}, throughput {verb} by a factor of {said}"


def time_spent_title(aggregates: Sequence[Aggregate]) -> str:
    """How much of a message's time is waiting for admission."""
    shares = [
        (named(each), words) for each in contrasting(aggregates) if (words := _waiting(each)) is not None
    ]
    if not shares:
        return "Where a message's time went"
    said = contrasted(shares, of=" of a message's time")
    return f"{_where(aggregates)}, waiting for admission takes {said}"


def in_service_title(aggregates: Sequence[Aggregate]) -> str:
    """How many were served at once, by the server's own count."""
    peaks = [
        (named(each), f"{each.max_in_service}")
        for each in contrasting(aggregates)
        if each.max_in_service is not None
    ]
    if not peaks:
        return "Peak in service"
    return f"{_where(aggregates)}, peak in service is {contrasted(peaks)}"


def contrasted(pairs: Sequence[tuple[str, str]], of: str = "") -> str:
    """(series, words) as `12 ms with free, 362 ms with lock`; what is equal is said once.

    of: what the words are of, said after the first of them.
    """
    said: list[str] = []
    for series, words in group_equal(pairs):
        said.append(f"{words}{'' if said else of} with {join_words(series)}")
    return ", ".join(said)


def _where(aggregates: Sequence[Aggregate]) -> str:
    top = greatest_load(aggregates)
    return under(top[0]) if top else "Over all"


def _time_title(
    aggregates: Sequence[Aggregate], lead: str, spread_of: Callable[[Aggregate], Spread | None]
) -> str:
    found = [(named(each), spread_of(each)) for each in contrasting(aggregates)]
    parts = [(series, duration(spread.median)) for series, spread in found if spread is not None]
    if not found:
        return "Nothing was timed"
    if not parts:
        return f"{_where(aggregates)}, nothing was timed with {join_words([series for series, _ in found])}"
    unmeasured = [series for series, spread in found if spread is None]
    rest = f"; not measured with {join_words(unmeasured)}" if unmeasured else ""
    return f"{_where(aggregates)}, {lead} {contrasted(parts)}{rest}"


def _waiting(each: Aggregate) -> str | None:
    """Wait as a share of network, wait and service; None where it is not known."""
    wait = each.time("wait", "mean")
    parts = (each.time("network", "mean"), wait, each.time("service", "mean"))
    total = sum(part.median for part in parts if part is not None)
    return share(wait.median, total) if wait is not None and total > 0 else None


def _growth(aggregates: Sequence[Aggregate], top: Aggregate, least_level: int) -> float | None:
    """Throughput at this level over that at the least; None where either is none, or they are one."""
    at_least = (each for each in aggregates if (each.series, each.level) == (top.series, least_level))
    least = sum(map(_throughput, at_least))
    return _throughput(top) / least if least and _throughput(top) and top.level != least_level else None


def _throughput(each: Aggregate) -> float:
    return each.messages_per_s.median if each.messages_per_s is not None else 0.0
