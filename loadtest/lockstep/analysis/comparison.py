"""Modes against each other: each series against its baseline, at each level, over the repeats of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockstep.analysis.intervals import Estimate, paired_ratio
from lockstep.analysis.metrics import METRICS, Metric
from lockstep.analysis.series import Settings, in_plan_order, series_names, settings_of
from lockstep.runs.records import Cell

THROUGHPUT = METRICS["messages_per_s"]
RESPONSE_TIMES = (METRICS["response_p50"], METRICS["response_p99"])

_Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One series over the baseline in one metric at one level. rate_per_s: None where the load is closed."""

    metric: Metric
    series: str
    baseline: str
    level: int
    estimate: Estimate
    rate_per_s: float | None = None


def compared(rate_per_s: float | None) -> tuple[Metric, ...]:
    """What is compared. Under open load throughput is what was offered, so there it is the times alone."""
    return (THROUGHPUT, *RESPONSE_TIMES) if rate_per_s is None else RESPONSE_TIMES


def baseline_of(cells: Sequence[Cell], modes: Sequence[str] = ()) -> str | None:
    """The series that the others are held against: the first that is `free`, else the plan's first."""
    names = in_plan_order(cells, modes)
    modes_by_name = {series_names(cells)[cell.index]: cell.mode for cell in cells}
    return next((name for name in names if modes_by_name[name] == "free"), names[0] if names else None)


def compare(cells: Sequence[Cell], modes: Sequence[str] = ()) -> list[Comparison]:
    """Every other series against the baseline of its own client settings.

    In the plan's order, levels ascending, metric by metric.
    """
    whole = [cell for cell in cells if cell.whole]
    names = series_names(whole)
    by_place = {(names[cell.index], cell.level, cell.repeat): cell for cell in whole}
    by_settings: dict[Settings, list[Cell]] = {}
    for cell in sorted(whole, key=lambda cell: cell.index):
        by_settings.setdefault(settings_of(cell), []).append(cell)
    return [
        comparison
        for alike in by_settings.values()
        for pair in _pairs_of(alike, names, modes)
        for level in sorted({cell.level for cell in alike})
        for metric in compared(alike[0].rate_per_s)
        if (comparison := _compare(by_place, metric, pair, level)) is not None
    ]


def _pairs_of(alike: Sequence[Cell], names: dict[int, str], modes: Sequence[str]) -> list[tuple[str, str]]:
    """(series, baseline) among cells of the same settings, as the whole run calls them."""
    full = {own: names[index] for index, own in series_names(alike).items()}
    baseline = baseline_of(alike, modes)
    return [
        (full[series], full[baseline])
        for series in in_plan_order(alike, modes)
        if baseline is not None and series != baseline
    ]


def _compare(
    by_place: dict[_Place, Cell], metric: Metric, pair: tuple[str, str], level: int
) -> Comparison | None:
    """Over the repeats in which both have the figure; None where there are none."""
    series, baseline = pair
    repeats = sorted(repeat for name, at, repeat in by_place if name == series and at == level)
    both = [
        (cell, base)
        for repeat in repeats
        if (base := by_place.get((baseline, level, repeat))) is not None
        for cell in [by_place[series, level, repeat]]
    ]
    if any(cell.mostly_failed for pair_of in both for cell in pair_of):
        return None
    figures = [
        (value, base_value)
        for cell, base in both
        if (value := metric.of(cell)) is not None and (base_value := metric.of(base)) is not None
    ]
    estimate = paired_ratio([value for value, _ in figures], [base_value for _, base_value in figures])
    if estimate is None:
        return None
    return Comparison(metric, series, baseline, level, estimate, both[0][0].rate_per_s)
