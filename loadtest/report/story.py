"""What the data says, in sentences: headline and titles of the charts. Medians, and no claim beyond them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loadtest.analysis.aggregate import Aggregate, Spread
from loadtest.report.numbers import counted, duration, figures, share, times

# Within this factor of each other, two medians are called about the same.
ABOUT_THE_SAME = 1.1


def greatest_level(aggregates: Sequence[Aggregate]) -> list[Aggregate]:
    """The aggregates at the greatest level that was measured; empty where none was."""
    measured = [each for each in aggregates if each.messages_per_s is not None]
    level = max((each.level for each in measured), default=None)
    return [each for each in measured if each.level == level]


def contrast(candidates: Sequence[Aggregate]) -> tuple[Aggregate, Aggregate] | None:
    """The two series to set against each other, (reference, other): `free` and `lock` where they are.

    Elsewhere the fastest and the slowest; None where there are not two.
    """
    if len(candidates) < 2:
        return None
    by_mode = {each.mode: each for each in reversed(candidates)}
    by_speed = sorted(candidates, key=_throughput)
    reference = by_mode.get("free", by_speed[-1])
    others = [each for each in by_speed if each is not reference]
    return reference, by_mode["lock"] if by_mode.get("lock") in others else others[0]


def headline(aggregates: Sequence[Aggregate]) -> str:
    """The one sentence to remember."""
    top = greatest_level(aggregates)
    if not top:
        return "No cell was measured to its end."
    if all(each.rate_per_s is not None for each in top):
        return _open_headline(top)
    where = f"At {counted(top[0].level, 'connection')}"
    pair = contrast(top)
    if pair is None:
        return f"{where} {_alone(top[0])}."
    return f"{where} {_compared(*pair)} ({_medians(pair)})."


def handoff_sentence(aggregates: Sequence[Aggregate]) -> str | None:
    """What it takes each mode to hand a permit on, under the greatest load under which anybody waited.

    None where no hand-off was measured.
    """
    measured = {
        each.mode: each.handoff_mean_us.median
        for each in sorted(aggregates, key=lambda each: (each.level, each.rate_per_s or 0))
        if each.handoff_mean_us is not None
    }
    order = [mode for mode in dict.fromkeys(each.mode for each in aggregates) if mode in measured]
    if not order:
        return None
    return (
        "Handing over takes " + ", ".join(f"{duration(measured[mode])} with {mode}" for mode in order) + "."
    )


def throughput_title(aggregates: Sequence[Aggregate]) -> str:
    """How throughput follows the level."""
    pair = contrast(greatest_level(aggregates))
    series = pair or tuple(greatest_level(aggregates)[:1])
    if not series:
        return "Throughput"
    grown = [(each.series, _growth(aggregates, each)) for each in series]
    said = [f"{times(growth)} with {name}" for name, growth in grown if growth is not None]
    levels = sorted({each.level for each in aggregates})
    if not said:
        return f"Throughput at {counted(levels[-1], 'connection')}"
    verb = "grows" if all(growth is None or growth >= 1 for _, growth in grown) else "becomes"
    return f"From {levels[0]} to {counted(levels[-1], 'connection')} throughput {verb} " + ", ".join(said)


def response_title(aggregates: Sequence[Aggregate]) -> str:
    """What a message takes. By p99: where connections wait to be admitted, only their first message does."""
    return _time_title(aggregates, "99% of messages are answered within", lambda each: each.response_p99_us)


def connect_title(aggregates: Sequence[Aggregate]) -> str:
    """What a connect takes."""
    return _time_title(aggregates, "half of all connects are done within", lambda each: each.connect_p50_us)


def first_reply_title(aggregates: Sequence[Aggregate]) -> str:
    """What a connection waits until it is first answered."""
    return _time_title(
        aggregates, "half of all first replies come within", lambda each: each.first_reply_p50_us
    )


def time_spent_title(aggregates: Sequence[Aggregate]) -> str:
    """How much of a message's time is waiting for admission."""
    shares = [(each.series, words) for each in _told(aggregates) if (words := _waiting(each)) is not None]
    if not shares:
        return "Where a message's time went"
    (first, least), *rest = shares
    said = f"{_at_level(aggregates)} waiting for admission takes {least} of a message's time with {first}"
    return said + "".join(f", {words} with {series}" for series, words in rest)


def _waiting(each: Aggregate) -> str | None:
    """Wait as a share of network, wait and service; None where it is not known."""
    parts = (each.network_mean_us, each.wait_mean_us, each.service_mean_us)
    total = sum(part.median for part in parts if part is not None)
    return share(each.wait_mean_us.median, total) if each.wait_mean_us is not None and total > 0 else None


