"""The scalability law: its parameters for each mode, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockstep.analysis.check import Topic
from lockstep.analysis.scalability import MIN_LEVELS, Parameter, Scaling, Unfit, UslFit
from lockstep.report.material import Material
from lockstep.report.numbers import ABSENT, figures, percent
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import SERIES
from lockstep.report.why_words import scalability_sentence


def scalability_section(material: Material) -> Section | None:
    """The law of each mode."""
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
        scalability_table(material.scalings),
    )


def _law_columns(
    name: str, head: str, of: Callable[[UslFit], Parameter | None], words: Callable[[float], str]
) -> tuple[Column[Scaling], Column[Scaling]]:
    """A parameter and its interval; a law without it has none."""

    def value(each: Scaling) -> str:
        if each.law is None:
            return ABSENT
        parameter = of(each.law)
        return "none" if parameter is None else words(parameter.value)

    def interval(each: Scaling) -> str:
        parameter = None if each.law is None else of(each.law)
        if parameter is None or parameter.low is None:
            return ABSENT
        if parameter.high is None:
            return f"from {words(parameter.low)}"
        return f"{words(parameter.low)} to {words(parameter.high)}"

    return Column(name, head, value), Column(f"{name}_ci", "95% CI", interval)


SCALINGS: tuple[Column[Scaling], ...] = (
    SERIES.over(lambda each: each.series.name),
    *_law_columns("alone", "alone, messages/s", lambda law: law.alone_per_s, figures),
    *_law_columns("contention", "contention", lambda law: law.contention, percent),
    *_law_columns("coherency", "coherency", lambda law: law.coherency, percent),
    *_law_columns("peak", "peak at", lambda law: law.peak, lambda level: f"{level:,.0f}"),
    Column("fit", "fits the medians", lambda each: fit_words(each)),
)


def scalability_table(scalings: Sequence[Scaling]) -> Table:
    """A row for each series under closed load; none where no series has levels enough for a law."""
    tried = any(each.unfit is not Unfit.FEW_LEVELS for each in scalings)
    return Table.of(SCALINGS, scalings if tried else ())


def fit_words(scaling: Scaling) -> str:
    """`within 3%`, `not enough levels (3 of 5)` or `does not fit (misses by 41%)`."""
    if scaling.law is not None:
        return f"within {max(scaling.law.deviation, 0.01):.0%}"
    if scaling.unfit is Unfit.FEW_LEVELS:
        return f"{Unfit.FEW_LEVELS.value} ({len(scaling.levels)} of {MIN_LEVELS})"
    if scaling.deviation is None:
        return Unfit.NO_FIT.value
    return f"{Unfit.NO_FIT.value} (misses by {scaling.deviation:.0%})"
