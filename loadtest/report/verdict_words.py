"""Comparisons and verdicts in plain sentences, the same on the page, in the terminal and while it runs."""

from __future__ import annotations

from collections.abc import Mapping

from loadtest.analysis.comparison import THROUGHPUT, Comparison
from loadtest.analysis.intervals import Estimate
from loadtest.analysis.metrics import Metric
from loadtest.analysis.series import per_second, without_rate
from loadtest.analysis.verdict import Silence, Verdict
from loadtest.report.numbers import counted, figures, times

_NOUNS: Mapping[str, str] = {
    "messages_per_s": "messages per second",
    "response_p50": "the time for half of all messages",
    "response_p99": "the time for 99% of messages",
}
# An interval of two repeats may end beyond any number that somebody would read digit by digit.
_UNWIELDY = 1e7
_ANSWERED: Mapping[str, str] = {"response_p50": "half of all", "response_p99": "99% of"}


def verdict_sentences(verdict: Verdict) -> list[str]:
    """A sentence for each comparison, the headline first, and for whoever answered nothing.

    Empty where the verdict is withheld, or nothing was compared.
    """
    headline = verdict.headline
    first = [] if headline is None else [headline]
    rest = [each for each in verdict.comparisons if each is not headline]
    return [*map(sentence, first), *map(_silence, verdict.silences), *map(sentence, rest)]


def withheld_sentence(verdict: Verdict) -> str | None:
    """Why there is no verdict; None where there is one."""
    if not verdict.withheld:
        return None
    return "No verdict: " + " ".join(finding.check.told for finding in verdict.withheld)


def verdict_in_short(verdict: Verdict) -> str:
    """The headline in a few words, for lists: `lock 15.8x fewer at 32`; against free where unsaid."""
    if verdict.withheld:
        return "no verdict"
    headline = verdict.headline
    if headline is None:
        return "nothing compared" if not verdict.silences else "no answer"
    load = str(headline.level) if headline.rate_per_s is None else per_second(headline.rate_per_s)
    return f"{_in_short(headline)} at {load}"


def sentence(comparison: Comparison) -> str:
    """Where, who, how many times as much as whom, and how sure that is.

    `at 32 connections lock serves 15.8x fewer messages than free (95%: 15.1 to 16.4)`
    """
    subject, reference = _pair(comparison)
    said = claim(comparison.metric, comparison.estimate, subject, reference)
    return f"{place(comparison.level, comparison.rate_per_s)} {said}"


def place(level: int, rate_per_s: float | None) -> str:
    """Under which load."""
    if rate_per_s is None:
        return f"at {counted(level, 'connection')}"
    return f"at {figures(rate_per_s)} arrivals per second ({counted(level, 'user')})"


def claim(metric: Metric, estimate: Estimate, subject: str, reference: str) -> str:
    """What is shown of subject over reference in one metric: never a winner where the interval holds 1."""
    if estimate.low is not None and not estimate.differs:
        noun = _NOUNS.get(metric.name, metric.name)
        known = f"ratio {figures(estimate.ratio)}, {interval_words(estimate)}"
        return f"no difference shown between {subject} and {reference} in {noun} ({known})"
    fewer = metric == THROUGHPUT and estimate.ratio < 1
    told = estimate.inverse if fewer else estimate
    return f"{subject} {_does(metric, told, fewer)} {reference} ({interval_words(told)})"


def interval_words(estimate: Estimate) -> str:
    """`95%: 15.1 to 16.4`, or that one repeat cannot say."""
    if estimate.low is None or estimate.high is None:
        return "one repeat: how sure is unknown"
    return f"95%: {bound(estimate.low)} to {bound(estimate.high)}"


def bound(value: float) -> str:
    """An interval's end: with more figures where three would round it to 1 and hide on which side it lies."""
    if value >= _UNWIELDY:
        return f"{value:.2g}"
    return f"{value:.5g}" if value != 1 and figures(value) == "1.00" else figures(value)


def _pair(comparison: Comparison) -> tuple[str, str]:
    """Both series as they are called where the load is told beside them."""
    series, baseline, rate_per_s = comparison.series, comparison.baseline, comparison.rate_per_s
    if rate_per_s is None:
        return series, baseline
    return without_rate(series, rate_per_s), without_rate(baseline, rate_per_s)


def _in_short(comparison: Comparison) -> str:
    metric, estimate = comparison.metric, comparison.estimate
    if estimate.low is not None and not estimate.differs:
        return "no difference"
    subject, reference = _pair(comparison)
    than = "" if reference == "free" else f" {reference}"
    unsure = " (one repeat)" if estimate.low is None else ""
    if metric != THROUGHPUT:
        return f"{subject} {times(estimate.ratio)} the p99{than and f' of{than}'}{unsure}"
    if estimate.ratio < 1:
        return f"{subject} {times(1 / estimate.ratio)} fewer{than and f' than{than}'}{unsure}"
    return f"{subject} {times(estimate.ratio)} as many{than and f' as{than}'}{unsure}"


def _does(metric: Metric, told: Estimate, fewer: bool) -> str:
    many = times(told.ratio)
    if fewer:
        return f"serves {many} fewer messages than"
    if metric == THROUGHPUT:
        return f"serves {many} as many messages as"
    if metric.name in _ANSWERED:
        return f"answers {_ANSWERED[metric.name]} messages in {many} the time of"
    return f"has {many} the {metric.name} of"


def _silence(silence: Silence) -> str:
    often = "" if silence.silent == silence.repeats else f" in {silence.silent} of {silence.repeats} repeats"
    rate_per_s = silence.rate_per_s
    series = silence.series if rate_per_s is None else without_rate(silence.series, rate_per_s)
    return f"{place(silence.level, rate_per_s)} {series} answers no message{often}"
