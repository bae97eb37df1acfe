"""The scalability law: found where it holds, with honest intervals, and refused where it does not."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from lockstep.analysis.scalability import (
    Curve,
    Fit,
    Parameter,
    Points,
    Scaling,
    Unfit,
    UslFit,
    fit_curve,
    fit_usl,
    scalings,
)
from lockstep.runs.records import Cell
from tests.factories.open_load import simulated_open_run
from tests.factories.simulated import simulated_run

LEVELS = (1, 2, 4, 8, 16, 32)
NOISE = 0.03

FREE = Curve(400, 0, 0)
LOCK = Curve(4_000, 1, 0)
SHARED = Curve(400, 0.05, 0.001)


def exactly(curve: Curve, levels: Sequence[int] = LEVELS) -> list[tuple[int, float]]:
    return [(level, curve.at(level)) for level in levels]


def measured(curve: Curve, rng: random.Random, repeats: int = 3, noise: float = NOISE) -> list[Points]:
    """Repeats whose rates vary by so much about the curve."""
    return [
        [(level, rate * math.exp(rng.gauss(0, noise))) for level, rate in exactly(curve)]
        for _ in range(repeats)
    ]


def fitted(repeats: Sequence[Points]) -> Fit | None:
    return fit_usl([point for points in repeats for point in points], repeats)


def law_of(repeats: Sequence[Points]) -> UslFit:
    fit = fitted(repeats)
    assert fit is not None
    assert fit.law is not None
    return fit.law


def holds(parameter: Parameter | None, truth: float) -> bool:
    assert parameter is not None
    assert parameter.low is not None
    return parameter.low <= truth <= (math.inf if parameter.high is None else parameter.high)


@pytest.mark.parametrize(
    "curve",
    [
        FREE,
        LOCK,
        SHARED,
        Curve(900, 0.2, 0),
        Curve(900, 0, 0.004),
        Curve(900, 0.3, 0.02),
        Curve(4_000, 1.2, 0.001),
    ],
)
def test_a_law_is_found_in_the_points_that_it_made(curve: Curve) -> None:
    found = fit_curve(exactly(curve))
    assert found is not None
    assert found.alone_per_s == pytest.approx(curve.alone_per_s)
    assert found.contention == pytest.approx(curve.contention, abs=1e-6)
    assert found.coherency == pytest.approx(curve.coherency, abs=1e-6)


def test_the_curve_through_several_points_has_the_least_squared_relative_error() -> None:
    (points,) = measured(SHARED, random.Random(3), repeats=1, noise=0.1)
    best = fit_curve(points)
    assert best is not None

    def error(curve: Curve) -> float:
        return sum(math.log(rate / curve.at(level)) ** 2 for level, rate in points)

    for factor in (0.98, 1.02):
        assert error(best) < error(replace(best, alone_per_s=best.alone_per_s * factor))
        assert error(best) < error(replace(best, contention=best.contention * factor))
        assert error(best) < error(replace(best, coherency=best.coherency * factor))


@pytest.mark.parametrize(
    ("curve", "peak"),
    [
        (SHARED, math.sqrt(0.95 / 0.001)),
        (FREE, None),
        (LOCK, None),
        (Curve(400, 0.4, 0.7), None),  # falls from the first connection on
        (Curve(400, 1.1, 0.001), None),
    ],
)
def test_the_peak_is_where_the_curve_is_highest(curve: Curve, peak: float | None) -> None:
    assert curve.peak_level == (None if peak is None else pytest.approx(peak))
    if curve.peak_level is not None:
        assert curve.at(curve.peak_level) > max(curve.at(curve.peak_level * each) for each in (0.9, 1.1))


@pytest.mark.parametrize("curve", [SHARED, Curve(400, 0.3, 0.005), Curve(400, 0.02, 0.003)])
def test_intervals_hold_the_truth_at_least_nine_times_of_ten(curve: Curve) -> None:
    """Inside the bounds; 95 of 100 are meant, of 200 runs a few more or less are luck."""
    rng = random.Random(1)
    laws = [law_of(measured(curve, rng)) for _ in range(200)]
    assert sum(holds(law.alone_per_s, curve.alone_per_s) for law in laws) >= 180
    assert sum(holds(law.contention, curve.contention) for law in laws) >= 180
    assert sum(holds(law.coherency, curve.coherency) for law in laws) >= 180
    peaks = [law.peak for law in laws if law.peak is not None]
    assert curve.peak_level is not None
    assert sum(holds(peak, curve.peak_level) for peak in peaks) >= 0.9 * len(peaks)


@pytest.mark.parametrize("curve", [FREE, LOCK, Curve(400, 0.02, 0)])
def test_a_parameter_that_is_0_is_held_too_and_seldom_makes_a_peak(curve: Curve) -> None:
    """At the bound the least interval begins at 0: it misses only where all repeats stray upwards alike."""
    rng = random.Random(1)
    laws = [law_of(measured(curve, rng)) for _ in range(200)]
    assert sum(holds(law.coherency, 0) for law in laws) >= 180
    assert sum(holds(law.contention, curve.contention) for law in laws) >= 180
    assert sum(law.peak is None for law in laws) >= 180


def test_one_repeat_has_a_law_without_intervals() -> None:
    law = law_of([exactly(SHARED)])
    assert (law.repeats, law.contention.low, law.contention.high) == (1, None, None)
    assert law.peak is not None
    assert (law.peak.low, law.peak.high) == (None, None)


@pytest.mark.parametrize(
    "rates",
    [
        pytest.param([100, 190, 360, 100, 300, 700], id="collapses and rises again"),
        pytest.param([100, 200, 400, 790, 800, 120], id="saturates and falls off a cliff"),
        pytest.param([100, 20, 100, 20, 100, 20], id="back and forth"),
        pytest.param([100, 400, 1_600, 6_400, 25_600, 102_400], id="grows faster than its load"),
    ],
)
def test_where_the_law_does_not_fit_it_is_not_drawn(rates: list[float]) -> None:
    rng = random.Random(1)
    repeats = [
        [(level, rate * math.exp(rng.gauss(0, NOISE))) for level, rate in zip(LEVELS, rates, strict=True)]
        for _ in range(3)
    ]
    fit = fitted(repeats)
    assert fit is not None
    assert fit.law is None
    assert fit.deviation > 0.1


def test_what_the_spread_of_the_repeats_explains_is_no_lack_of_fit() -> None:
    """With rates that vary by half, medians miss the curve by more than a tenth; the law still stands."""
    rng = random.Random(1)
    fits = [fitted(measured(SHARED, rng, noise=0.4)) for _ in range(60)]
    deviations = [fit.deviation for fit in fits if fit is not None and fit.law is not None]
    assert len(deviations) >= 57
    assert max(deviations) > 0.1


def test_a_small_miss_is_no_lack_of_fit_however_exact_the_repeats() -> None:
    bent = [(level, rate * (1.05 if level == 8 else 1)) for level, rate in exactly(SHARED)]
    assert law_of([bent, bent, bent])


def test_a_level_that_all_but_stood_still_lets_nothing_be_fitted() -> None:
    stalled = [(1, 0.1), (2, 0.2), (64, 6400.0), (1000, 100.0), (10_000, 1000.0)]
    assert fit_curve(stalled) is None
    assert fit_usl(stalled, [stalled]) is None


def test_a_level_at_which_nothing_was_answered_lets_nothing_be_fitted() -> None:
    assert fitted([[*exactly(FREE), (64, 0.0)]]) is None


def scaled(cells: Sequence[Cell], curve: Curve) -> list[Cell]:
    return [replace(cell, messages_per_s=curve.at(cell.level)) for cell in cells]


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return simulated_run(modes=("lock",), levels=LEVELS, repeats=2)[0].cells


def test_a_series_has_its_law_or_the_reason_why_not(cells: list[Cell]) -> None:
    (law,) = scalings(scaled(cells, SHARED), ("lock",))
    assert law.law is not None
    assert (law.series.name, law.levels, law.law.repeats, law.unfit) == ("lock", LEVELS, 2, None)
    few = [cell for cell in cells if cell.level <= 8]
    assert scalings(few) == [Scaling(law.series, (1, 2, 4, 8), None)]
    assert scalings(few)[0].unfit is Unfit.FEW_LEVELS
    silent = [replace(cell, messages_per_s=0.0) for cell in cells]
    assert scalings(silent) == [Scaling(law.series, LEVELS, None)]
    assert scalings(silent)[0].unfit is Unfit.NO_FIT


def test_a_repeat_that_lacks_a_level_is_fitted_with_the_others_but_makes_no_interval(
    cells: list[Cell],
) -> None:
    lacking = [cell for cell in cells if (cell.repeat, cell.level) != (2, 16)]
    (found,) = scalings(scaled(lacking, SHARED))
    assert found.law is not None
    assert (found.levels, found.law.repeats) == (LEVELS, 1)


def test_open_loads_and_cells_cut_short_are_left_out(cells: list[Cell]) -> None:
    assert scalings(simulated_open_run(repeats=1).cells) == []
    assert scalings([replace(cell, cut_short=True) for cell in cells]) == []
