"""Charts to SVG text: one look for all, ready to be set inline into a page, the same bytes every time."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert
from altair.utils.schemapi import debug_mode

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


def chart_of(rows: Sequence[Row]) -> alt.Chart:
    """A chart of these rows, still without marks."""
    # Altair would hold each row against its schema, at every step: tests do that once, with the whole chart.
    with debug_mode(False):
        # A tuple, because lists would be copied, row by row, each time a chart is put into another.
        return alt.Chart(alt.InlineData(values=tuple(dict(row) for row in rows)))


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
