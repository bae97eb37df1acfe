"""The scalability law: its parameters for each mode, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lockstep.analysis.check import Topic
from lockstep.analysis.scalability import MIN_LEVELS, Parameter, Scaling, Unfit
from lockstep.report.material import Material
from lockstep.report.numbers import ABSENT, figures, percent
from lockstep.report.section import Section, Table, table_section
from lockstep.report.why_words import scalability_sentence


def scalability_section(material: Material) -> Section | None:
    """The law of each mode."""
    heads = (
        *("mode", "alone, messages/s", "95%", "contention", "95%", "coherency", "95%", "peak at", "95%"),
        "fits the medians",
    )
    rows = [
        (row.series, *(word for pair in row.parameters or ((ABSENT, ABSENT),) * 4 for word in pair), row.fit)
        for row in scalability_rows(material.scalings)
    ]
    return table_section(
        "scalability",
        scalability_sentence(material.scalings) or "The scalability law",
        "Gunther's universal scalability law, fitted to all repeats: throughput = alone × N / (1 + "
        "contention (N − 1) + coherency N (N − 1)). Contention is the part of the work that only one can "
        "do at a time: at 100% throughput stays what one connection gets, above it falls below. Coherency "
        "is what every pair of connections costs. Intervals hold the truth 95 times of 100, each repeat "
        "being one sample; one that begins at 0 shows no coherency, and then no peak. The law does not "
        "fit where it misses a level's median by more than 10% and by more than the repeats' own spread "
        "explains.",
        (Topic.THROUGHPUT,),
        Table(heads, tuple(rows)),
    )


@dataclass(frozen=True, slots=True)
class ScalabilityRow:
    """One series, ready to be printed.

    parameters: lambda, contention, coherency and peak, each as (value, interval); none without a law. fit:
    how closely the law meets the medians, or why there is none.
    """

    series: str
    parameters: tuple[tuple[str, str], ...]
    fit: str


def scalability_rows(scalings: Sequence[Scaling]) -> list[ScalabilityRow]:
    """A row for each series under closed load; none where no series has levels enough for a law."""
    if all(each.unfit is Unfit.FEW_LEVELS for each in scalings):
        return []
    return [ScalabilityRow(each.series.name, _parameters(each), fit_words(each)) for each in scalings]


def fit_words(scaling: Scaling) -> str:
    """`within 3%`, `not enough levels (3 of 5)` or `does not fit (misses by 41%)`."""
    if scaling.law is not None:
        return f"within {max(scaling.law.deviation, 0.01):.0%}"
    if scaling.unfit is Unfit.FEW_LEVELS:
        return f"{Unfit.FEW_LEVELS.value} ({len(scaling.levels)} of {MIN_LEVELS})"
    if scaling.deviation is None:
        return Unfit.NO_FIT.value
    return f"{Unfit.NO_FIT.value} (misses by {scaling.deviation:.0%})"


def _parameters(scaling: Scaling) -> tuple[tuple[str, str], ...]:
    law = scaling.law
    if law is None:
        return ()
    return (
        _told(law.alone_per_s, figures),
        _told(law.contention, percent),
        _told(law.coherency, percent),
        ("none", ABSENT) if law.peak is None else _told(law.peak, _level),
    )


def _told(parameter: Parameter, words: Callable[[float], str]) -> tuple[str, str]:
    """The value, and its interval where there is one; one that has no upper end is `from` its lower."""
    if parameter.low is None:
        return words(parameter.value), ABSENT
    if parameter.high is None:
        return words(parameter.value), f"from {words(parameter.low)}"
    return words(parameter.value), f"{words(parameter.low)} to {words(parameter.high)}"


def _level(level: float) -> str:
    return f"{level:,.0f}"
