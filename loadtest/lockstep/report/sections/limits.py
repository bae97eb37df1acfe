"""What a search found: each load that was tried, what held, what broke, what is void, and the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lockstep.analysis.arrival_law import ArrivalLaw, arrival_laws
from lockstep.analysis.check import Topic
from lockstep.analysis.gate_syntax import Condition
from lockstep.analysis.limits import Limit
from lockstep.analysis.metrics import Unit
from lockstep.analysis.numbers import ABSENT
from lockstep.analysis.trials import Figure, Trial, promise_of
from lockstep.report.limit_words import (
    arrival_law_sentence,
    number_words,
    promise_words,
    value_words,
)
from lockstep.report.material import Material
from lockstep.report.section import Column, Drawing, Section, Table
from lockstep.report.sections.figures import SERIES
from lockstep.report.sections.limits_picture import (
    THROUGHPUT,
    kept_condition,
    kept_time,
    limits_chart,
    middle,
)
from lockstep.report.words import CI, rate, whole
from lockstep.search import Search


def limits_section(material: Material) -> Section | None:
    """None where the run was no search."""
    search, found = material.run.planned.search, material.limits
    if search is None or not any(each.trials for each in found):
        return None
    laws = arrival_laws(material.run, found, kept_condition(search)) if search.by_rate else []
    return Section(
        "limits",
        f"Where {promise_words(search)} breaks",
        f"Each mark is a load that was tried, its place the median of the repeats: solid through "
        f"{kept_time(search).name}, which the promise bounds (the line across), dashed through "
        "response_p50, and beneath both the throughput. A band is where the limit lies, 95 times of 100 "
        "(simulated): from the greatest load of which the whole interval holds to the least of which none "
        "does. Circle: the promise holds; cross: it breaks; diamond: the repeats leave it open; triangle: "
        "void, and on the line where no cell tells anything."
        f"{_told_laws(laws, material)}",
        (Topic.TIMES, Topic.THROUGHPUT),
        (Drawing(limits_chart(search, material, laws), f"{promise_words(search)}: figures against load"),),
        Table.of(_columns(search), [_Row(limit, trial) for limit in found for trial in limit.trials]),
        wide=True,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    limit: Limit
    trial: Trial


def _columns(search: Search) -> tuple[Column[_Row], ...]:
    return (
        SERIES.over(lambda row: row.limit.mode),
        Column(
            "load",
            "arrivals/s" if search.by_rate else "connections",
            lambda row: number_words(search, row.trial.load),
        ),
        Column("judgement", "the promise", lambda row: row.trial.judgement.value, text=True),
        Column("cells", "repeats", lambda row: whole(len(row.trial.cells))),
        *(column for condition in promise_of(search) for column in _condition_columns(condition)),
        Column("throughput", "messages/s", lambda row: rate(middle(row.trial, THROUGHPUT))),
        Column("spoiled", "void", lambda row: "; ".join(dict.fromkeys(row.trial.spoiled)), text=True),
    )


def _condition_columns(condition: Condition) -> Iterator[Column[_Row]]:
    """A condition's figure and, where it has one, its interval."""

    def of(row: _Row) -> Figure | None:
        return next((each for each in row.trial.figures if each.condition == condition), None)

    def value(row: _Row) -> str:
        figure = of(row)
        return ABSENT if figure is None else value_words(condition, figure.value)

    def interval(row: _Row) -> str:
        figure = of(row)
        if figure is None or figure.low is None or figure.high is None:
            return ABSENT
        return f"{value_words(condition, figure.low)} to {value_words(condition, figure.high)}"

    name = condition.metric.name
    yield Column(name, f"{name}, worst repeat" if condition.metric.counted else name, value)
    if condition.metric.unit in (Unit.US, Unit.PER_S):
        yield Column(f"{name}_interval", CI, interval)


def _told_laws(laws: Sequence[ArrivalLaw], material: Material) -> str:
    """What is dotted; nothing where nothing is."""
    if not laws and not any(each.law for each in material.scalings):
        return ""
    if not laws:
        return " Dotted, of the throughput: the universal scalability law (see there)."
    return f" {arrival_law_sentence(laws)}"
