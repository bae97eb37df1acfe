"""A renderer for tests of all that is no drawing."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.report.charts.renderer import Renderer


class Blank(Renderer):
    """Draws nothing, and needs no second to come up: for pages of which words and numbers are looked at."""

    def draw(self, specifications: Sequence[str]) -> list[str]:
        return ['<svg viewBox="0 0 4 3"></svg>' for _ in specifications]
