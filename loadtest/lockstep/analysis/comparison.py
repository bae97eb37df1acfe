"""Modes against each other, over the repeats of one run, and what the run says in the end."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from lockstep.analysis.anytime import RatioOf, ratio_of
from lockstep.analysis.check import Finding
from lockstep.analysis.checks import answers_nothing, degradations, findings, wrong_reply
from lockstep.analysis.intervals import Estimate, paired_ratio
from lockstep.analysis.limits import Limit, limits
from lockstep.analysis.metrics import METRICS, Metric
from lockstep.analysis.series import Place, Series, Settings, modes_of, whole_groups
from lockstep.runs.records import UNKNOWN_MODE, Cell, Mode, Run

THROUGHPUT = METRICS["messages_per_s"]
RESPONSE_TIMES = (METRICS["response_p50"], METRICS["response_p99"])


@dataclass(frozen=True, slots=True)
class Comparison:
    """One series over the baseline in one metric at one level, under the same load.

    classic: whether it sets a mode that serves one connection at a time against one that limits nothing.
    """

    metric: Metric
    series: Series
    baseline: Series
    level: int
    estimate: Estimate
    classic: bool = False


def compared(rate_per_s: float | None) -> tuple[Metric, ...]:
    """What is compared. Under open load throughput is what was offered, so there it is the times alone."""
    return (THROUGHPUT, *RESPONSE_TIMES) if rate_per_s is None else RESPONSE_TIMES


def foremost(rate_per_s: float | None) -> Metric:
    """What is spoken of first: throughput, or under open load the slowest messages."""
    return THROUGHPUT if rate_per_s is None else RESPONSE_TIMES[-1]


def baseline_of(
    series: Sequence[Series], modes: Mapping[str, Mode], chosen: str | None = None
) -> Series | None:
    """The one that the others are compared with: that of the mode `chosen`.

    Where none is, the first that limits nothing, else the first of all.
    """
    wanted = (each for each in series if each.mode == chosen)
    unlimited = (each for each in series if modes.get(each.mode, UNKNOWN_MODE).unlimited)
    return next(chain(wanted, unlimited, series), None)


def compare(
    cells: Sequence[Cell],
    modes: Mapping[str, Mode],
    chosen: str | None = None,
    ratio: RatioOf = paired_ratio,
) -> list[Comparison]:
    """Every other series against the baseline of its own client settings, that of the mode `chosen` if any.

    In the plan's order, levels ascending, metric by metric. ratio: how two are set against each other.
    """
    groups = whole_groups(cells, modes)
    by_settings: dict[Settings, list[Series]] = {}
    for series in dict.fromkeys(place.series for place in groups):
        by_settings.setdefault(series.settings, []).append(series)
    return [
        comparison
        for settings, alike in by_settings.items()
        for series, baseline in _pairs_of(alike, baseline_of(alike, modes, chosen))
        for level in sorted({place.level for place in groups if place.series.settings == settings})
        for metric in compared(settings.rate_per_s)
        if (comparison := _compare(groups, metric, Place(series, level), baseline, modes, ratio)) is not None
    ]


def _pairs_of(alike: Sequence[Series], baseline: Series | None) -> list[tuple[Series, Series]]:
    """(series, baseline) among series of the same settings."""
    return [(each, baseline) for each in alike if baseline is not None and each != baseline]


def _compare(
    groups: Mapping[Place, Sequence[Cell]],
    metric: Metric,
    place: Place,
    baseline: Series,
    modes: Mapping[str, Mode],
    ratio: RatioOf,
) -> Comparison | None:
    """Over the repeats in which both have the figure; None where there are none."""
    cells, bases = (
        {cell.repeat: cell for cell in groups.get(each, ())} for each in (place, Place(baseline, place.level))
    )
    both = [(cells[repeat], bases[repeat]) for repeat in sorted(cells.keys() & bases.keys())]
    if any(cell.half_failed for pair in both for cell in pair):
        return None
    figures = [
        (value, base_value)
        for cell, base in both
        if (value := metric.of(cell)) is not None and (base_value := metric.of(base)) is not None
    ]
    estimate = ratio([value for value, _ in figures], [base_value for _, base_value in figures])
    if estimate is None:
        return None
    one, other = (modes.get(each.mode, UNKNOWN_MODE) for each in (place.series, baseline))
    return Comparison(
        metric=metric,
        series=place.series,
        baseline=baseline,
        level=place.level,
        estimate=estimate,
        classic=one.one_at_a_time and other.unlimited,
    )


@dataclass(frozen=True, slots=True)
class NoAnswers:
    """A series at a level that is compared with nothing, because of so many of its repeats.

    They answered no message, or failed half of what they were sent or more, so that there is no ratio to
    give: then, and where a reply came that was wrong, failed and sent are told.
    """

    series: Series
    level: int
    silent: int
    repeats: int
    failed: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """comparisons, unanswered and limits: none where the verdict is withheld.

    withheld: the findings that make the figures unfit. silent: whether nothing at all was answered. wrong:
    what was said of the first reply then, where any came. limits: what a search found, which compares
    nothing.
    """

    comparisons: tuple[Comparison, ...]
    withheld: tuple[Finding, ...]
    unanswered: tuple[NoAnswers, ...] = ()
    silent: bool = False
    wrong: str | None = None
    limits: tuple[Limit, ...] = ()

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


def wider(run: Run, within: float) -> list[Comparison]:
    """The comparisons, of what headlines speak of, whose interval ends further from the ratio than this."""
    comparisons = compare(run.cells, modes_of(run), run.planned.baseline, ratio_of(run))
    told = [each for each in comparisons if each.metric == foremost(each.series.rate_per_s)]
    return [each for each in told if not each.estimate.within(within)]


def judge(run: Run) -> Verdict:
    """The run's verdict; a degraded run gets none."""
    withheld = tuple(degradations(findings(run)))
    if withheld:
        return Verdict((), withheld)
    if run.planned.search is not None:
        return Verdict((), (), limits=tuple(limits(run)))
    modes, silent = modes_of(run), answers_nothing(run)
    return Verdict(
        comparisons=tuple(compare(run.cells, modes, run.planned.baseline, ratio_of(run))),
        withheld=(),
        unanswered=tuple(_no_answers(run.cells, modes)),
        silent=silent,
        wrong=wrong_reply(run.cells) if silent else None,
    )


