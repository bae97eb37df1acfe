"""The scalability law: its parameters for each mode, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import ABSENT, figures
from lockstep.analysis.scalability import MIN_LEVELS, Parameter, Scaling, Unfit, UslFit
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import SERIES
from lockstep.report.words import contrasted, counted, join_words, percent


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


def scalability_sentence(scalings: Sequence[Scaling]) -> str | None:
    """What part of the work is done one at a time, mode by mode; None where there was one level only."""
    most = max((len(each.levels) for each in scalings), default=1)
    if most == 1:
        return None
    if most < MIN_LEVELS:
        return f"The universal scalability law needs {MIN_LEVELS} levels; this plan has {most}."
    laws = [(each.series.name, each.law) for each in scalings if each.law is not None]
    contention = contrasted([(series, percent(law.curve.contention)) for series, law in laws])
    unfit = [each.series.name for each in scalings if each.unfit is Unfit.NO_FIT]
    sentences = [
        *([f"By the universal scalability law, contention is {contention}."] if contention else []),
        *(_peak(series, law) for series, law in laws if law.peak is not None),
        *([f"The universal scalability law does not fit {join_words(unfit)}."] if unfit else []),
    ]
    return " ".join(sentences)


def _peak(series: str, law: UslFit) -> str:
    assert law.peak is not None, "only who has a peak is asked"
    return f"Throughput with {series} peaks at about {counted(round(law.peak.value), 'connection')}."


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
    fit = scaling.fit
    if scaling.unfit is Unfit.FEW_LEVELS:
        return f"{Unfit.FEW_LEVELS.value} ({len(scaling.levels)} of {MIN_LEVELS})"
    if fit is None:
        return Unfit.NO_FIT.value
    if fit.law is None:
        return f"{Unfit.NO_FIT.value} (misses by {fit.deviation:.0%})"
    return f"within {max(fit.deviation, 0.01):.0%}"
