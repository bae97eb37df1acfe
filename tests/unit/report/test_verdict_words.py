"""Comparisons and verdicts in sentences."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lockstep.analysis.comparison import Comparison, Verdict, judge
from lockstep.analysis.intervals import Estimate
from lockstep.analysis.metrics import METRICS, Metric
from lockstep.report.verdict_words import (
    bound,
    sentence,
    verdict_in_short,
    verdict_sentences,
    withheld_sentence,
)
from lockstep.runs.records import Cell, Messages
from tests.factories.runs import degraded, make_cell, run_of, series_named, silent

RATE, P50, P99 = (METRICS[name] for name in ("messages_per_s", "response_p50", "response_p99"))
MUCH_LESS = Estimate(1 / 15.8, 1 / 16.4, 1 / 15.1, 3)
MORE = Estimate(1.3, 1.25, 1.352, 3)
NOT_SHOWN = Estimate(1.01, 0.97, 1.05, 3)
TWO_REPEATS = Estimate(0.125, 0.01, 1.5625, 2)
NOISY = Estimate(0.146, 7.6e-05, 279.0, 3)
ONE_REPEAT = Estimate(0.25, None, None, 1)
VAGUE = Estimate(0.05, 0.008, 0.3, 3)


def compared(
    metric: Metric, mode: str, baseline: str, level: int, estimate: Estimate, rate_per_s: float | None = None
) -> Comparison:
    series, other = (series_named(each, rate_per_s) for each in (mode, baseline))
    return Comparison(metric, series, other, level, estimate)


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        pytest.param(
            compared(RATE, "lock", "free", 32, MUCH_LESS),
            "at 32 connections, lock reaches 6.3% of free's throughput (95% CI 6.1% to 6.6%)",
            id="below 1 a percentage",
        ),
        pytest.param(
            compared(RATE, "queue=4", "free", 1, MORE),
            "at 1 connection, queue=4's throughput is 1.30 times free's (95% CI 1.25 to 1.35)",
            id="from 1 on a factor",
        ),
        pytest.param(
            compared(P99, "lock", "free", 200, MORE, rate_per_s=148.0),
            "at 148 arrivals per second (200 users), lock's p99 response time is 1.30 times free's "
            "(95% CI 1.25 to 1.35)",
            id="under open load by its rate",
        ),
    ],
)
def test_a_comparison_is_said_with_its_interval_in_one_unit(comparison: Comparison, said: str) -> None:
    assert sentence(comparison) == said


@pytest.mark.parametrize("metric", [RATE, P50, P99, METRICS["handoff_mean"]], ids=lambda metric: metric.name)
@pytest.mark.parametrize("estimate", [MUCH_LESS, MORE, ONE_REPEAT, VAGUE, NOT_SHOWN, TWO_REPEATS, NOISY])
def test_whoever_is_compared_stands_before_its_baseline(metric: Metric, estimate: Estimate) -> None:
    said = sentence(compared(metric, "lock", "free", 8, estimate))
    assert said.startswith("at 8 connections, ")
    assert 0 < said.index("lock") < said.index("free")


@pytest.mark.parametrize("metric", [RATE, P99], ids=lambda metric: metric.name)
@pytest.mark.parametrize("estimate", [NOT_SHOWN, TWO_REPEATS, NOISY], ids=["clear", "two repeats", "noisy"])
def test_where_the_interval_holds_1_nobody_wins(metric: Metric, estimate: Estimate) -> None:
    said = sentence(compared(metric, "lock", "free", 8, estimate))
    assert "lock and free" in said
    assert not re.search("reaches|times|lower|higher|%(?! CI)", said)


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        pytest.param(TWO_REPEATS, ["too few to say whether", "--repeats 3", "--seconds"], id="two repeats"),
        pytest.param(NOISY, ["too noisy to say whether", "--repeats 13", "--seconds"], id="no difference"),
        pytest.param(
            VAGUE,
            ["is lower than", "too noisy to say by how much", "0.8% to 30.0%", "--repeats", "--seconds"],
            id="a difference of unknown size",
        ),
    ],
)
def test_an_absurdly_wide_interval_tells_no_ratio_but_what_would_help(
    estimate: Estimate, said: list[str]
) -> None:
    words = sentence(compared(RATE, "lock", "free", 8, estimate))
    assert all(part in words for part in said)
    assert "reaches" not in words


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (
            0.81,
            1.24,
            "no significant difference between lock and free in throughput (ratio 1.00, 95% CI 0.81",
        ),
        (0.79, 1.1, "3 repeats are too noisy to say whether lock and free differ in throughput (ratio 0.932"),
        (0.9, 1.3, "3 repeats are too noisy to say whether lock and free differ in throughput (ratio 1.08"),
        (
            0.241,
            1.44,
            "too noisy to say whether lock and free differ in throughput (ratio 0.589, 95% CI 0.241",
        ),
    ],
)
def test_only_an_interval_within_a_factor_of_one_and_a_quarter_shows_no_difference(
    low: float, high: float, said: str
) -> None:
    estimate = Estimate((low * high) ** 0.5, low, high, 3)
    assert said in sentence(compared(RATE, "lock", "free", 8, estimate))
    assert estimate.noisy == ("noisy" in said)


def test_one_repeat_has_no_confidence_interval() -> None:
    said = sentence(compared(RATE, "lock", "free", 8, ONE_REPEAT))
    assert said.endswith("lock reaches 25.0% of free's throughput (one repeat: no confidence interval)")


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(0.0753, "7.5%"), (0.9996, "99.96%"), (0.99, "99.0%"), (0.00123, "0.12%"), (1e-9, "under 0.0001%")],
)
def test_a_percentage_is_short_and_lies_on_its_side_of_all(ratio: float, words: str) -> None:
    said = sentence(compared(RATE, "lock", "free", 8, Estimate(ratio, None, None, 1)))
    assert f"reaches {words} of" in said


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.0, "1.00"),
        (1.004, "1.004"),
        (0.9997, "0.9997"),
        (0.952, "0.952"),
        (16.4, "16.4"),
        (2.8e22, "over 1,000,000"),
        (9e-23, "under 0.000001"),
    ],
)
def test_an_intervals_end_never_rounds_to_1_and_hides_its_side(value: float, words: str) -> None:
    assert bound(value) == words


def test_a_verdict_begins_with_its_headline_and_whoever_answered_nothing() -> None:
    cells = [
        make_cell(mode, level, repeat, messages_per_s=rate * (1 + repeat / 100))
        for repeat in (1, 2, 3)
        for level in (1, 8)
        for mode, rate in (("free", 800), ("lock", 100))
    ]
    cells += [silent(make_cell("ticket", 8, repeat)) for repeat in (1, 2, 3)]
    first, second, *rest = verdict_sentences(judge(run_of(cells)))
    assert first.startswith("at 8 connections, lock reaches 12.5% of free's throughput")
    assert second == "at 8 connections, ticket answers no message"
    assert len(rest) == 5


def test_a_withheld_verdict_says_why_and_compares_nothing() -> None:
    verdict = judge(degraded(run_of([make_cell("free"), make_cell("lock")])))
    assert "ledger-difference" in (withheld_sentence(verdict) or "")
    assert verdict_sentences(verdict) == []
    assert withheld_sentence(Verdict((), ())) is None


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        (compared(RATE, "lock", "free", 32, MUCH_LESS), "lock 6.3% of free at 32"),
        (compared(RATE, "lock", "ticket", 32, MUCH_LESS), "lock 6.3% of ticket at 32"),
        (compared(RATE, "lock", "ticket", 32, MORE), "lock 1.30x ticket at 32"),
        (compared(RATE, "lock", "free", 8, ONE_REPEAT), "lock 25.0% of free (one repeat) at 8"),
        (compared(RATE, "lock", "free", 8, NOT_SHOWN), "no significant difference at 8"),
        (compared(RATE, "lock", "free", 8, TWO_REPEATS), "too few repeats at 8"),
        (compared(RATE, "lock", "free", 8, NOISY), "too noisy at 8"),
        (compared(RATE, "lock", "free", 8, VAGUE), "lock below free at 8"),
        (
            compared(P99, "lock", "free", 200, MORE, rate_per_s=148.0),
            "lock p99 1.30x free at 148/s",
        ),
        (compared(P99, "lock", "ticket", 9, MORE, rate_per_s=2.0), "lock p99 1.30x ticket at 2/s"),
    ],
)
def test_a_verdict_in_short_has_the_same_order_and_units(comparison: Comparison, said: str) -> None:
    assert verdict_in_short(Verdict((comparison,), ())) == said


def test_a_run_without_a_comparison_has_a_short_verdict_too() -> None:
    assert verdict_in_short(judge(run_of([make_cell("lock")]))) == "nothing compared"
    assert verdict_in_short(judge(run_of([silent(make_cell("lock"))]))) == "no answer"
    assert verdict_in_short(Verdict((), (), silent=True)) == "no answer"
    assert verdict_in_short(judge(degraded(run_of([make_cell("lock")])))) == "no verdict"


def test_a_silence_under_open_load_is_told_under_its_rate() -> None:
    quiet = silent(make_cell("lock", arrival="poisson", rate_per_s=100.0))
    cells = [quiet, make_cell("lock", repeat=2, arrival="closed")]
    assert verdict_sentences(judge(run_of(cells))) == [
        "at 100 arrivals per second (8 users), lock answers no message"
    ]


def test_a_comparison_that_one_silent_repeat_prevents_is_named_with_the_reason() -> None:
    cells = [make_cell(mode, 8, repeat) for mode in ("free", "lock") for repeat in (1, 2, 3)]
    cells[4] = replace(cells[4], messages_per_s=0.0)
    said = verdict_sentences(judge(run_of(cells)))
    assert "at 8 connections, lock answers no message in 1 of 3 repeats, so it is not compared" in said
    assert not any("throughput" in each for each in said)


def failed(cell: Cell, number: int) -> Cell:
    return replace(cell, messages=Messages(sent=1_000, answered=1_000 - number, reset=number))


@pytest.mark.parametrize("number", [500, 600])
def test_a_series_that_fails_half_of_its_messages_or_more_is_compared_in_nothing_and_named(
    number: int,
) -> None:
    cells = [make_cell(mode, 8, repeat) for mode in ("free", "lock") for repeat in (1, 2, 3)]
    once = [*cells[:4], failed(cells[4], number), cells[5]]
    assert verdict_sentences(judge(run_of(once))) == [
        f"at 8 connections, lock fails {number} of 1,000 messages in 1 of 3 repeats, so it is not compared"
    ]
    assert judge(run_of([*cells[:4], failed(cells[4], 499), cells[5]])).comparisons
