"""Why a mode serves more or less, in sentences: overlap, order and scalability."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from lockstep.analysis.scalability import MIN_LEVELS, Scaling, Unfit, UslFit
from lockstep.analysis.series import whole_groups
from lockstep.analysis.timeline import Panel, Timeline
from lockstep.report.numbers import counted, percent, share
from lockstep.runs.records import UNKNOWN_MODE, Cell, Mode

NONE, SELDOM = "none", "none in most repeats"


def overlap_title(panels: Sequence[Panel]) -> str:
    """The mean number in service over the measured window, modes that are alike told together."""
    kept = [
        (panel.series.name, at_once(mean))
        for panel in panels
        if panel.overlap is not None and (mean := panel.overlap.kept) is not None
    ]
    if not kept:
        return "Connections in service"
    said = ", ".join(f"{number} with {joined(names)}" for names, number in together(kept))
    return f"At {counted(panels[0].level, 'connection')}, mean number in service: {said}"


def timeline_title(timeline: Timeline) -> str:
    """What the timeline's strips show: of the connections that were kept, the most in service at one moment.

    A mode that admits by message shows conversations, of which any number is no finding.
    """
    peaks = [(lane.series.name, str(lane.peak)) for lane in timeline.lanes if not lane.by_message]
    if not peaks:
        return "Who overlapped whom among a cell's first connections"
    said = ", ".join(f"{number} with {joined(names)}" for names, number in together(peaks))
    return f"Peak in service among a cell's first connections: {said}"


def fairness_sentence(cells: Sequence[Cell], modes: Mapping[str, Mode]) -> str | None:
    """Whom later ones overtook at the greatest level; None where no order was recorded or nobody waits."""
    shares = [
        (place.series.name, place.level, part)
        for place, group in whole_groups(cells, modes).items()
        # Where nothing is limited nobody waits to be admitted: threads merely start in another order.
        if not modes.get(place.series.mode, UNKNOWN_MODE).unlimited
        and (part := overtaken_words(group)) is not None
    ]
    level = max((level for _, level, _ in shares), default=1)
    if level == 1:
        return None
    told = together((series, part) for series, at, part in shares if at == level)
    where = f"At {counted(level, 'connection')}"
    overtaken = [(word, joined(names)) for names, word in told if word not in (NONE, SELDOM)]
    if not overtaken:
        often = " in most repeats" if any(word == SELDOM for _, word in told) else ""
        return f"{where}, no connection was overtaken by a later one{often}."
    (most, first), *others = overtaken
    parts = [f"{most} of connections with {first}", *(f"{word} with {names}" for word, names in others)]
    parts += [f"{word} with {joined(names)}" for names, word in told if word in (NONE, SELDOM)]
    return f"{where}, later arrivals overtook {', '.join(parts)}."


def overtaken_words(cells: Sequence[Cell]) -> str | None:
    """What part of connections was overtaken, the median over these repeats; None where not recorded.

    A median of 0 is NONE only where nobody was overtaken in any repeat.
    """
    servers = [cell.server for cell in cells if cell.server is not None]
    shares = [each.fairness.overtaken_share for each in servers if each.fairness is not None]
    if not shares:
        return None
    middle = median(shares)
    if middle:
        return share(middle, 1)
    return SELDOM if any(shares) else NONE


def scalability_sentence(scalings: Sequence[Scaling]) -> str | None:
    """What part of the work is done one at a time, mode by mode; None where there was one level only."""
    most = max((len(each.levels) for each in scalings), default=1)
    if most == 1:
        return None
    if most < MIN_LEVELS:
        return f"The universal scalability law needs {MIN_LEVELS} levels; this plan has {most}."
    laws = [(each.series.name, each.law) for each in scalings if each.law is not None]
    parts = [
        f"{word} with {joined(names)}"
        for names, word in together((series, percent(law.curve.contention)) for series, law in laws)
    ]
    unfit = [each.series.name for each in scalings if each.unfit is Unfit.NO_FIT]
    sentences = [
        *([f"By the universal scalability law, contention is {', '.join(parts)}."] if parts else []),
        *(_peak(series, law) for series, law in laws if law.peak is not None),
        *([f"The universal scalability law does not fit {joined(unfit)}."] if unfit else []),
    ]
    return " ".join(sentences)


def _peak(series: str, law: UslFit) -> str:
    assert law.peak is not None, "only who has a peak is asked"
    return f"Throughput with {series} peaks at about {counted(round(law.peak.value), 'connection')}."


def at_once(number: float) -> str:
    """A mean number of connections: one decimal below ten (1.0), whole from there on (30)."""
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.1f}"


def together(told: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Names of which the same word is true, in order of appearance: equals are never told as a contrast."""
    names: dict[str, list[str]] = {}
    for name, word in told:
        names.setdefault(word, []).append(name)
    return [(group, word) for word, group in names.items()]


def joined(names: Sequence[str]) -> str:
    """`free`, `free and lock`, `free, lock and ticket`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
