"""The findings as a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

from bench.findings import Figure, Finding, Growth
from bench.ratio import Better, Ratio
from lockstep.analysis.intervals import Estimate

# A measured process that had less of its core was waiting: for its other side, or for others on the machine.
LEAST_SHARE = 0.8
HEADINGS = ("comparison", "ours", "theirs", "ratio", "95% interval", "spread", "turns", "wanted")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table, in words; empty where a finding has nothing to say."""

    comparison: str
    ours: str = ""
    theirs: str = ""
    ratio: str = ""
    interval: str = ""
    spread: str = ""
    turns: str = ""
    wanted: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """From left to right."""
        sides = (self.comparison, self.ours, self.theirs)
        return (*sides, self.ratio, self.interval, self.spread, self.turns, self.wanted)


def lines_of(finding: Finding) -> list[Line]:
    """A line, or for a growth one a point. Both sides are medians; the spread is from least to greatest."""
    if isinstance(finding, Ratio):
        return [_ratio_line(finding)]
    if isinstance(finding, Figure):
        return [_figure_line(finding)]
    if isinstance(finding, Growth):
        return _growth_lines(finding)
    return [Line(f"{finding.name}\n  {finding.reason}")]


def table_of(findings: Sequence[Finding]) -> Table:
    """All of them, in their order."""
    table = Table(*HEADINGS[:1], box=box.SIMPLE_HEAD)
    for heading in HEADINGS[1:]:
        table.add_column(heading, justify="right")
    for finding in findings:
        for line in lines_of(finding):
            table.add_row(*line.cells)
    return table


def _ratio_line(ratio: Ratio) -> Line:
    return Line(
        f"{ratio.name}\n  {ratio.unit}{_shares(ratio)}",
        number(statistics.median(ratio.ours)),
        number(statistics.median(ratio.theirs)),
        times(ratio.estimate.ratio),
        _interval(ratio.estimate),
        f"{times(min(ratio.ratios))} - {times(max(ratio.ratios))}",
        str(len(ratio.ratios)),
        _wanted(ratio),
    )


def _figure_line(figure: Figure) -> Line:
    several = len(figure.values) > 1
    return Line(
        f"{figure.name}, {figure.unit}",
        number(figure.median),
        spread=f"{number(min(figure.values))} - {number(max(figure.values))}" if several else "",
        turns=str(len(figure.values)) if several else "",
        wanted=_wanted(figure),
    )


def _growth_lines(growth: Growth) -> list[Line]:
    return [
        Line(
            f"{growth.name}, {point.connections:,} connections\n  messages per CPU second, memory in MB",
            f"{number(point.per_cpu_s)}\n{number(point.resident_bytes / 1e6)}",
        )
        for point in growth.points
    ]


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "none"
    return f"{times(estimate.low)} - {times(estimate.high)}"


def _shares(ratio: Ratio) -> str:
    """How much of a core each side had, where that is known; marked where one of them was not the limit."""
    if not ratio.ours_shares:
        return ""
    ours, theirs = statistics.median(ratio.ours_shares), statistics.median(ratio.theirs_shares)
    mark = "" if min(ours, theirs) >= LEAST_SHARE else "\n  (something else was the limit)"
    return f"; with {ours:.0%} and {theirs:.0%} of a core{mark}"


def number(value: float) -> str:
    """Whole from a hundred on, thousands grouped; otherwise three figures."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def times(ratio: float) -> str:
    """A ratio: two decimals, and from a hundred on three figures."""
    return f"{ratio:.2f}" if ratio < 100 else f"{ratio:.3g}"


def _wanted(finding: Ratio | Figure) -> str:
    """What was wanted and what became of that; empty where nothing was."""
    if finding.wanted is None:
        return ""
    sign = "≥" if finding.better is Better.HIGHER else "≤"
    return f"{sign} {finding.wanted:g} {finding.verdict}"
