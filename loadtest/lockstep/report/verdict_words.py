"""Comparisons and verdicts in plain sentences, the same on the page, in the terminal and while it runs."""

from __future__ import annotations

from collections.abc import Mapping

from lockstep.analysis.comparison import THROUGHPUT, Comparison, NoAnswers, Verdict
from lockstep.analysis.intervals import Estimate, repeats_to_show
from lockstep.analysis.metrics import Metric
from lockstep.analysis.series import per_second, without_rate
from lockstep.report.numbers import counted, figures, times

_NOUNS: Mapping[str, str] = {
    "messages_per_s": "messages per second",
    "response_p50": "the time for half of all messages",
    "response_p99": "the time for 99% of messages",
}
# An interval of few repeats may end beyond any number that means something to a reader.
_FARTHEST = 1_000_000
_ANSWERED: Mapping[str, str] = {"response_p50": "half of all", "response_p99": "99% of"}


def verdict_sentences(verdict: Verdict) -> list[str]:
    """A sentence for each comparison, the headline first, and for whoever answered nothing.

    Empty where the verdict is withheld, or nothing was compared.
    """
    headline = verdict.headline
    first = [] if headline is None else [headline]
    rest = [each for each in verdict.comparisons if each is not headline]
    return [*map(sentence, first), *map(_no_answers, verdict.unanswered), *map(sentence, rest)]


def withheld_sentence(verdict: Verdict) -> str | None:
    """Why there is no verdict; None where there is one."""
    if not verdict.withheld:
        return None
    return "No verdict: " + " ".join(finding.check.message for finding in verdict.withheld)


def verdict_in_short(verdict: Verdict) -> str:
    """The headline in a few words, for lists: `free 15.8x lock at 32`."""
    if verdict.withheld:
        return "no verdict"
    headline = verdict.headline
    if headline is None:
        return "nothing compared" if not verdict.unanswered else "no answer"
    load = str(headline.level) if headline.rate_per_s is None else per_second(headline.rate_per_s)
    return f"{_in_short(headline)} at {load}"


def sentence(comparison: Comparison) -> str:
    """Where, who, how many times as much as whom, and how sure that is.

    `at 32 connections free serves 15.8 times as many messages as lock (95%: 15.1 to 16.4)`
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
    """What is shown of subject over reference in one metric: never a winner where the interval holds 1.

    Whoever has the greater figure is told first: `15.8 times as many` is plain, `15.8 times fewer` is not.
    """
    if estimate.low is not None and not estimate.differs:
        return _nothing_shown(metric, estimate, subject, reference)
    if estimate.ratio < 1:
        estimate, subject, reference = estimate.inverse, reference, subject
    return f"{subject} {_does(metric, estimate.ratio)} {reference} ({interval_words(estimate)})"


def _nothing_shown(metric: Metric, estimate: Estimate, subject: str, reference: str) -> str:
    noun = _NOUNS.get(metric.name, metric.name)
    if not estimate.noisy:
        known = f"ratio {figures(estimate.ratio)}, {interval_words(estimate)}"
        return f"no difference shown between {subject} and {reference} in {noun} ({known})"
    enough = repeats_to_show(estimate)
    more = "" if enough is None else f"; if they go on as they do, {enough} would do"
    few = counted(estimate.samples, "repeat") + (
        " are too few" if estimate.samples == 2 else " are too noisy"
    )
    return f"{few} to say whether {subject} and {reference} differ in {noun}{more}"


def interval_words(estimate: Estimate) -> str:
    """`95%: 15.1 to 16.4`, or that one repeat cannot say."""
    if estimate.low is None or estimate.high is None:
        return "one repeat: how sure is unknown"
    return f"95%: {range_words(estimate)}"


def range_words(estimate: Estimate) -> str:
    """`15.1 to 16.4`; of one that is too wide to say anything no number is told."""
    if estimate.low is None or estimate.high is None:
        return "unknown"
    return too_wide(estimate) or f"{bound(estimate.low)} to {bound(estimate.high)}"


def too_wide(estimate: Estimate) -> str:
    """Why an interval says nothing, in two words; "" where it says something."""
    if not estimate.noisy:
        return ""
    return "too few repeats" if estimate.samples == 2 else "too noisy"


def bound(value: float) -> str:
    """An interval's end: with more figures where three would round it to 1 and hide on which side it lies."""
    if value > _FARTHEST:
        return f"over {_FARTHEST:,}"
    if value < 1 / _FARTHEST:
        return "under 0.000001"
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
        return too_wide(estimate) or "no difference"
    subject, reference = _pair(comparison)
    if estimate.ratio < 1:
        estimate, subject, reference = estimate.inverse, reference, subject
    figure = "" if metric == THROUGHPUT else "p99 "
    unsure = " (one repeat)" if estimate.low is None else ""
    return f"{subject} {figure}{times(estimate.ratio)} {reference}{unsure}"


def _does(metric: Metric, ratio: float) -> str:
    many = f"{figures(ratio)} times"
    if metric == THROUGHPUT:
        return f"serves {many} as many messages as"
    if metric.name in _ANSWERED:
        return f"answers {_ANSWERED[metric.name]} messages in {many} the time of"
    return f"has {many} the {metric.name} of"


def _no_answers(missing: NoAnswers) -> str:
    """`at 8 connections lock answers no message in 1 of 3 repeats, so it is not compared`."""
    often = "" if missing.silent == missing.repeats else f" in {missing.silent} of {missing.repeats} repeats"
    rate_per_s = missing.rate_per_s
    series = missing.series if rate_per_s is None else without_rate(missing.series, rate_per_s)
    does = (
        f"fails {missing.failed:,} of {missing.sent:,} messages" if missing.failed else "answers no message"
    )
    left = ", so it is not compared" if often else ""
    return f"{place(missing.level, rate_per_s)} {series} {does}{often}{left}"
