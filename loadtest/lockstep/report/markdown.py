"""The report as Markdown that fits a comment on a pull request: sentence, small table, checks, conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.checks import degradations
from lockstep.analysis.comparison import Comparison, foremost
from lockstep.analysis.series import Series
from lockstep.report.conditions import in_one_line
from lockstep.report.headline import a_cell, headline, standing, supporting
from lockstep.report.material import Material
from lockstep.report.section import Column, Table, called
from lockstep.report.sections.figures import LOAD, NAMED, RESULT_BY_NAME
from lockstep.report.sections.requests import MORE_REQUESTS, kinds_of, requests_in_short
from lockstep.report.verdict_words import estimate_words
from lockstep.report.words import counted

MAX_ROWS = 12
# The columns of the results that fit a comment, between the load and the ratio.
PICKED = ("messages_per_s", "response_p50", "response_p99", "in_service", "failed")


def summary_md(material: Material) -> str:
    """The whole text; it ends with a newline."""
    blocks = [
        *([f"**{words}**"] if (words := standing(material.run)) else []),
        *_degraded(material),
        f"**{_escaped(headline(material.verdict, material.aggregates))}**",
        _bullets(
            map(
                _escaped,
                supporting(material.verdict, material.aggregates, material.radii, material.holders),
            )
        ),
        *_table(material),
        *_requests(material),
        _checks(material),
        f"Measured on {_escaped(in_one_line(material.run))}.",
        *([_code(material.run.command)] if material.run.command else []),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _degraded(material: Material) -> list[str]:
    if not degradations(material.findings):
        return []
    return ["**Degraded run: figures may be missing or wrong, do not quote them.**"]


def _table(material: Material) -> Iterator[str]:
    """The rows under the greatest loads, MAX_ROWS at most, and how many more there are."""
    chosen = _greatest(material.aggregates)
    if not chosen:
        return
    ratios = _ratios(material.verdict.comparisons)
    ratio: Column[Aggregate] = Column(
        "ratio", "ratio (95% CI)", lambda each: ratios.get((each.series, each.level), "")
    )
    columns = called((NAMED, LOAD, *(RESULT_BY_NAME[name] for name in PICKED), ratio), material.noun)
    yield _drawn(Table.told(columns, chosen))
    left = len(material.aggregates) - len(chosen)
    if left:
        yield f"and {left} more under lower loads, in report.html."
    baselines = dict.fromkeys(each.baseline.name for each in material.verdict.comparisons)
    if baselines:
        yield (
            f"Ratio: throughput, or under open load p99 response time, over that of "
            f"{_escaped(' and '.join(baselines))}: the geometric mean of the repeats' ratios. "
            f"{a_cell(material.noun)}"
        )


def _requests(material: Material) -> Iterator[str]:
    """The same by the names of messages, where they have some."""
    kinds = kinds_of(material)
    columns, chosen = requests_in_short(kinds)
    if chosen:
        yield _drawn(Table.of(called(columns, material.noun), chosen))
    if left := len(kinds) - len(chosen):
        yield MORE_REQUESTS.format(left=left)


def _drawn(table: Table) -> str:
    rule = ["---" if column.text else "---:" for column in table.columns]
    rows = [[*map(_escaped, row)] for row in table.rows]
    return "\n".join(f"| {' | '.join(words)} |" for words in (table.heads, rule, *rows))


def _greatest(aggregates: Sequence[Aggregate]) -> list[Aggregate]:
    """As many as fit, greatest loads first; in the plan's order."""
    by_load = sorted(aggregates, key=lambda each: (each.level, each.series.rate_per_s or 0.0), reverse=True)
    kept = by_load[:MAX_ROWS]
    return [each for each in aggregates if each in kept]


def _ratios(comparisons: Sequence[Comparison]) -> dict[tuple[Series, int], str]:
    """(series, level) -> its ratio in throughput, or under open load in p99."""
    return {
        (each.series, each.level): estimate_words(each.estimate)
        for each in comparisons
        if each.metric == foremost(each.series.rate_per_s)
    }


def _checks(material: Material) -> str:
    cells = len(material.cells)
    found = [
        f"`{finding.check.name}`"
        + (f" ({len(finding.where)} of {counted(cells, 'cell')})" if finding.where else "")
        + f": {finding.check.message}"
        for finding in material.findings
    ]
    notes = [f"note: {_escaped(note)}" for note in material.run.notes]
    return _bullets([*found, *notes]) or "All checks passed."


def _code(command: str) -> str:
    """Between fences longer than any of its own."""
    longest = max((len(ticks) for ticks in re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{command}\n{fence}"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _escaped(text: str) -> str:
    """Without what Markdown or HTML would take for its own."""
    for sign in ("\\", "|", "<", "*", "`", "["):
        text = text.replace(sign, f"\\{sign}")
    return text
