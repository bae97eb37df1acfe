"""Comparisons and verdicts in plain sentences, the same on the page, in the terminal and while it runs.

Whoever is compared is the subject, its baseline the reference, so that sentences line up. A ratio below 1 is
said as a percentage, from 1 on as a factor: "reaches 7.5% of free's throughput", "is 17.7 times free's". Its
interval has the same unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockstep.analysis.comparison import Comparison, NoAnswers, Verdict
from lockstep.analysis.intervals import Estimate, repeats_for, repeats_to_show
from lockstep.analysis.metrics import Metric
from lockstep.analysis.numbers import figures
from lockstep.analysis.series import per_second
from lockstep.report.limit_words import limit_in_short
from lockstep.report.words import CI, counted, load

# Of which it is said what it would take to show it.
SMALL_DIFFERENCE = 0.05
# An interval of few repeats may end beyond any number that means something to a reader.
_FARTHEST = 1_000_000


@dataclass(frozen=True, slots=True)
class _Template:
    """How one metric is spoken of.

    noun: its name. short: the same in lists. less, more: a ratio below 1, and from 1 on; with slots for the
    subject, the reference and the ratio in words.
    """

    noun: str
    short: str
    less: str
    more: str


def _time(noun: str, short: str) -> _Template:
    lead = "{subject}'s " + noun + " is {ratio} "
    return _Template(noun, short, lead + "of {reference}'s", lead + "{reference}'s")


_TEMPLATES: Mapping[str, _Template] = {
    "messages_per_s": _Template(
        "throughput",
        "",
        "{subject} reaches {ratio} of {reference}'s throughput",
        "{subject}'s throughput is {ratio} {reference}'s",
    ),
    "response_p50": _time("median response time", "p50 "),
    "response_p99": _time("p99 response time", "p99 "),
}


def metric_noun(metric: Metric) -> str:
    """What a metric is called in a sentence: `throughput`, `p99 response time`."""
    return _template(metric).noun


def repeats_sentence(comparisons: Sequence[Comparison]) -> str | None:
    """How many repeats a small difference would take in each metric; None where no spread is known."""
    by_metric: dict[str, list[Comparison]] = {}
    for each in comparisons:
        by_metric.setdefault(metric_noun(each.metric), []).append(each)
    needed = [
        (noun, repeats_for([each.estimate for each in alike], SMALL_DIFFERENCE))
        for noun, alike in by_metric.items()
    ]
    if not any(each.estimate.high is not None for each in comparisons):
        return None
    counts = [(noun, "more than a thousand" if count is None else str(count)) for noun, count in needed]
    words = [f"{count}{'' if place else ' repeats'} in {noun}" for place, (noun, count) in enumerate(counts)]
    return f"at this spread a difference of {SMALL_DIFFERENCE:.0%} takes {', '.join(words)}"


def verdict_sentences(verdict: Verdict) -> list[str]:
    """A sentence for each comparison, the headline first, and for whoever answered nothing.

    Empty where the verdict is withheld, or nothing was compared.
    """
    headline = verdict.headline
    first = [] if headline is None else [headline]
    rest = [each for each in verdict.comparisons if each is not headline]
    return [*map(sentence, first), *map(_no_answers, verdict.unanswered), *map(sentence, rest)]


def withheld_sentence(verdict: Verdict) -> str | None:
    """By which checks there is no verdict, whose words stand beside them; None where there is one."""
    if not verdict.withheld:
        return None
    return f"No verdict, the run is degraded: {', '.join(each.check.name for each in verdict.withheld)}."


def verdict_in_short(verdict: Verdict) -> str:
    """The headline in a few words, for lists: `lock 6.3% of free at 32`."""
    if verdict.withheld:
        return "no verdict"
    headline = verdict.headline
    if verdict.limits:
        return ", ".join(map(limit_in_short, verdict.limits))
    if headline is None:
        return "no answer" if verdict.silent or verdict.unanswered else "nothing compared"
    rate_per_s = headline.series.rate_per_s
    load = str(headline.level) if rate_per_s is None else per_second(rate_per_s)
    return f"{_in_short(headline)} at {load}"


def sentence(comparison: Comparison) -> str:
    """Where, who, how much of whom, and between which bounds.

    `at 32 connections, lock reaches 7.5% of free's throughput (95% CI 4.5% to 12.3%)`
    """
    subject, reference = _pair(comparison)
    words = claim(comparison.metric, comparison.estimate, subject, reference)
    return f"at {load(comparison)}, {words}"


def claim(metric: Metric, estimate: Estimate, subject: str, reference: str) -> str:
    """What is shown of subject over reference in one metric: never a difference where the interval holds 1.

    No figure either where the interval is too wide to tell its order of magnitude.
    """
    template = _template(metric)
    if estimate.low is not None and not estimate.differs:
        return _nothing_shown(template.noun, estimate, subject, reference)
    if estimate.vague:
        side = "lower" if estimate.ratio < 1 else "higher"
        return (
            f"{subject}'s {template.noun} is {side} than {reference}'s; {estimate.samples} repeats are too "
            f"noisy to say by how much ({interval_words(estimate)}): more --repeats or --seconds would help"
        )
    words = template.less if estimate.ratio < 1 else template.more
    ratio = _percentage(estimate.ratio) if estimate.ratio < 1 else f"{bound(estimate.ratio)} times"
    return f"{words.format(subject=subject, reference=reference, ratio=ratio)} ({interval_words(estimate)})"


def _template(metric: Metric) -> _Template:
    return _TEMPLATES.get(metric.name) or _time(metric.name, f"{metric.name} ")


def _nothing_shown(noun: str, estimate: Estimate, subject: str, reference: str) -> str:
    known = "" if estimate.wide else f" (ratio {figures(estimate.ratio)}, {CI} {range_words(estimate)})"
    if not estimate.noisy:
        return f"no significant difference between {subject} and {reference} in {noun}{known}"
    enough = repeats_to_show(estimate)
    few = "too few" if estimate.samples == 2 else "too noisy"
    more = "more --repeats or --seconds" if enough is None else f"--repeats {enough}, or more --seconds,"
    return (
        f"{counted(estimate.samples, 'repeat')} are {few} to say whether {subject} and {reference} differ in "
        f"{noun}{known}: {more} would help"
    )


def interval_words(estimate: Estimate) -> str:
    """`95% CI 4.5% to 12.3%`, in the unit of the ratio; or that one repeat has none."""
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return "one repeat: no confidence interval"
    in_words = _percentage if estimate.ratio < 1 else bound
    return f"{CI} {in_words(low)} to {in_words(high)}"


def estimate_words(estimate: Estimate, unclear: str = "not significant") -> str:
    """`0.056 (0.051 to 0.061)`. unclear: what is said beside an interval that holds 1."""
    if estimate.low is None or estimate.high is None:
        return f"{figures(estimate.ratio)} (one repeat)"
    words = f"{figures(estimate.ratio)} ({range_words(estimate)})"
    if estimate.differs or estimate.wide:
        return words
    return f"{words}, {noise_words(estimate) or unclear}"


def range_words(estimate: Estimate) -> str:
    """The ratio's interval, `15.1 to 16.4`; of one that says nothing no number is told."""
    if estimate.low is None or estimate.high is None:
        return "unknown"
    if estimate.wide:
        return noise_words(estimate)
    return f"{bound(estimate.low)} to {bound(estimate.high)}"


