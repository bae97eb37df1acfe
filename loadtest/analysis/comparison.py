"""Modes against each other: each series against the baseline, at each level, over the repeats of one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadtest.analysis.intervals import Estimate, paired_ratio
from loadtest.analysis.metrics import METRICS, Metric
from loadtest.analysis.series import in_plan_order, series_names
from loadtest.results import Cell

COMPARED = tuple(METRICS[name] for name in ("messages_per_s", "response_p50", "response_p99"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One series over the baseline in one metric at one level."""

    metric: Metric
    series: str
    baseline: str
    level: int
    estimate: Estimate


def baseline_of(cells: Sequence[Cell], modes: Sequence[str] = ()) -> str | None:
    """The series that the others are held against: the first that is `free`, else the plan's first."""
    names = in_plan_order(cells, modes)
    modes_by_name = {series_names(cells)[cell.index]: cell.mode for cell in cells}
    return next((name for name in names if modes_by_name[name] == "free"), names[0] if names else None)


def compare(cells: Sequence[Cell], modes: Sequence[str] = ()) -> list[Comparison]:
    """Every other series against the baseline: in the plan's order, levels ascending, metric by metric."""
    whole = [cell for cell in cells if not cell.cut_short]
    baseline = baseline_of(whole, modes)
    if baseline is None:
        return []
    names = series_names(whole)
    by_place = {(names[cell.index], cell.level, cell.repeat): cell for cell in whole}
    levels = sorted({cell.level for cell in whole})
    return [
        Comparison(metric, series, baseline, level, estimate)
        for series in in_plan_order(whole, modes)
        if series != baseline
        for level in levels
        for metric in COMPARED
        if (estimate := _estimate(by_place, metric, (series, baseline), level)) is not None
    ]


def _estimate(
    by_place: dict[tuple[str, int, int], Cell], metric: Metric, pair: tuple[str, str], level: int
) -> Estimate | None:
    """Over the repeats in which both have the figure."""
    both = list(_pairs(by_place, metric, pair, level))
    return paired_ratio([value for value, _ in both], [base for _, base in both])


def _pairs(
    by_place: dict[tuple[str, int, int], Cell], metric: Metric, pair: tuple[str, str], level: int
) -> Iterator[tuple[float, float]]:
    series, baseline = pair
    for repeat in sorted({repeat for name, at, repeat in by_place if name == series and at == level}):
        other = by_place.get((baseline, level, repeat))
        value = metric.of(by_place[series, level, repeat])
        base = None if other is None else metric.of(other)
        if value is not None and base is not None:
            yield value, base
