"""How sure the ratios are: a forest plot, a row for each series and load, with the interval and 1 marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import altair as alt

from lockstep.analysis.comparison import Comparison
from lockstep.analysis.intervals import Estimate
from lockstep.report import axes
from lockstep.report.loads import named
from lockstep.report.numbers import figures
from lockstep.report.row_layout import Block, Layout
from lockstep.report.svg import INK, Chart, Row, chart_of
from lockstep.report.verdict_words import place, range_words

# With two repeats an interval can span decades: it is drawn as far as this beyond the ratios.
_FARTHEST = 4.0


def certainty_chart(comparisons: Sequence[Comparison], colours: dict[str, str]) -> Chart | None:
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


def estimate_words(estimate: Estimate, unclear: str = "no difference shown") -> str:
    """`0.056 (0.051 to 0.061)`. unclear: what is said beside an interval that holds 1."""
    if estimate.low is None or estimate.high is None:
        return f"{figures(estimate.ratio)} (one repeat)"
    words = f"{figures(estimate.ratio)} ({range_words(estimate)})"
    return words if estimate.differs or estimate.noisy else f"{words}, {unclear}"


def _block(load: str, comparisons: Sequence[Comparison], colours: dict[str, str], axis: axes.Axis) -> Block:
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
        words.append({"series": named(each), "words": estimate_words(each.estimate, "not shown")})
    return Block(load, [named(each) for each in comparisons], marks, words)


def _by_load(comparisons: Sequence[Comparison]) -> Iterable[tuple[str, list[Comparison]]]:
    def load(each: Comparison) -> tuple[int, float]:
        return each.level, each.rate_per_s or 0.0

    for _, group in groupby(sorted(comparisons, key=load), key=load):
        alike = list(group)
        yield place(alike[0].level, alike[0].rate_per_s).removeprefix("at "), alike


def _axis(estimates: Sequence[Estimate]) -> axes.Axis:
    ratios = [1.0, *(each.ratio for each in estimates)]
    low, high = min(ratios) / _FARTHEST, max(ratios) * _FARTHEST
    ends = [end for each in estimates for end in (each.low, each.high) if end is not None]
    return axes.logarithmic([*ratios, *(min(max(end, low), high) for end in ends)])
