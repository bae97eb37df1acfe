"""Ratios and how sure they are: against SciPy's own tests, and by simulation."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from scipy import stats

from lockstep.analysis.intervals import (
    Estimate,
    independent_ratio,
    paired_ratio,
    repeats_for,
    repeats_to_show,
    sidak_confidence,
)

DRAWS = 2_000
OURS = [104.0, 97.0, 131.0, 99.0]
THEIRS = [52.0, 49.0, 50.0, 55.0]

Noise = Callable[[random.Random], tuple[float, float]]


def logs(values: list[float]) -> list[float]:
    return [math.log(value) for value in values]


def ends(estimate: Estimate | None) -> tuple[float, float]:
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_the_paired_interval_is_students_on_the_logs() -> None:
    interval = stats.ttest_rel(logs(OURS), logs(THEIRS)).confidence_interval()
    found = ends(paired_ratio(OURS, THEIRS))
    assert found == pytest.approx((math.exp(interval.low), math.exp(interval.high)), rel=1e-4)


@pytest.mark.parametrize("theirs", [THEIRS, THEIRS[:2]])
def test_the_independent_interval_is_welchs_on_the_logs(theirs: list[float]) -> None:
    interval = stats.ttest_ind(logs(OURS), logs(theirs), equal_var=False).confidence_interval(0.99)
    found = ends(independent_ratio(OURS, theirs, 0.99))
    assert found == pytest.approx((math.exp(interval.low), math.exp(interval.high)), rel=1e-4)


def test_one_over_a_ratio_has_one_over_its_interval() -> None:
    there, back = paired_ratio(OURS, THEIRS), paired_ratio(THEIRS, OURS)
    assert there is not None
    assert back is not None
    assert 1 / back.ratio == pytest.approx(there.ratio)
    low, high = ends(back)
    assert (1 / high, 1 / low) == pytest.approx(ends(there))


@pytest.mark.parametrize("method", [paired_ratio, independent_ratio])
def test_one_repeat_gives_a_ratio_and_no_interval(
    method: Callable[[list[float], list[float]], Estimate | None],
) -> None:
    found = method([30.0], [10.0])
    assert found is not None
    assert found == Estimate(found.ratio, None, None, 1)
    assert found.ratio == pytest.approx(3.0)


@pytest.mark.parametrize("method", [paired_ratio, independent_ratio])
@pytest.mark.parametrize(("values", "baseline"), [([], []), ([0.0, 1.0], [1.0, 1.0]), ([1.0], [0.0])])
def test_nothing_and_zeros_have_no_ratio(
    method: Callable[[list[float], list[float]], Estimate | None], values: list[float], baseline: list[float]
) -> None:
    assert method(values, baseline) is None


@pytest.mark.parametrize("method", [paired_ratio, independent_ratio])
def test_repeats_that_do_not_vary_are_as_sure_as_a_histograms_buckets(
    method: Callable[[list[float], list[float]], Estimate | None],
) -> None:
    """One bucket, 0.1%, is no difference; a ratio of 2 is one, and is known to under a percent."""
    same = method([2_150.0] * 3, [2_152.0] * 3)
    assert same is not None
    assert not same.differs
    low, high = ends(method([6.0] * 3, [3.0] * 3))
    assert 1.98 < low < 2 < high < 2.02


@pytest.mark.parametrize(
    ("low", "high", "differs"), [(0.9, 1.1, False), (1.0, 1.2, False), (1.01, 1.2, True), (0.5, 0.9, True)]
)
def test_a_difference_is_shown_only_where_the_interval_leaves_out_1(
    low: float, high: float, differs: bool
) -> None:
    assert Estimate(1.0, low, high, 3).differs is differs
    assert not Estimate(2.0, None, None, 1).differs


def test_two_repeats_that_hardly_agree_have_an_interval_of_numbers_all_the_same() -> None:
    low, high = ends(independent_ratio([5_000.0, 1_005_000.0], [5_000.0, 5_001.0], sidak_confidence(24)))
    assert 0 < low < 1 < high < math.inf


def test_many_intervals_at_once_are_wider_each() -> None:
    assert sidak_confidence(1) == pytest.approx(0.95)
    assert sidak_confidence(12) ** 12 == pytest.approx(0.95)


def drawn_from(spread: float, other: float) -> Noise:
    return lambda rng: (rng.gauss(0, spread), rng.gauss(0, other))


def shared_drift(rng: random.Random) -> tuple[float, float]:
    drift = rng.gauss(0, 0.3)
    return drift + rng.gauss(0, 0.03), drift + rng.gauss(0, 0.03)


def skewed_both(rng: random.Random) -> tuple[float, float]:
    return rng.expovariate(10), rng.expovariate(10)


def heavy_tailed_one(rng: random.Random) -> tuple[float, float]:
    """Student's t with 3 degrees of freedom."""
    return 0.1 * rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 2) / 3), rng.gauss(0, 0.02)


