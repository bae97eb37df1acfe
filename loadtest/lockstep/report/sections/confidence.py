"""Confidence in the differences: a forest plot for each metric, with intervals and 1 marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import altair as alt

from lockstep.analysis.check import Topic
from lockstep.analysis.comparison import RESPONSE_TIMES, THROUGHPUT, Comparison
from lockstep.analysis.intervals import CONFIDENCE, Estimate
from lockstep.analysis.series import Series
from lockstep.report.charts import axes
from lockstep.report.charts.picture import INK, Chart, Row, chart_of
from lockstep.report.charts.rows import Block, Layout
from lockstep.report.material import Material
from lockstep.report.section import Column, Drawing, Section, Table
from lockstep.report.sections.figures import LOAD, SERIES, figure_head
from lockstep.report.verdict_words import estimate_words, metric_noun, repeats_sentence
from lockstep.report.words import counted, load, named, plain

DRAWN = (THROUGHPUT, RESPONSE_TIMES[-1])
# With two repeats an interval can span decades: it is drawn as far as this beyond the ratios.
_FARTHEST = 4.0
COMPARISONS: tuple[Column[Comparison], ...] = (
    SERIES.over(lambda each: each.series.name),
    Column("baseline", "baseline", lambda each: each.baseline.name, text=True),
    LOAD.over(load),
    Column("figure", "figure", lambda each: figure_head(each.metric), text=True),
    Column("ratio", "ratio", lambda each: plain(each.estimate.ratio)),
    Column("low", "low", lambda each: plain(each.estimate.low)),
    Column("high", "high", lambda each: plain(each.estimate.high)),
    Column("repeats", "repeats", lambda each: str(each.estimate.samples)),
    Column("significant", "significant", lambda each: "yes" if each.estimate.differs else "no"),
)


def certainty_section(material: Material) -> Section | None:
    """The forest plots; None where nothing was compared, as in a degraded run."""
    comparisons = material.verdict.comparisons
    if not comparisons:
        return None
    drawings = []
    for metric in DRAWN:
        alike = [each for each in comparisons if each.metric == metric]
        chart = certainty_chart(alike, material.colours)
        if chart is not None:
            noun = metric_noun(metric)
            label = f"Ratios of {noun} with their confidence intervals"
            drawings.append(Drawing(chart, label, note=noun))
    return Section(
        "certainty",
        certainty_title([each for each in comparisons if each.metric in DRAWN]),
        _note(comparisons, looked_at_often=material.run.planned.until is not None),
        (Topic.CERTAINTY,),
        tuple(drawings),
        Table.of(COMPARISONS, comparisons),
        wide=True,
    )


def certainty_title(comparisons: Sequence[Comparison]) -> str:
    """How many of the differences are significant."""
    if comparisons and all(each.estimate.low is None for each in comparisons):
        return "One repeat: no confidence interval"
    significant = sum(each.estimate.differs for each in comparisons)
    verb = "is" if significant == 1 else "are"
    many = counted(len(comparisons), "difference")
    return f"{significant} of {many} {verb} significant at {CONFIDENCE:.0%}"


def _note(comparisons: Sequence[Comparison], *, looked_at_often: bool) -> str:
    baselines = " and ".join(dict.fromkeys(each.baseline.name for each in comparisons))
    lead = f"Each figure over that of {baselines}, its baseline."
    if all(each.estimate.low is None for each in comparisons):
        return f"{lead} Dot: the ratio, of one repeat; dashed line: equal."
    samples = sorted({each.estimate.samples for each in comparisons})
    repeats = counted(samples[0], "repeat") if len(samples) == 1 else f"{samples[0]} to {samples[-1]} repeats"
    sentence = None if looked_at_often else repeats_sentence(comparisons)
    needed = "" if sentence is None else f" {sentence[0].upper()}{sentence[1:]}."
    held = ", which holds at however many repeats one stops (--until)" if looked_at_often else ""
    return (
        f"{lead} Dot: the geometric mean of the ratios of {repeats}; bar: its {CONFIDENCE:.0%} confidence "
        f"interval{held}; dashed line: equal. Where the bar crosses it, the difference is not significant."
        f"{needed}"
    )


def certainty_chart(comparisons: Sequence[Comparison], colours: Mapping[Series, str]) -> Chart | None:
    """The ratios of one metric, a block for each load; None where nothing was compared."""
    if not comparisons:
        return None
    axis = _axis([each.estimate for each in comparisons])
    layout = Layout.of(_block(load, group, colours, axis) for load, group in _by_load(comparisons))
    scale = alt.Scale(type="log", domain=[axis.low, axis.high], nice=False)
    ticks = alt.Axis(values=list(axis.ticks), labelExpr=f"format(datum.value, '{axes.TICK_FORMAT}') + 'x'")
    x = alt.X("ratio:Q", scale=scale, axis=ticks, title="times the baseline")
    low = alt.X("low:Q", scale=scale)
    colour = alt.Color("colour:N", scale=None)
    marks = chart_of(layout.marks)
    one = (
        chart_of([{"one": 1}])
        .mark_rule(color=INK, opacity=0.55, strokeDash=[4, 3])
        .encode(x=alt.X("one:Q", scale=scale))
    )
    span = marks.mark_rule(strokeWidth=5, opacity=0.45).encode(
        x=low, x2=alt.X2("high:Q"), y=layout.y, color=colour
    )
    dot = marks.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=layout.y, color=colour)
    return layout.chart([one, span, dot])


def _block(
    load: str, comparisons: Sequence[Comparison], colours: Mapping[Series, str], axis: axes.Axis
) -> Block:
    marks: list[Row] = []
    words: list[Row] = []
    for each in comparisons:
        ratio, low, high = each.estimate.ratio, each.estimate.low, each.estimate.high
        marks.append(
            {
                "series": named(each),
                "colour": colours[each.series],
                "ratio": ratio,
                "low": ratio if low is None else max(low, axis.low),
                "high": ratio if high is None else min(high, axis.high),
            }
        )
        words.append({"series": named(each), "words": estimate_words(each.estimate)})
    return Block(load, [named(each) for each in comparisons], marks, words)


def _by_load(comparisons: Sequence[Comparison]) -> Iterable[tuple[str, list[Comparison]]]:
    def heaviness(each: Comparison) -> tuple[int, float]:
        return each.level, each.series.rate_per_s or 0.0

    for _, group in groupby(sorted(comparisons, key=heaviness), key=heaviness):
        alike = list(group)
        yield load(alike[0]), alike


def _axis(estimates: Sequence[Estimate]) -> axes.Axis:
    ratios = [1.0, *(each.ratio for each in estimates)]
    low, high = min(ratios) / _FARTHEST, max(ratios) * _FARTHEST
    ends = [end for each in estimates for end in (each.low, each.high) if end is not None]
    return axes.logarithmic([*ratios, *(min(max(end, low), high) for end in ends)])
