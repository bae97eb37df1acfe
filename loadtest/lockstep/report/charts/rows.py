"""Rows of one chart: a block for each load, a row for each series between its name and its words.

All rows are places of one view. A view for each block would look the same, and take several times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import altair as alt

from lockstep.report.charts import axes
from lockstep.report.charts.picture import Layers, Row, chart_of

WIDTH = 240
ROW = 22
NAME_SPACE = 100
# A row without anything in it would look as if its series were at 0.
NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Block:
    """One load's rows. series: their names, in order. marks and words: each names the series of its row."""

    load: str
    series: list[str]
    marks: list[Row]
    words: list[Row]


@dataclass(frozen=True, slots=True)
class Layout:
    """Blocks one below the other; every mark and word has its `row`, counted from the top."""

    marks: list[Row]
    words: list[Row]
    names: list[Row]
    loads: list[Row]
    rows: int

    @classmethod
    def of(cls, blocks: Iterable[Block]) -> Layout:
        """Give each thing its place: a row for the block's load, then one for each of its series."""
        marks: list[Row] = []
        words: list[Row] = []
        names: list[Row] = []
        loads: list[Row] = []
        top = 0
        for block in blocks:
            places = {series: top + 1.5 + number for number, series in enumerate(block.series)}
            loads.append({"row": top + 0.5, "words": block.load})
            names += [{"row": place, "words": series} for series, place in places.items()]
            marks += _placed(block.marks, places)
            words += _placed(block.words, places)
            shown = {each["series"] for each in (*block.marks, *block.words)}
            words += [
                {"row": place, "words": NOT_MEASURED}
                for series, place in places.items()
                if series not in shown
            ]
            top += 1 + len(block.series)
        return cls(marks, words, names, loads, top)

    @property
    def y(self) -> alt.Y:
        """The place of a mark."""
        return alt.Y("row:Q", scale=self._scale, axis=None)

    def chart(self, layers: Sequence[alt.Chart]) -> Layers:
        """The layers with names, words and loads around them."""
        texts = (
            _text(self.names, alt.XValue(0), self.y, "right", -8),
            _text(self.words, alt.XValue(WIDTH), self.y, "left", 10),
            _text(self.loads, alt.XValue(0), self.y, "left", -NAME_SPACE, weight=600),
        )
        return alt.layer(*layers, *texts).properties(width=WIDTH, height=ROW * self.rows)

    @property
    def _scale(self) -> alt.Scale:
        return alt.Scale(domain=[0, self.rows], reverse=True, nice=False)


def _placed(things: Iterable[Row], places: dict[str, float]) -> Iterator[Row]:
    for each in things:
        yield {**each, "row": places[str(each["series"])]}


def _text(
    rows: Sequence[Row],
    x: alt.XValue,
    y: alt.Y,
    align: Literal["left", "right"],
    dx: int,
    weight: Literal[400, 600] = 400,
) -> alt.Chart:
    marked = chart_of(rows).mark_text(align=align, dx=dx, fontSize=12.5, fontWeight=weight)
    drawn: alt.Chart = marked.encode(x=x, y=y, text=alt.Text("words:N"))
    return drawn


def bars(blocks: Sequence[Block], axis: axes.Axis, unit: str | None) -> Layers:
    """Bars from start to end, as rules as thick as bars: they need no height of their own."""
    layout = Layout.of(blocks)
    scale = alt.Scale(domain=[axis.low, axis.high], nice=False)
    bars = (
        chart_of(layout.marks)
        .mark_rule(strokeWidth=13)
        .encode(
            x=alt.X("start:Q", scale=scale, axis=ticks(axis), title=unit),
            x2=alt.X2("end:Q"),
            y=layout.y,
            color=alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )
    return layout.chart([bars])


def ticks(axis: axes.Axis) -> alt.Axis:
    """The axis' own ticks, their numbers unrounded."""
    return alt.Axis(values=list(axis.ticks), format=axes.TICK_FORMAT)
