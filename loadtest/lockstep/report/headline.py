"""The verdict in words: the sentence to remember, and a few that support it."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.blast import Radius
from lockstep.analysis.comparison import Comparison, NoAnswers, Verdict
from lockstep.analysis.holders import Holder
from lockstep.analysis.numbers import duration, figures
from lockstep.report.holder_words import held_sentence
from lockstep.report.limit_words import limit_sentences, limits_headline
from lockstep.report.verdict_words import repeats_sentence, sentence, verdict_sentences, withheld_sentence
from lockstep.report.words import (
    blast_sentence,
    counted,
    greatest_load,
    load,
    named,
    senders_words,
    share,
    under,
)
from lockstep.runs.records import Run

MAX_SUPPORTING = 4
# What a service does whose users ask nothing, by their steps; what it says comes first.
_STEPS = (("receive", "pushes"), ("send", "takes"))
# Failures are named in a sentence from this part of the messages on; so many series are.
FAILED_TOLD = 0.01
MAX_FAILING = 3


def a_cell(noun: str) -> str:
    """What a cell is. noun: what its series are."""
    return f"A cell is one {noun} at one level (number of connections), measured once."


def standing(run: Run) -> str:
    """What has to be known before any figure of a run that is not whole; "" where it is."""
    if run.interrupted:
        return (
            "Interrupted run: it was stopped before its plan was done; these are the cells measured so far."
        )
    if run.finished is None:
        return "Unfinished run: it was cut off, or still goes on; these are the cells saved so far."
    return ""


def headline(verdict: Verdict, aggregates: Sequence[Aggregate]) -> str:
    """The one sentence to remember. Where nothing was compared it says what was measured."""
    withheld = withheld_sentence(verdict)
    if withheld is not None:
        return withheld
    if verdict.silent or _silent(aggregates):
        return _no_answer(verdict.wrong)
    if verdict.limits:
        return as_sentence(limits_headline(verdict.limits))
    compared = verdict_sentences(verdict)
    if compared:
        return as_sentence(compared[0])
    top = greatest_load(aggregates)
    return _alone(top[0]) if top else "No cell was measured to its end."


def supporting(
    verdict: Verdict,
    aggregates: Sequence[Aggregate],
    blasts: Sequence[Radius] = (),
    holders: Sequence[Holder] = (),
) -> list[str]:
    """Up to MAX_SUPPORTING sentences on the same load, then back-pressure, what holds it, and hand-offs.

    Who fails messages comes first, then whoever answered nothing, then the other series in the headline's
    metric, then the headline's own series in the other metrics. Last of all comes the worst of the blast
    radii, if there are any, and of two repeats how many it takes. Of a search it is what lies beyond each
    limit. None of a withheld verdict.
    """
    if verdict.withheld or verdict.silent or _silent(aggregates):
        return []
    if verdict.limits:
        return [as_sentence(words) for words in limit_sentences(verdict.limits)]
    chosen = verdict.headline
    # The headline is the first sentence of all; without a comparison that is the first silence.
    left = len(verdict.unanswered) - (chosen is None)
    unanswered = verdict_sentences(verdict)[1 : 1 + max(0, left)]
    alike: list[Comparison] = []
    if chosen is not None:
        found = (each for each in verdict.comparisons if _supports(each, chosen))
        alike = sorted(found, key=lambda each: each.series == chosen.series)
    failing = failing_sentence(aggregates, verdict.unanswered)
    told = [*([] if failing is None else [failing]), *unanswered, *map(sentence, alike)]
    sentences = [as_sentence(words) for words in told[:MAX_SUPPORTING]]
    pressure = pressure_sentence(aggregates)
    handoffs = handoff_sentence(aggregates)
    worst = [as_sentence(blast_sentence(blasts))] if blasts else []
    sentences += [] if pressure is None else [pressure]
    held = held_sentence(holders, aggregates)
    sentences += [] if held is None else [as_sentence(held)]
    rehearsed = _rehearsed(verdict.comparisons)
    return [*sentences, *([] if handoffs is None else [handoffs]), *worst, *rehearsed]


def _rehearsed(comparisons: Sequence[Comparison]) -> list[str]:
    """What two repeats are good for: to say how many it takes."""
    two = comparisons and all(each.estimate.samples == 2 for each in comparisons)
    words = repeats_sentence(comparisons) if two else None
    return [] if words is None else [as_sentence(words)]


def pressure_sentence(aggregates: Sequence[Aggregate]) -> str | None:
    """How much of their time who only send are held up, which is what they are there for."""
    words = senders_words(aggregates)
    return None if words is None else as_sentence(f"back-pressure: {words[0].lower()}{words[1:]}")


def failing_sentence(aggregates: Sequence[Aggregate], unanswered: Sequence[NoAnswers] = ()) -> str | None:
    """What part of its messages each series fails, under the load where that is most; None where little is.

    unanswered: who is named already, as having failed most.
    """
    named_already = {(each.series, each.level) for each in unanswered}
    failing = [
        each
        for each in aggregates
        if each.failures >= FAILED_TOLD * each.sent > 0 and (each.series, each.level) not in named_already
    ]
    worst = {each.series: each for each in sorted(failing, key=_failed)}
    if not worst:
        return None
    first, *others = sorted(worst.values(), key=_failed, reverse=True)
    parts = [f"{under(first)}, {named(first)} fails {_part_failed(first, ' of its messages')}"]
    for each in others[: MAX_FAILING - 1]:
        at = "" if load(each) == load(first) else f"at {load(each)} "
        parts.append(f"{at}{named(each)} {_part_failed(each)}")
    more = len(others) + 1 - MAX_FAILING
    return ", ".join([*parts, *([f"and {more} more fail some"] if more > 0 else [])])


def _failed(each: Aggregate) -> float:
    return each.failures / each.sent


def _part_failed(each: Aggregate, of: str = "") -> str:
    """`49% of its messages (1,570 of 3,190)`."""
    return f"{share(each.failures, each.sent)}{of} ({each.failures:,} of {each.sent:,})"


def _no_answer(wrong: str | None) -> str:
    """wrong: what was said of the first reply, None where none came."""
    if wrong is None:
        return "No message was answered."
    return as_sentence("no reply was as expected" + (f"; the first failure: {wrong}" if wrong else ""))


def handoff_sentence(aggregates: Sequence[Aggregate]) -> str | None:
    """What it takes each mode to hand a permit on, under the greatest load under which anybody waited.

    None where no hand-off was measured.
    """
    measured = {
        each.series.mode: handoff.median
        for each in sorted(aggregates, key=lambda each: (each.level, each.series.rate_per_s or 0))
        if (handoff := each.time("handoff", "mean")) is not None
    }
    order = [mode for mode in dict.fromkeys(each.series.mode for each in aggregates) if mode in measured]
    if not order:
        return None
    each_mode = ", ".join(f"{duration(measured[mode])} with {mode}" for mode in order)
    return f"Mean hand-off, from a permit's release to the next admission: {each_mode}."


def peak_notes(aggregates: Sequence[Aggregate]) -> list[str]:
    """Why more may have been in service than there were users; nothing where that was not so."""
    above = [
        each for each in aggregates if each.max_in_service is not None and each.max_in_service > each.level
    ]
    if not above:
        return []
    peak, users = above[0].max_in_service, counted(above[0].level, "user")
    return [
        f"Peak {peak} with {users}: where permits are left, a user's next connection can be admitted before "
        "its last one's permit is back."
    ]


def as_sentence(words: str) -> str:
    """With a capital and a full stop."""
    return f"{words[0].upper()}{words[1:]}" + ("" if words.endswith(".") else ".")


def _silent(aggregates: Sequence[Aggregate]) -> bool:
    """Whether cells were measured, and nobody answered, pushed or took anything in any of them."""
    measured = [each.messages_per_s for each in aggregates if each.messages_per_s is not None]
    steps = any(each.steps_per_s for each in aggregates)
    return bool(measured) and not steps and not any(each.max for each in measured)


def _supports(each: Comparison, chosen: Comparison) -> bool:
    """Same load; the same metric, or the same pair."""
    if each is chosen or (each.level, each.series.rate_per_s) != (chosen.level, chosen.series.rate_per_s):
        return False
    return each.metric == chosen.metric or (
        each.series == chosen.series and each.metric.name == "response_p99"
    )


def _alone(each: Aggregate) -> str:
    answered = each.messages_per_s.median if each.messages_per_s is not None else 0.0
    repeats = "one repeat" if each.repeats == 1 else f"median of {each.repeats} repeats"
    slowest = each.time("response", "p99")
    for name, does in _STEPS:
        if not answered and name in each.steps_per_s:
            count = figures(each.steps_per_s[name].median)
            return f"{under(each)}, {named(each)} {does} {count} messages/s ({repeats})."
    if each.series.rate_per_s is not None and slowest is not None:
        within = duration(slowest.median)
        return f"{under(each)}, {named(each)}'s p99 response time is {within} ({repeats})."
    return f"{under(each)}, {named(each)}'s throughput is {figures(answered)} messages/s ({repeats})."
