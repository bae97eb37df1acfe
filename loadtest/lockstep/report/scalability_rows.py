"""The table of the scalability law: its parameters for each mode, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lockstep.analysis.scalability import MIN_LEVELS, Parameter, Scaling, Unfit
from lockstep.report.numbers import ABSENT, figures


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
    return [ScalabilityRow(each.series, _parameters(each), fit_words(each)) for each in scalings]


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


def percent(part: float) -> str:
    """Two significant figures, however small: 98%, 1.2%, 0.0031%; from 100% on whole numbers."""
    if part == 0 or part >= 0.995:
        return f"{part:.0%}"
    decimals = max(1 - math.floor(math.log10(100 * part)), 0)
    return f"{100 * part:.{decimals}f}%"


def _level(level: float) -> str:
    return f"{level:,.0f}"
