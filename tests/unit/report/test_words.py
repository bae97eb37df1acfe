"""Numbers, axes and sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtest.analysis.aggregate import Aggregate, Spread, aggregate
from loadtest.analysis.timeline import Bar, Lane, Timeline
from loadtest.report import axes, story
from loadtest.report.numbers import duration, figures, share
from loadtest.report.palette import colours
from loadtest.report.svg import to_svg
from loadtest.report.timeline_chart import timeline_chart
from tests.support_run import make_run


@pytest.mark.parametrize(
    ("value_us", "words"),
    [
        (None, "–"),
        (0, "0 µs"),
        (0.5, "0.500 µs"),
        (812, "812 µs"),
        (999.9, "1.00 ms"),
        (2_310, "2.31 ms"),
        (1_020_000, "1.02 s"),
        (125_000_000, "125 s"),
    ],
)
def test_a_duration_has_three_figures_and_the_unit_that_suits_it(value_us: float | None, words: str) -> None:
    assert duration(value_us) == words


def test_large_numbers_are_grouped_and_shares_never_round_to_all_or_nothing() -> None:
    assert [figures(value) for value in (4_610.4, 31.24, 9.999)] == ["4,610", "31.2", "10.0"]
    assert [share(part, 1_000) for part in (0, 1, 500, 999, 1_000)] == [
        "0%",
        "under 1%",
        "50%",
        "over 99%",
        "100%",
    ]


def test_a_wide_span_gets_a_logarithmic_axis_and_a_zero_never_does() -> None:
    assert axes.suited([1, 100]).logarithmic
    assert not axes.suited([50, 100]).logarithmic
    assert not axes.suited([0, 100]).logarithmic
    assert axes.suited([0, 0]).high > 0


@pytest.mark.parametrize("values", [[3.0], [0.02, 7.0], [1.0, 9_000.0], [400.0, 4_800.0]])
def test_ticks_lie_within_the_axis(values: list[float]) -> None:
    axis = axes.suited(values)
    assert axis.ticks
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
    assert all(axis.value(axis.fraction(value)) == pytest.approx(value) for value in values)


def test_a_tick_is_labelled_with_its_own_value() -> None:
    lane = Lane("lock", "lock", 1, 900, (Bar(1, "in service", 0, 900),), ((0, 1), (900, 1)))
    svg = to_svg(timeline_chart(Timeline(1, 900, (lane,), client_shown=False), lane, "#000"), "a", "a")
    assert [f">{tick}<" in svg for tick in (0, 250, 500, 750, 300, 800)] == [True] * 4 + [False] * 2


def test_labels_are_moved_apart_and_keep_their_order() -> None:
    moved = axes.apart([0.5, 0.5, 0.9, 0.52], gap=0.1)
    assert moved[2] == 0.9
    assert moved[3] - moved[1] == pytest.approx(0.1)
    assert moved[1] - moved[0] == pytest.approx(0.1)


@pytest.fixture(scope="module")
def two() -> list[Aggregate]:
    return aggregate(make_run(modes=("free", "lock"), levels=(8,))[0].cells, ("free", "lock"))


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ((1580, 100), "At 8 connections lock served 15.8x fewer messages per second than free (medians of 3"),
        ((100, 100), "At 8 connections lock served about as many messages per second as free"),
        ((100, 200), "At 8 connections lock served 2.00x as many messages per second as free"),
        ((100, 0), "At 8 connections lock answered no message"),
    ],
)
def test_the_headline_says_which_served_more(
    two: list[Aggregate], rates: tuple[float, float], said: str
) -> None:
    measured = [
        replace(each, messages_per_s=Spread(rate, rate, rate)) for each, rate in zip(two, rates, strict=True)
    ]
    assert story.headline(measured).startswith(said)


def test_a_mode_keeps_its_colour_whatever_it_is_compared_with() -> None:
    def chosen(*modes: str) -> dict[str, str]:
        return colours(aggregate(make_run(modes=modes, levels=(1,), repeats=1)[0].cells, modes))

    assert chosen("lock")["lock"] == chosen("free", "lock")["lock"]
    everyone = chosen("free", "lock", "semaphore=4", "queue=1", "iterative", "ticket")
    assert len(set(everyone.values())) == 6