def _greatest(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Those among which the headline is chosen: of one metric, under the greatest load."""
    closed = [each for each in comparisons if each.metric == THROUGHPUT]
    slowest = RESPONSE_TIMES[-1]
    candidates = closed or [each for each in comparisons if each.metric == slowest]
    load = max(((each.series.rate_per_s or 0.0, each.level) for each in candidates), default=None)
    return [each for each in candidates if (each.series.rate_per_s or 0.0, each.level) == load]


def _effect_size(comparison: Comparison) -> tuple[bool, bool, float]:
    estimate = comparison.estimate
    return estimate.differs and not estimate.vague, estimate.differs, abs(math.log(estimate.ratio))


def _no_answers(cells: Sequence[Cell], modes: Collection[str]) -> list[NoAnswers]:
    return [
        _no_answers_at(place, group)
        for place, group in whole_groups(cells, modes).items()
        if not all(map(_counts, group))
    ]


def _no_answers_at(place: Place, group: Sequence[Cell]) -> NoAnswers:
    left = [cell for cell in group if not _counts(cell)]
    answered = any(cell.messages_per_s for cell in left) or wrong_reply(left) is not None
    return NoAnswers(
        series=place.series,
        level=place.level,
        silent=len(left),
        repeats=len(group),
        failed=sum(cell.messages.failed for cell in left) if answered else 0,
        sent=sum(cell.messages.sent for cell in left) if answered else 0,
    )


def _counts(cell: Cell) -> bool:
    """Whether its throughput says something of the server: it has one, and most messages were answered.

    Where nothing was asked, that there is none says nothing.
    """
    return cell.only_steps or (bool(cell.messages_per_s) and not cell.half_failed)