def slow_repeats_in_both(rng: random.Random) -> tuple[float, float]:
    return tuple(rng.gauss(0, 0.03) - 0.5 * (rng.random() < 0.1) for _ in range(2))  # type: ignore[return-value]


def slow_repeats_in_one(rng: random.Random) -> tuple[float, float]:
    """The ratio that is asked for is the one without the slow repeats."""
    return rng.gauss(0, 0.03) - 0.5 * (rng.random() < 0.1), rng.gauss(0, 0.03)


def skewed_one(rng: random.Random) -> tuple[float, float]:
    """Around its mean, which a few repeats of such a tail do not show."""
    return rng.expovariate(10) - 0.1, rng.gauss(0, 0.02)


def coverage(noise: Noise, repeats: int) -> float:
    """How often the interval holds the true ratio, here 1. Seeded."""
    rng = random.Random(f"{noise.__name__} {repeats}")
    held = 0
    for _ in range(DRAWS):
        pairs = [noise(rng) for _ in range(repeats)]
        found = paired_ratio([math.exp(value) for value, _ in pairs], [math.exp(base) for _, base in pairs])
        low, high = ends(found)
        held += low <= 1 <= high
    return held / DRAWS


@pytest.mark.parametrize("repeats", [3, 5, 10])
@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(drawn_from(0.05, 0.05), id="log-normal"),
        pytest.param(drawn_from(0.2, 0.02), id="one mode spreads ten times as far"),
        shared_drift,
        skewed_both,
        heavy_tailed_one,
        slow_repeats_in_both,
        slow_repeats_in_one,
    ],
)
def test_at_least_93_of_100_intervals_hold_the_true_ratio(noise: Noise, repeats: int) -> None:
    assert coverage(noise, repeats) >= 0.93


@pytest.mark.parametrize("repeats", [3, 5, 10])
def test_where_one_mode_alone_has_a_long_tail_fewer_do_as_the_docs_say(repeats: int) -> None:
    assert 0.87 <= coverage(skewed_one, repeats) < 0.93


@pytest.mark.parametrize("ratio", [0.125, 0.5, 1.5])
def test_so_many_repeats_show_a_difference_as_are_said_to_and_one_less_does_not(ratio: float) -> None:
    """The same two logs, over and over: the spread stays about the same."""
    values = [ratio * factor for factor in (0.6, 1 / 0.6)]
    estimate = paired_ratio(values, [1.0, 1.0])
    assert estimate is not None
    enough = repeats_to_show(estimate)
    assert enough is not None
    error = math.log(1 / 0.6) * math.sqrt(2)
    for repeats, shown in ((enough, True), (enough - 1, False)):
        half = stats.t.ppf(0.975, repeats - 1) * error / math.sqrt(repeats)
        assert bool(half < abs(math.log(ratio))) is shown


def test_what_no_number_of_repeats_would_show_is_not_promised() -> None:
    assert repeats_to_show(Estimate(1.0001, 0.1, 10.0, 2)) is None
    assert repeats_to_show(Estimate(2.0, 1.5, 2.7, 3)) is None
    assert repeats_to_show(Estimate(2.0, None, None, 1)) is None


def of_logs(*logs: float) -> Estimate:
    found = paired_ratio([math.exp(log) for log in logs], [1.0] * len(logs))
    assert found is not None
    return found


def test_so_many_repeats_make_an_interval_that_narrow() -> None:
    """A spread of 6.3% needs nine: t with 8 degrees of freedom is 2.31, and 2.31 x 0.063 / 3 is 4.9%."""
    assert repeats_for([of_logs(0.0, 0.063 * math.sqrt(2))], 0.05) == 9
    assert repeats_for([of_logs(0.0, 0.063 * math.sqrt(2))], 0.5) == 3


def test_the_spreads_of_several_are_pooled() -> None:
    wide, narrow = of_logs(0.0, 0.2), of_logs(1.0, 1.001)
    alone, both = repeats_for([wide], 0.05), repeats_for([wide, narrow], 0.05)
    assert alone is not None
    assert both is not None
    assert both < alone


def test_of_one_repeat_and_of_hopeless_spreads_nothing_is_said() -> None:
    assert repeats_for([of_logs(0.1)], 0.05) is None
    assert repeats_for([of_logs(-3.0, 3.0)], 0.01) is None
