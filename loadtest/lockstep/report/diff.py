"""Two runs against each other: in a terminal of 80 columns, and as Markdown for a comment on a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from lockstep.analysis.check import Finding
from lockstep.analysis.conditions import Mismatch, builds
from lockstep.analysis.metrics import Metric, Unit
from lockstep.analysis.numbers import duration, figures
from lockstep.analysis.run_diff import Change, Difference, Lost, RunDiff
from lockstep.analysis.series import Place
from lockstep.report.section import Column, Table
from lockstep.report.sections.figures import LEVEL, SERIES, figure_head
from lockstep.report.terminal import text_table
from lockstep.report.verdict_words import claim, range_words
from lockstep.report.words import counted, load, rate, share, whole
from lockstep.runs.records import Run


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of two runs. rows: of the table with these columns, none where there is none."""

    headline: str
    sentences: Sequence[str]
    columns: tuple[Column[Any], ...]
    rows: Sequence[Any]
    legend: str


def said(found: RunDiff) -> Said:
    """Of runs by plan: every figure."""
    return Said(
        diff_headline(found), diff_sentences(found), FIGURES, found.differences, legend(found.tolerance)
    )


def print_diff(said: Said, runs: tuple[Run, Run], differing: Sequence[Mismatch], console: Console) -> None:
    """What was forced, the headline, its sentences, then the table."""
    for line in forced_sentences(differing):
        console.print(Text(line, style="bold red"))
    console.print(Text(said.headline, style="bold"))
    for line in said.sentences:
        console.print(Text(f"- {line}"))
    if said.rows:
        console.print(text_table(said.columns, said.rows, wrapped={"series"}))
        console.print(Text(said.legend))
    for line in _names(runs):
        console.print(Text(line))


def diff_markdown(said: Said, runs: tuple[Run, Run], differing: Sequence[Mismatch]) -> str:
    """The same as Markdown."""
    lines = [f"**{line}**" for line in forced_sentences(differing)]
    lines += [f"**{said.headline}**", "", *(f"- {line}" for line in said.sentences), ""]
    if said.rows:
        table = Table.of(said.columns, said.rows)
        lines += [*map(_row, (table.heads, ["---"] * len(said.columns), *table.rows)), ""]
        lines += [said.legend, ""]
    return "\n".join([*lines, *(f"- {line}" for line in _names(runs))])


def _row(words: Sequence[str]) -> str:
    return "| " + " | ".join(word.replace("|", r"\|") for word in words) + " |"


def _names(runs: tuple[Run, Run]) -> list[str]:
    named = [f"{letter}: {run.run_id}, {run.command}" for letter, run in zip("AB", runs, strict=True)]
    return [*named, f"Lockstep: {'; '.join(builds(*runs))}"]


FIGURES: tuple[Column[Difference], ...] = (
    SERIES.over(lambda each: each.series.name),
    LEVEL.over(lambda each: whole(each.level)),
    Column("figure", "figure", lambda each: figure_head(each.metric, short=True), text=True),
    Column("first", "A", lambda each: _value(each.metric, each.first)),
    Column("second", "B", lambda each: _value(each.metric, each.second)),
    Column("ratio", "B/A", lambda each: figures(each.estimate.ratio)),
    Column("interval", "95% CI", lambda each: range_words(each.estimate)),
    Column("verdict", "verdict", lambda each: each.change.value, text=True),
)


def diff_headline(found: RunDiff) -> str:
    """The one sentence to remember."""
    percent = f"{100 * found.tolerance:g}%"
    many = counted(len(found.differences), "figure")
    if found.withheld:
        return withheld_headline(found.withheld)
    if found.of(Change.WORSE):
        return f"B is worse than A, beyond the tolerance of {percent}."
    if found.worse:
        anew = not any(each.first for each in found.lost if each.worse)
        return f"B is worse than A: it loses {'messages that A did not' if anew else 'more of its messages'}."
    if better := found.of(Change.BETTER):
        return f"B is better than A in {len(better)} of {many}, and worse in none beyond {percent}."
    if tolerated := found.of(Change.TOLERATED):
        return f"B differs from A in {len(tolerated)} of {many}, in none significantly beyond {percent}."
    return f"No significant difference between A and B in any of {many}."


def withheld_headline(withheld: Sequence[tuple[str, Finding]]) -> str:
    """Why nothing is said of two runs. withheld: which of them, and what is wrong with it."""
    return "No verdict: " + " ".join(f"{which} is degraded: {each.check.message}" for which, each in withheld)


def diff_sentences(found: RunDiff) -> list[str]:
    """What is worse, what is lost, what is better, what one run alone has, and what could not have shown."""
    changed = [*found.of(Change.WORSE), *found.of(Change.BETTER), *found.of(Change.TOLERATED)]
    return [
        *(_sentence(each) for each in changed if each.change is Change.WORSE),
        *map(_lost, found.lost),
        *(_sentence(each) for each in changed if each.change is not Change.WORSE),
        *_only("A", found.only_first),
        *_only("B", found.only_second),
        *_underpowered(found),
    ]


def forced_sentences(differing: Sequence[Mismatch]) -> list[str]:
    """What the runs do not share, though they were compared."""
    return [
        f"FORCED: {each.condition} differs, {each.first} in A and {each.second} in B" for each in differing
    ]


def legend(tolerance: float) -> str:
    """How to read the rows."""
    return (
        "A, B: geometric means of the repeats; p50, p99: response time. 95% CI: all intervals hold together. "
        f"worse, better: the whole interval lies beyond {100 * tolerance:g}%; tolerated: significant, but "
        "perhaps smaller than that; n.s.: not significant, the interval holds 1."
    )


def _sentence(each: Difference) -> str:
    words = claim(each.metric, each.estimate, each.series.name_beside_load, "A")
    return f"at {load(each)} in B, {words}"


def _lost(each: Lost) -> str:
    first, second = (share(part, 1) if part else "none" for part in (each.first, each.second))
    verdict = "worse" if each.worse else "not significantly worse"
    where = f"at {counted(each.level, 'connection')} in B"
    return f"{where}, {each.series} loses {second} of its messages, in A {first}: {verdict}"


def _only(run: str, places: Sequence[Place]) -> list[str]:
    if not places:
        return []
    return [f"only in {run}: " + ", ".join(f"{series} at {level}" for series, level in places)]


def _underpowered(found: RunDiff) -> list[str]:
    """A diff that could hardly fail must say so."""
    if not found.underpowered:
        return []
    return [
        f"in {len(found.underpowered)} of {counted(len(found.differences), 'figure')} a change of "
        f"{100 * found.tolerance:g}% would not be significant: more --repeats or --seconds would help"
    ]


def _value(metric: Metric, value: float) -> str:
    return duration(value) if metric.unit is Unit.US else rate(value)
