"""The report as Markdown that fits a comment on a pull request: sentence, small table, checks, conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.checks import degradations
from lockstep.analysis.comparison import Comparison
from lockstep.analysis.series import Series
from lockstep.report.conditions import in_one_line
from lockstep.report.headline import CELL, headline, standing, supporting
from lockstep.report.loads import load, named
from lockstep.report.material import Material
from lockstep.report.numbers import counted
from lockstep.report.sections.confidence import estimate_words
from lockstep.report.sections.figures import RESULT_BY_NAME

MOST_ROWS = 12
# The columns of the results that fit a comment, by name, between the load and the ratio.
PICKED = ("messages_per_s", "response_p50", "response_p99", "in_service", "failed")
HEADS = ("mode", "load", *(RESULT_BY_NAME[name].head for name in PICKED), "ratio (95%)")


def summary_md(material: Material) -> str:
    """The whole text; it ends with a newline."""
    blocks = [
        *([f"**{said}**"] if (said := standing(material.run)) else []),
        *_degraded(material),
        f"**{_escaped(headline(material.verdict, material.aggregates))}**",
        _bullets(map(_escaped, supporting(material.verdict, material.aggregates))),
        *_table(material),
        _checks(material),
        f"Measured on {_escaped(in_one_line(material.run))}.",
        *([f"```sh\n{material.run.command}\n```"] if material.run.command else []),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _degraded(material: Material) -> list[str]:
    if not degradations(material.findings):
        return []
    return ["**Degraded run: figures may be missing or wrong, do not quote them.**"]


def _table(material: Material) -> Iterator[str]:
    """The rows under the greatest loads, MOST_ROWS at most, and how many more there are."""
    chosen = _greatest(material.aggregates)
    if not chosen:
        return
    ratios = _ratios(material.verdict.comparisons)
    rows = [_row(each, ratios.get((each.series, each.level), "")) for each in chosen]
    rule = ["---"] * 2 + ["---:"] * (len(HEADS) - 2)
    yield "\n".join(f"| {' | '.join(words)} |" for words in (HEADS, rule, *rows))
    left = len(material.aggregates) - len(chosen)
    if left:
        yield f"and {left} more under lesser loads, in report.html."
    baselines = dict.fromkeys(each.baseline.name for each in material.verdict.comparisons)
    if baselines:
        yield (
            f"Ratio: messages per second over {_escaped(' and '.join(baselines))}; "
            "under open load the time for 99% of messages. The geometric mean of the repeats' ratios. "
            f"{CELL}"
        )


def _greatest(aggregates: Sequence[Aggregate]) -> list[Aggregate]:
    """As many as fit, greatest loads first; in the plan's order."""
    by_load = sorted(aggregates, key=lambda each: (each.level, each.series.rate_per_s or 0.0), reverse=True)
    kept = by_load[:MOST_ROWS]
    return [each for each in aggregates if each in kept]


def _ratios(comparisons: Sequence[Comparison]) -> dict[tuple[Series, int], str]:
    """(series, level) -> its ratio in throughput, or under open load in p99."""
    chosen = ("messages_per_s", "response_p99")
    return {
        (each.series, each.level): estimate_words(each.estimate)
        for each in comparisons
        if each.metric.name == chosen[each.series.rate_per_s is not None]
    }


def _row(each: Aggregate, ratio: str) -> list[str]:
    words = (named(each), load(each), *(RESULT_BY_NAME[name].value(each) for name in PICKED), ratio)
    return [_escaped(word) for word in words]


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


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _escaped(text: str) -> str:
    """Without what Markdown or HTML would take for its own."""
    for sign in ("\\", "|", "<", "*", "`", "["):
        text = text.replace(sign, f"\\{sign}")
    return text