def noise_words(estimate: Estimate) -> str:
    """Why an interval shows neither a difference nor that there is none, in two words; "" where it does."""
    if not estimate.noisy:
        return ""
    return "too few repeats" if estimate.samples == 2 else "too noisy"


def bound(value: float) -> str:
    """A ratio or an interval's end: with more figures where three would round it to 1 and hide its side."""
    if value > _FARTHEST:
        return f"over {_FARTHEST:,}"
    if value < 1 / _FARTHEST:
        return "under 0.000001"
    return f"{value:.5g}" if value != 1 and figures(value) == "1.00" else figures(value)


def _percentage(ratio: float) -> str:
    """A ratio below 1, `7.5%`: one decimal, two figures below 1%, more where it would round to 100%."""
    percent = 100 * ratio
    if percent < 0.0001:
        return "under 0.0001%"
    if ratio != 1 and f"{percent:.1f}" == "100.0":
        return f"{percent:.5g}%"
    return f"{percent:.1f}%" if percent >= 0.95 else f"{percent:.2g}%"


def _pair(comparison: Comparison) -> tuple[str, str]:
    """Both series as they are called where the load is told beside them."""
    return comparison.series.name_beside_load, comparison.baseline.name_beside_load


def _in_short(comparison: Comparison) -> str:
    estimate = comparison.estimate
    if estimate.low is not None and not estimate.differs:
        return noise_words(estimate) or "no significant difference"
    subject, reference = _pair(comparison)
    less = estimate.ratio < 1
    ratio = f"{_percentage(estimate.ratio)} of" if less else f"{bound(estimate.ratio)}x"
    if estimate.vague:
        ratio = "below" if less else "above"
    unsure = " (one repeat)" if estimate.low is None else ""
    return f"{subject} {_template(comparison.metric).short}{ratio} {reference}{unsure}"


def _no_answers(missing: NoAnswers) -> str:
    """`at 8 connections, lock answers no message in 1 of 3 repeats, so it is not compared`."""
    often = "" if missing.silent == missing.repeats else f" in {missing.silent} of {missing.repeats} repeats"
    does = (
        f"fails {missing.failed:,} of {missing.sent:,} messages" if missing.failed else "answers no message"
    )
    left = ", so it is not compared" if often else ""
    where = load(missing)
    return f"at {where}, {missing.series.name_beside_load} {does}{often}{left}"
