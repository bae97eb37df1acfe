"""Comparisons and verdicts in sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.analysis.comparison import Comparison, Verdict, judge
from lockstep.analysis.intervals import Estimate
from lockstep.analysis.metrics import METRICS
from lockstep.report.verdict_words import (
    bound,
    sentence,
    verdict_in_short,
    verdict_sentences,
    withheld_sentence,
)
from lockstep.runs.records import Cell, Messages
from tests.factories.runs import degraded, make_cell, run_of, silent

RATE, P50, P99 = (METRICS[name] for name in ("messages_per_s", "response_p50", "response_p99"))
MUCH_LESS = Estimate(1 / 15.8, 1 / 16.4, 1 / 15.1, 3)
MORE = Estimate(1.3, 1.25, 1.352, 3)
NOT_SHOWN = Estimate(1.01, 0.97, 1.05, 3)
TWO_REPEATS = Estimate(0.125, 0.01, 1.5625, 2)
NOISY = Estimate(0.146, 7.6e-05, 279.0, 3)
ONE_REPEAT = Estimate(0.25, None, None, 1)


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        (
            Comparison(RATE, "lock", "free", 32, MUCH_LESS),
            "at 32 connections free serves 15.8 times as many messages as lock (95%: 15.1 to 16.4)",
        ),
        (
            Comparison(RATE, "queue=4", "free", 1, MORE),
            "at 1 connection queue=4 serves 1.30 times as many messages as free (95%: 1.25 to 1.35)",
        ),
        (
            Comparison(P50, "lock", "free", 32, MORE),
            "at 32 connections lock answers half of all messages in 1.30 times the time of free "
            "(95%: 1.25 to 1.35)",
        ),
        (
            Comparison(P99, "lock", "free", 32, Estimate(0.5, 0.4, 0.625, 5)),
            "at 32 connections free answers 99% of messages in 2.00 times the time of lock "
            "(95%: 1.60 to 2.50)",
        ),
        (
            Comparison(RATE, "lock", "ticket", 8, NOT_SHOWN),
            "at 8 connections no difference shown between lock and ticket in messages per second "
            "(ratio 1.01, 95%: 0.970 to 1.05)",
        ),
        (
            Comparison(P99, "lock", "free", 8, NOT_SHOWN),
            "at 8 connections no difference shown between lock and free in the time for 99% of messages "
            "(ratio 1.01, 95%: 0.970 to 1.05)",
        ),
        (
            Comparison(RATE, "lock", "free", 8, TWO_REPEATS),
            "at 8 connections 2 repeats are too few to say whether lock and free differ in messages per "
            "second; if they go on as they do, 3 would do",
        ),
        (
            Comparison(P99, "lock", "free", 8, NOISY),
            "at 8 connections 3 repeats are too noisy to say whether lock and free differ in the time for "
            "99% of messages; if they go on as they do, 13 would do",
        ),
        (
            Comparison(RATE, "lock", "free", 8, ONE_REPEAT),
            "at 8 connections free serves 4.00 times as many messages as lock "
            "(one repeat: how sure is unknown)",
        ),
        (
            Comparison(P99, "lock, 148/s", "free, 148/s", 200, MORE, rate_per_s=148.0),
            "at 148 arrivals per second (200 users) lock answers 99% of messages in 1.30 times the time of "
            "free (95%: 1.25 to 1.35)",
        ),
        (
            Comparison(METRICS["handoff_mean"], "lock", "ticket", 8, MORE),
            "at 8 connections lock has 1.30 times the handoff_mean of ticket (95%: 1.25 to 1.35)",
        ),
    ],
)
def test_a_comparison_says_where_who_how_much_and_how_sure(comparison: Comparison, said: str) -> None:
    assert sentence(comparison) == said


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
    assert first == "at 8 connections free serves 8.00 times as many messages as lock (95%: 7.99 to 8.01)"
    assert second == "at 8 connections ticket answers no message"
    assert len(rest) == 5


def test_a_withheld_verdict_says_why_and_compares_nothing() -> None:
    verdict = judge(degraded(run_of([make_cell("free"), make_cell("lock")])))
    assert withheld_sentence(verdict) == (
        "No verdict: Client and server counted different numbers of messages or bytes."
    )
    assert verdict_sentences(verdict) == []
    assert withheld_sentence(Verdict((), ())) is None


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        (Comparison(RATE, "lock", "free", 32, MUCH_LESS), "free 15.8x lock at 32"),
        (Comparison(RATE, "lock", "ticket", 32, MUCH_LESS), "ticket 15.8x lock at 32"),
        (Comparison(RATE, "lock", "ticket", 32, MORE), "lock 1.30x ticket at 32"),
        (Comparison(RATE, "lock", "free", 8, ONE_REPEAT), "free 4.00x lock (one repeat) at 8"),
        (Comparison(RATE, "lock", "free", 8, NOT_SHOWN), "no difference at 8"),
        (Comparison(RATE, "lock", "free", 8, TWO_REPEATS), "too few repeats at 8"),
        (Comparison(RATE, "lock", "free", 8, NOISY), "too noisy at 8"),
        (
            Comparison(P99, "lock, 148/s", "free, 148/s", 200, MORE, rate_per_s=148.0),
            "lock p99 1.30x free at 148/s",
        ),
        (Comparison(P99, "lock", "ticket", 9, MORE, rate_per_s=2.0), "lock p99 1.30x ticket at 2/s"),
    ],
)
def test_a_verdict_in_short_names_whoever_has_the_greater_figure_first(
    comparison: Comparison, said: str
) -> None:
    assert verdict_in_short(Verdict((comparison,), ())) == said


def test_a_run_without_a_comparison_has_a_short_verdict_too() -> None:
    assert verdict_in_short(judge(run_of([make_cell("lock")]))) == "nothing compared"
    assert verdict_in_short(judge(run_of([silent(make_cell("lock"))]))) == "no answer"
    assert verdict_in_short(judge(degraded(run_of([make_cell("lock")])))) == "no verdict"


def test_a_silence_under_open_load_is_told_under_its_rate() -> None:
    load = {"arrival": "poisson", "rate_per_s": 100.0}
    cells = [silent(make_cell("lock", **load)), make_cell("lock", repeat=2, arrival="closed")]
    assert verdict_sentences(judge(run_of(cells))) == [
        "at 100 arrivals per second (8 users) lock answers no message"
    ]


def test_a_comparison_that_one_silent_repeat_prevents_is_named_with_the_reason() -> None:
    cells = [make_cell(mode, 8, repeat) for mode in ("free", "lock") for repeat in (1, 2, 3)]
    cells[4] = replace(cells[4], messages_per_s=0.0)
    said = verdict_sentences(judge(run_of(cells)))
    assert "at 8 connections lock answers no message in 1 of 3 repeats, so it is not compared" in said
    assert not any("messages per second" in each or "as many messages" in each for each in said)


def mostly_failed(cell: Cell) -> Cell:
    return replace(cell, messages=Messages(sent=1_000, answered=400, reset=600))


def test_a_series_that_fails_most_of_its_messages_is_compared_in_nothing_and_named() -> None:
    cells = [make_cell(mode, 8, repeat) for mode in ("free", "lock") for repeat in (1, 2, 3)]
    once = [*cells[:4], mostly_failed(cells[4]), cells[5]]
    assert verdict_sentences(judge(run_of(once))) == [
        "at 8 connections lock fails 600 of 1,000 messages in 1 of 3 repeats, so it is not compared"
    ]
    half = replace(cells[4], messages=Messages(sent=1_000, answered=500, reset=500))
    assert judge(run_of([*cells[:4], half, cells[5]])).comparisons