def in_service_title(aggregates: Sequence[Aggregate]) -> str:
    """How many were served at once, by the server's own count."""
    parts = [
        f"{each.max_in_service} with {each.series}"
        for each in _told(aggregates)
        if each.max_in_service is not None
    ]
    return f"{_at_level(aggregates)} the most in service at once is " + ", ".join(parts)


def timeline_title(aggregates: Sequence[Aggregate], peaks: dict[str, int], level: int) -> str:
    """The overlap that the timeline shows. peaks: series -> greatest number in service among the recorded."""
    counted_by_server = {
        each.series: each.max_in_service
        for each in aggregates
        if each.level == level and each.max_in_service is not None
    }
    in_service = {series: counted_by_server.get(series, peak) for series, peak in peaks.items()}
    told = [each.series for each in _told(aggregates) if each.series in in_service] or list(in_service)
    first, *rest = told
    said = f"{first} keeps {counted(in_service[first], 'connection')} in service at once"
    return said + "".join(f", {series} {in_service[series]}" for series in rest)


def _told(aggregates: Sequence[Aggregate]) -> Sequence[Aggregate]:
    """The series that titles speak of: the pair that contrasts, or the only one."""
    top = greatest_level(aggregates)
    return contrast(top) or top[:1]


def _at_level(aggregates: Sequence[Aggregate]) -> str:
    top = greatest_level(aggregates)
    return f"At {counted(top[0].level, 'connection')}" if top else "Over all"


def _time_title(
    aggregates: Sequence[Aggregate], lead: str, spread_of: Callable[[Aggregate], Spread | None]
) -> str:
    found = [(each.series, spread_of(each)) for each in _told(aggregates)]
    parts = [f"{duration(spread.median)} with {series}" for series, spread in found if spread is not None]
    if not parts:
        return "No message was answered"
    return f"{_at_level(aggregates)} {lead} " + ", ".join(parts)


def _open_headline(top: Sequence[Aggregate]) -> str:
    """Under open load throughput is what was offered, so the answer is in the response times.

    At the greatest rate that several modes met; slowest mode first.
    """
    met: dict[float, list[Aggregate]] = {}
    for each in top:
        met.setdefault(each.rate_per_s or 0.0, []).append(each)
    rate, together = max(met.items(), key=lambda item: (len(item[1]) > 1, item[0]))
    found = [
        (each.response_p99_us.median, each.mode) for each in together if each.response_p99_us is not None
    ]
    where = f"At {figures(rate)} arrivals per second"
    if not found:
        return f"{where} no message was answered."
    parts = ", ".join(f"{duration(p99_us)} with {mode}" for p99_us, mode in sorted(found, reverse=True))
    return f"{where} 99% of messages are answered within {parts} ({_medians(together)})."


def _alone(each: Aggregate) -> str:
    if not _throughput(each):
        return f"{each.series} answered no message"
    return f"{each.series} served {figures(_throughput(each))} messages per second ({_medians([each])})"


def _compared(reference: Aggregate, other: Aggregate) -> str:
    reference_rate, other_rate = _throughput(reference), _throughput(other)
    if not reference_rate or not other_rate:
        silent = [each.series for each in (reference, other) if not _throughput(each)]
        return f"{' and '.join(silent)} answered no message"
    ratio = reference_rate / other_rate
    if 1 / ABOUT_THE_SAME < ratio < ABOUT_THE_SAME:
        return f"{other.series} served about as many messages per second as {reference.series}"
    many = f"{times(ratio)} fewer" if ratio > 1 else f"{times(1 / ratio)} as many"
    return (
        f"{other.series} served {many} messages per second {'than' if ratio > 1 else 'as'} {reference.series}"
    )


def _medians(each: Sequence[Aggregate]) -> str:
    repeats = min(aggregate.repeats for aggregate in each)
    return "one repeat" if repeats == 1 else f"medians of {repeats} repeats"


def _growth(aggregates: Sequence[Aggregate], top: Aggregate) -> float | None:
    """Throughput at this level over that at the series' least level; None where there is no other."""
    levels = [each for each in aggregates if each.series == top.series and _throughput(each)]
    least = min(levels, key=lambda each: each.level, default=None)
    if least is None or least.level == top.level:
        return None
    return _throughput(top) / _throughput(least)


def _throughput(each: Aggregate) -> float:
    return each.messages_per_s.median if each.messages_per_s is not None else 0.0
