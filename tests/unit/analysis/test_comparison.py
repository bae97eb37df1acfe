"""Which cells are held against which, and what a run says in the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.analysis.comparison import Comparison, NoAnswers, baseline_of, compare, judge
from lockstep.analysis.metrics import METRICS
from lockstep.runs.records import Cell
from tests.factories.runs import degraded, make_cell, modes_named, run_of, series_named, silent

Key = tuple[str, str, int, str]


def repeated(mode: str, rates: tuple[float, ...], **more: object) -> list[Cell]:
    return [
        make_cell(mode, repeat=repeat, messages_per_s=rate, **more)  # type: ignore[arg-type]
        for repeat, rate in enumerate(rates, start=1)
    ]


def compared(cells: list[Cell], modes: tuple[str, ...] = ()) -> dict[Key, Comparison]:
    run = run_of(cells)
    found = compare(run.cells, modes_named(*modes) | run.modes)
    return {(each.series.name, each.baseline.name, each.level, each.metric.name): each for each in found}


def test_every_series_is_held_against_free_at_every_level_in_three_figures() -> None:
    cells = [
        make_cell(mode, level, repeat)
        for mode in ("lock", "free", "ticket")
        for level in (1, 8)
        for repeat in (1, 2)
    ]
    assert list(compared(cells, ("lock", "free", "ticket"))) == [
        (series, "free", level, metric)
        for series in ("lock", "ticket")
        for level in (1, 8)
        for metric in ("messages_per_s", "response_p50", "response_p99")
    ]


def test_repeats_are_paired_with_their_own() -> None:
    """Shared luck falls out: each repeat's ratio is 2, however the repeats differ."""
    cells = [*repeated("free", (100, 300, 50)), *reversed(repeated("lock", (50, 150, 25)))]
    found = compared(cells)["lock", "free", 8, "messages_per_s"].estimate
    assert (found.ratio, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5), rel=0.002)


def test_a_repeat_that_only_one_has_or_that_was_cut_short_is_left_out() -> None:
    cells = [*repeated("free", (100, 100, 1)), *repeated("lock", (50, 50))]
    cells[0] = replace(cells[0], cut_short=True)
    found = compared(cells)["lock", "free", 8, "messages_per_s"].estimate
    assert (found.samples, found.low) == (1, None)


def test_a_figure_that_is_missing_or_0_is_not_compared() -> None:
    cells = [*repeated("free", (100, 100)), *map(silent, repeated("lock", (1, 1)))]
    assert compared(cells) == {}


def test_without_free_the_first_of_the_plan_is_the_baseline() -> None:
    ticket, lock, free = map(series_named, ("ticket", "lock", "free"))
    assert baseline_of([ticket, lock], modes_named("lock", "ticket")) == ticket
    assert baseline_of([ticket, lock, free], modes_named("lock", "ticket", "free")) == free
    assert baseline_of([ticket, free], {}) == ticket
    assert baseline_of([], {}) is None


def test_only_cells_of_the_same_client_settings_are_held_against_each_other() -> None:
    cells = [
        make_cell(mode, payload_bytes=payload, client_mode=client)
        for payload in (64, 1024)
        for client in ("free", "locked")
        for mode in ("free", "lock")
    ]
    pairs = {(series, baseline) for series, baseline, _, _ in compared(cells)}
    assert pairs == {
        ("lock, 64 bytes", "free, 64 bytes"),
        ("lock, 1024 bytes", "free, 1024 bytes"),
        ("lock, locked clients, 64 bytes", "free, locked clients, 64 bytes"),
        ("lock, locked clients, 1024 bytes", "free, locked clients, 1024 bytes"),
    }


def test_under_open_load_the_times_alone_are_compared_rate_by_rate() -> None:
    cells = [
        make_cell(mode, arrival="poisson", rate_per_s=rate)
        for rate in (50.0, 90.0)
        for mode in ("free", "lock")
    ]
    found = compared(cells)
    assert {(series, metric) for series, _, _, metric in found} == {
        (f"lock, {rate}/s", metric) for rate in (50, 90) for metric in ("response_p50", "response_p99")
    }
    assert found["lock, 90/s", "free, 90/s", 8, "response_p99"].series.rate_per_s == 90


def test_arrivals_and_scenarios_that_differ_are_series_of_their_own() -> None:
    cells = [
        make_cell("free", arrival="constant", rate_per_s=50.0),
        make_cell("lock", arrival="poisson", rate_per_s=50.0),
        make_cell("lock", scenario="persistent"),
    ]
    assert compared(cells) == {}


@pytest.mark.parametrize(
    ("cells", "series", "level", "metric"),
    [
        (
            [make_cell(mode, level) for level in (1, 32, 8) for mode in ("free", "lock", "queue=1")],
            "lock",
            32,
            "messages_per_s",
        ),
        (
            [
                make_cell("free"),
                make_cell("semaphore=2", messages_per_s=90),
                make_cell("queue=2", messages_per_s=300),
            ],
            "queue=2",
            8,
            "messages_per_s",
        ),
        (
            [
                make_cell("free"),
                make_cell("ticket", messages_per_s=90),
                make_cell("queue=2", messages_per_s=300),
            ],
            "ticket",
            8,
            "messages_per_s",
        ),
        (
            [
                make_cell(mode, arrival="poisson", rate_per_s=rate)
                for rate in (90.0, 50.0)
                for mode in ("free", "lock")
            ],
            "lock, 90/s",
            8,
            "response_p99",
        ),
    ],
)
def test_the_headline_is_one_at_a_time_against_no_limit_or_who_differs_most(
    cells: list[Cell], series: str, level: int, metric: str
) -> None:
    headline = judge(run_of(cells)).headline
    assert headline is not None
    assert (headline.series.name, headline.level, headline.metric.name) == (series, level, metric)


def test_a_difference_that_is_shown_makes_a_headline_before_a_larger_one_that_is_not() -> None:
    cells = [
        *repeated("free", (100, 100, 100)),
        *repeated("ticket", (80, 81, 80)),
        *repeated("queue=1", (10, 300, 900)),
    ]
    headline = judge(run_of(cells)).headline
    assert headline is not None
    assert headline.series.name == "ticket"


def test_a_degraded_run_has_no_comparisons_and_says_why() -> None:
    verdict = judge(degraded(run_of([make_cell("free"), make_cell("lock")])))
    assert (verdict.comparisons, verdict.unanswered, verdict.headline) == ((), (), None)
    assert [finding.check.name for finding in verdict.withheld] == ["ledger-difference"]


def test_whoever_answered_nothing_is_in_the_verdict_though_it_has_no_ratio() -> None:
    cells = [*repeated("free", (100, 100)), silent(make_cell("lock")), make_cell("lock", repeat=2)]
    assert judge(run_of(cells)).unanswered == (NoAnswers(series_named("lock"), 8, 1, 2),)


def test_every_metric_reads_its_own_figure() -> None:
    cell = make_cell("lock", messages_per_s=120, p50_us=3_000, p99_us=8_000, late=4)
    said = {name: metric.of(cell) for name, metric in METRICS.items()}
    assert said["messages_per_s"] == 120
    assert (said["response_p50"], said["response_p99"], said["response_min"]) == (3_000, 8_000, 1_500)
    assert (said["failed"], said["failed_share"], said["late"]) == (0, 0, 4)
    assert (said["wait_mean"], said["hold_mean"], said["max_in_service"]) == (None, None, None)
    assert METRICS["failed_share"].of(silent(cell)) == 1
