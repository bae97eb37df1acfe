"""Charts to SVG text and pictures: one look for all, the same bytes every time."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html import escape
from typing import Any

import altair as alt
import vl_convert
from altair.utils.schemapi import debug_mode

from lockstep.report.charts.palette import PAPER, PAPER_INK

INK = "currentColor"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
Layers = alt.LayerChart | alt.FacetChart
Chart = Layers | alt.VConcatChart | alt.HConcatChart
Row = Mapping[str, str | float | int]
# Ink is the page's own text colour, so that one SVG suits a light page, a dark one and paper.
_LOOK: dict[str, Any] = {
    # A drawing has one name for a screen reader, and its marks are in the table beneath: none is named.
    "aria": False,
    "background": "transparent",
    "padding": {"left": 8, "right": 16, "top": 4, "bottom": 4},
    "font": FONT,
    "view": {"stroke": None},
    "concat": {"spacing": 10},
    "axis": {
        "domain": False,
        "ticks": False,
        "grid": True,
        "gridColor": INK,
        "gridOpacity": 0.12,
        "labelColor": INK,
        "labelOpacity": 0.75,
        "labelFontSize": 12,
        "labelPadding": 6,
        "titleColor": INK,
        "titleOpacity": 0.75,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "title": {
        "color": INK,
        "fontSize": 12,
        "fontWeight": 600,
        "anchor": "start",
        "frame": "group",
        "offset": 5,
    },
    "text": {"color": INK, "fontSize": 12},
}
MARGIN = 20
MIN_WIDTH = 480
# A font that the renderer of the PNG brings along, and what browsers have in its place.
PICTURE_FONT = "'Liberation Sans', Arial, Helvetica, sans-serif"


def unchecked() -> AbstractContextManager[Any]:
    """Within it Altair holds no part of a chart against its schema: tests do that, with whole charts."""
    return debug_mode(False)


def chart_of(rows: Sequence[Row]) -> alt.Chart:
    """A chart of these rows, still without marks."""
    with unchecked():
        return _Shared(alt.InlineData(values=tuple(dict(row) for row in rows)))


class _Shared(alt.Chart):
    """A chart that shares what it is made of with its copies.

    Altair copies a chart with all its axes and rows several times each time it is put into another, in which
    only what stands at its top is changed.
    """

    def __deepcopy__(self, _: object) -> alt.Chart:
        copied: alt.Chart = self.copy(deep=False)
        return copied


def to_svg(chart: Chart, name: str, label: str) -> str:
    """The chart as one SVG element. name: unique on its page; label: what a screen reader says of it."""
    return inline(vl_convert.vegalite_to_svg(specification(chart)), name, label)


def specification(chart: Chart) -> str:
    """The chart in Vega-Lite's JSON, on one line."""
    # Charts are checked against Vega-Lite's schema by tests; here that would take longer than the drawing.
    return json.dumps({**chart.to_dict(validate=False), "config": _LOOK})


def inline(svg: str, name: str, label: str) -> str:
    """A drawing as an element of a page: as `to_svg`."""
    return _labelled(_own_ids(svg, name), label)


def _own_ids(svg: str, name: str) -> str:
    """Clip paths numbered from 0 and named after the chart.

    The renderer counts them over its lifetime: they would clash within a page and change from run to run.
    """
    found = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    for number, given in enumerate(found):
        own = f"{name}-{number}"
        svg = svg.replace(f'id="{given}"', f'id="{own}"').replace(f"url(#{given})", f"url(#{own})")
    return svg


def _width(drawn: int) -> int:
    """How wide a drawing may be shown, in pixels: in all of them letters are then of one size."""
    return round(drawn * 1.15)


def _labelled(svg: str, label: str) -> str:
    """An image with a name instead of hundreds of unnamed marks; sized by the page that holds it."""
    spoken = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    head, body = svg.split(">", 1)
    box = re.search(r'viewBox="0 0 (\d+)[^"]*"', head)
    assert box is not None, "the renderer gives every SVG a viewBox"
    body = re.sub(r' (?:role|aria-\w+)="[^"]*"', "", body)
    style = f"max-width:{_width(int(box[1]))}px"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box[0]} style="{style}" role="img" aria-label="{spoken}">'
        f"{body}"
    )


@dataclass(frozen=True, slots=True)
class _Type:
    """Lines of one size: letters of `size` pixels, at most `width` wide on average, `line` pixels apart."""

    size: int
    width: float
    line: int
    opacity: float
    weight: int = 400


_TITLE = _Type(18, 9.6, 25, 1.0, 700)
_NOTE = _Type(12, 5.9, 17, 0.7)
_NAME = _Type(13, 7.2, 22, 1.0, 700)


def picture(title: str, note: str, captions: Sequence[str], drawings: Sequence[str]) -> str:
    """One SVG file of drawings as the page shows them, set side by side, each under its caption."""
    boxes = [_box(drawing) for drawing in drawings]
    inner = max(MIN_WIDTH, sum(width for width, _ in boxes))
    parts: list[str] = []
    y = MARGIN
    for words, kind in ((title, _TITLE), (note, _NOTE)):
        lines = textwrap.wrap(words, int(inner / kind.width))
        parts += _lines(lines, MARGIN, y, kind)
        y += kind.line * len(lines) + 4
    names = any(captions)
    x = MARGIN
    for caption, svg, (width, _) in zip(captions, drawings, boxes, strict=True):
        if names:
            parts += _lines([caption], x, y, _NAME)
        parts.append(_placed(svg, x, y + (_NAME.line if names else 0)))
        x += width
    height = y + (_NAME.line if names else 0) + max(height for _, height in boxes) + MARGIN
    return _whole(inner + 2 * MARGIN, height, parts)


def png(svg: str) -> bytes:
    """The picture as PNG, with two pixels for each of its own."""
    drawn: bytes = vl_convert.svg_to_png(svg, scale=2)
    return drawn


def _lines(lines: Iterable[str], x: int, y: int, kind: _Type) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield (
            f'<text x="{x}" y="{y + kind.size + number * kind.line}" font-family="{PICTURE_FONT}" '
            f'font-size="{kind.size}" font-weight="{kind.weight}" fill="{PAPER_INK}" '
            f'opacity="{kind.opacity}">{escape(line, quote=False)}</text>'
        )


def _placed(svg: str, x: int, y: int) -> str:
    """A drawing of the page at a place of the picture: its letters and its ink become the picture's."""
    width, height = _box(svg)
    body = svg.split(">", 1)[1].replace(FONT, PICTURE_FONT).replace(INK, PAPER_INK)
    return f'<svg x="{x}" y="{y}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">{body}'


def _box(svg: str) -> tuple[int, int]:
    """Width and height, in pixels."""
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert found is not None, "the renderer gives every SVG a viewBox of whole pixels"
    return int(found[1]), int(found[2])


def _whole(width: int, height: int, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><rect width="100%" height="100%" fill="{PAPER}"/>'
        + "".join(parts)
        + "</svg>\n"
    )
