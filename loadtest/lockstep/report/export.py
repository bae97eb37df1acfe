"""A section's charts as one picture that stands alone: on white, with title and note, as SVG and as PNG."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import vl_convert

from lockstep.report.palette import PAPER, PAPER_INK
from lockstep.report.section import Drawing, Section
from lockstep.report.svg import FONT, INK

MARGIN = 20
LEAST_WIDTH = 480
# A font that the renderer of the PNG brings along, and what browsers have in its place.
PICTURE_FONT = "'Liberation Sans', Arial, Helvetica, sans-serif"


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


def picture(section: Section, drawings: Sequence[str]) -> str:
    """The section as an SVG file. drawings: its drawings as the page shows them, set side by side."""
    boxes = [_box(drawing) for drawing in drawings]
    inner = max(LEAST_WIDTH, sum(width for width, _ in boxes))
    parts: list[str] = []
    y = MARGIN
    for words, kind in ((section.title, _TITLE), (_note(section), _NOTE)):
        lines = textwrap.wrap(words, int(inner / kind.width))
        parts += _lines(lines, MARGIN, y, kind)
        y += kind.line * len(lines) + 4
    names = any(_name(drawing) for drawing in section.drawings)
    x = MARGIN
    for drawing, svg, (width, _) in zip(section.drawings, drawings, boxes, strict=True):
        if names:
            parts += _lines([_name(drawing)], x, y, _NAME)
        parts.append(_placed(svg, x, y + (_NAME.line if names else 0)))
        x += width
    height = y + (_NAME.line if names else 0) + max(height for _, height in boxes) + MARGIN
    return _whole(inner + 2 * MARGIN, height, parts)


def png(svg: str) -> bytes:
    """The picture as PNG, with two pixels for each of its own."""
    drawn: bytes = vl_convert.svg_to_png(svg, scale=2)
    return drawn


def _name(drawing: Drawing) -> str:
    return ": ".join(words for words in (drawing.series, drawing.note) if words)


def _note(section: Section) -> str:
    """The note with the legend in words, for a picture has no page around it."""
    return " ".join([section.note, *(f"{each.look}: {each.meaning}." for each in section.legend)])


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
