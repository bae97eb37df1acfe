"""Modes against each other, over the repeats of one run, and what the run says in the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockstep.analysis.check import Finding
from lockstep.analysis.checks import degradations, findings
from lockstep.analysis.intervals import Estimate, paired_ratio
from lockstep.analysis.metrics import METRICS, Metric
from lockstep.analysis.series import (
    Settings,
    by_place,
    in_plan_order,
    modes_of,
    namer,
    series_names,
    settings_of,
)
from lockstep.runs.records import UNKNOWN_MODE, Cell, Mode, Run

THROUGHPUT = METRICS["messages_per_s"]
RESPONSE_TIMES = (METRICS["response_p50"], METRICS["response_p99"])

_Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One series over the baseline in one metric at one level. rate_per_s: None where the load is closed.

    classic: whether it sets a mode that serves one connection at a time against one that limits nothing.
    """

    metric: Metric
    series: str
    baseline: str
    level: int
    estimate: Estimate
    rate_per_s: float | None = None
    classic: bool = False


def compared(rate_per_s: float | None) -> tuple[Metric, ...]:
    """What is compared. Under open load throughput is what was offered, so there it is the times alone."""
    return (THROUGHPUT, *RESPONSE_TIMES) if rate_per_s is None else RESPONSE_TIMES


def baseline_of(cells: Sequence[Cell], modes: Mapping[str, Mode]) -> str | None:
    """The series that the others are compared with: the first that limits nothing, else the plan's first."""
    names = in_plan_order(cells, modes)
    unlimited = {
        name
        for cell, name in zip(cells, map(namer(cells), cells), strict=True)
        if modes.get(cell.mode, UNKNOWN_MODE).unlimited
    }
    return next((name for name in names if name in unlimited), names[0] if names else None)


def compare(cells: Sequence[Cell], modes: Mapping[str, Mode]) -> list[Comparison]:
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
        if (comparison := _compare(by_place, metric, pair, level, modes)) is not None
    ]


def _pairs_of(
    alike: Sequence[Cell], names: dict[int, str], modes: Mapping[str, Mode]
) -> list[tuple[str, str]]:
    """(series, baseline) among cells of the same settings, as the whole run calls them."""
    full = {own: names[index] for index, own in series_names(alike).items()}
    baseline = baseline_of(alike, modes)
    return [
        (full[series], full[baseline])
        for series in in_plan_order(alike, modes)
        if baseline is not None and series != baseline
    ]


def _compare(
    by_place: dict[_Place, Cell],
    metric: Metric,
    pair: tuple[str, str],
    level: int,
    modes: Mapping[str, Mode],
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
    (cell, base), *_ = both
    one, other = modes.get(cell.mode, UNKNOWN_MODE), modes.get(base.mode, UNKNOWN_MODE)
    return Comparison(
        metric=metric,
        series=series,
        baseline=baseline,
        level=level,
        estimate=estimate,
        rate_per_s=cell.rate_per_s,
        classic=one.one_at_a_time and other.unlimited,
    )


@dataclass(frozen=True, slots=True)
class NoAnswers:
    """A series at a level that is compared with nothing, because of so many of its repeats.

    They answered no message, or failed most of what they were sent, so that there is no ratio to give: then
    failed and sent are told. rate_per_s: None where the load is closed.
    """

    series: str
    level: int
    silent: int
    repeats: int
    rate_per_s: float | None = None
    failed: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """comparisons and unanswered: none where the verdict is withheld.

    withheld: the findings that make the figures unfit.
    """

    comparisons: tuple[Comparison, ...]
    withheld: tuple[Finding, ...]
    unanswered: tuple[NoAnswers, ...] = ()

    @property
    def headline(self) -> Comparison | None:
        """The one comparison to remember; None where nothing was compared.

        Throughput at the greatest level or, where all load is open, the slowest messages at the greatest
        rate; the first mode that serves one connection at a time against one that limits nothing where they
        are and it can be said, else whoever is shown to differ most from the baseline, those first of whom it
        can be said by how much.
        """
        candidates = _greatest(self.comparisons)
        classic = (
            each for each in candidates if each.classic and not (each.estimate.noisy or each.estimate.vague)
        )
        return next(classic, max(candidates, key=_effect_size, default=None))


def judge(run: Run) -> Verdict:
    """The run's verdict; a degraded run gets none."""
    withheld = tuple(degradations(findings(run)))
    if withheld:
        return Verdict((), withheld)
    return Verdict(tuple(compare(run.cells, modes_of(run))), (), tuple(_no_answers(run.cells)))


def _greatest(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Those among which the headline is chosen: of one metric, under the greatest load."""
    closed = [each for each in comparisons if each.metric == THROUGHPUT]
    slowest = RESPONSE_TIMES[-1]
    candidates = closed or [each for each in comparisons if each.metric == slowest]
    load = max(((each.rate_per_s or 0.0, each.level) for each in candidates), default=None)
    return [each for each in candidates if (each.rate_per_s or 0.0, each.level) == load]


def _effect_size(comparison: Comparison) -> tuple[bool, bool, float]:
    estimate = comparison.estimate
    return estimate.differs and not estimate.vague, estimate.differs, abs(math.log(estimate.ratio))


def _no_answers(cells: Sequence[Cell]) -> list[NoAnswers]:
    groups = by_place((cell for cell in cells if cell.whole), namer(cells))
    return [
        _no_answer_of(series, level, group)
        for (series, level), group in groups.items()
        if not all(map(_counts, group))
    ]


def _no_answer_of(series: str, level: int, group: Sequence[Cell]) -> NoAnswers:
    left = [cell for cell in group if not _counts(cell)]
    answered = any(cell.messages_per_s for cell in left)
    failed, sent = (sum(getattr(cell.messages, name) for cell in left) for name in ("failed", "sent"))
    return NoAnswers(
        series, level, len(left), len(group), group[0].rate_per_s, *((failed, sent) if answered else ())
    )


def _counts(cell: Cell) -> bool:
    """Whether its throughput says something of the server: it has one, and most messages did not fail."""
    return bool(cell.messages_per_s) and not cell.mostly_failed
