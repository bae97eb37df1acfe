"""How sure the differences are: for each metric that is compared, its ratios with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.analysis.check import Topic
from lockstep.analysis.comparison import RESPONSE_TIMES, THROUGHPUT, Comparison
from lockstep.analysis.intervals import CONFIDENCE
from lockstep.report.certainty_chart import certainty_chart
from lockstep.report.material import Material
from lockstep.report.numbers import counted, plain
from lockstep.report.section import Drawing, Section, Table
from lockstep.report.verdict_words import place

DRAWN = ((THROUGHPUT, "messages per second"), (RESPONSE_TIMES[-1], "the time for 99% of messages"))


def certainty_section(material: Material) -> Section | None:
    """The forest plots; None where nothing was compared, as in a degraded run."""
    comparisons = material.verdict.comparisons
    if not comparisons:
        return None
    metrics = [metric for metric, _ in DRAWN]
    drawings = []
    for metric, noun in DRAWN:
        alike = [each for each in comparisons if each.metric == metric]
        chart = certainty_chart(alike, material.colours)
        if chart is not None:
            label = f"Ratios of {noun} with their intervals"
            drawings.append(Drawing(chart, label, note=f"{noun[0].upper()}{noun[1:]}"))
    return Section(
        "certainty",
        certainty_title([each for each in comparisons if each.metric in metrics]),
        _note(comparisons),
        (Topic.CERTAINTY,),
        tuple(drawings),
        _numbers(comparisons),
        wide=True,
    )


def certainty_title(comparisons: Sequence[Comparison]) -> str:
    """How many of the differences are shown."""
    if comparisons and all(each.estimate.low is None for each in comparisons):
        return "One repeat only: how sure the differences are is unknown"
    shown = sum(each.estimate.differs for each in comparisons)
    left = len(comparisons) - shown
    if not shown:
        return "No difference is shown"
    if not left:
        return f"All {counted(shown, 'difference')} are shown" if shown > 1 else "The difference is shown"
    return f"{shown} of {counted(len(comparisons), 'difference')} {_is(shown)} shown, {left} {_is(left)} not"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _note(comparisons: Sequence[Comparison]) -> str:
    baselines = " and ".join(dict.fromkeys(each.baseline for each in comparisons))
    samples = sorted({each.estimate.samples for each in comparisons})
    repeats = counted(samples[0], "repeat") if len(samples) == 1 else f"{samples[0]} to {samples[-1]} repeats"
    return (
        f"Each figure over that of {baselines}, its baseline. Dot: the geometric mean of the ratios "
        f"of {repeats}; bar: its {CONFIDENCE:.0%} interval; dashed: no difference. Where the bar holds 1, no "
        "difference is shown."
    )


def _numbers(comparisons: Sequence[Comparison]) -> Table:
    rows = tuple(
        (
            each.series,
            each.baseline,
            place(each.level, each.rate_per_s).removeprefix("at "),
            each.metric.name,
            plain(each.estimate.ratio),
            plain(each.estimate.low),
            plain(each.estimate.high),
            f"{each.estimate.samples}",
            "yes" if each.estimate.differs else "no",
        )
        for each in comparisons
    )
    heads = ("mode", "baseline", "load", "figure", "ratio", "low", "high", "repeats", "difference shown")
    return Table(heads, rows, texts=4)
