"""Two runs against each other: in a terminal of 80 columns, and as Markdown for a comment on a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lockstep.analysis.conditions import Mismatch, builds
from lockstep.analysis.run_diff import RunDiff
from lockstep.report.diff_words import (
    HEADER,
    diff_headline,
    diff_rows,
    diff_sentences,
    forced_sentences,
    legend,
)
from lockstep.runs.records import Run


def print_diff(
    found: RunDiff, runs: tuple[Run, Run], differing: Sequence[Mismatch], console: Console
) -> None:
    """What was forced, the headline, its sentences, then every figure."""
    for line in forced_sentences(differing):
        console.print(Text(line, style="bold red"))
    console.print(Text(diff_headline(found), style="bold"))
    for line in diff_sentences(found):
        console.print(Text(f"- {line}"))
    rows = diff_rows(found)
    if rows:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        for name in HEADER:
            left = name in {"mode", "figure", "verdict"}
            table.add_column(name, justify="left" if left else "right", no_wrap=name != "mode")
        for row in rows:
            table.add_row(*astuple(row))
        console.print(table)
        console.print(legend(found.tolerance))
    for line in _names(runs):
        console.print(Text(line))


def diff_markdown(found: RunDiff, runs: tuple[Run, Run], differing: Sequence[Mismatch]) -> str:
    """The same as Markdown."""
    lines = [f"**{line}**" for line in forced_sentences(differing)]
    lines += [f"**{diff_headline(found)}**", "", *(f"- {line}" for line in diff_sentences(found)), ""]
    rows = diff_rows(found)
    if rows:
        lines += [_row(HEADER), _row(["---"] * len(HEADER)), *(_row(astuple(row)) for row in rows), ""]
        lines += [legend(found.tolerance), ""]
    return "\n".join([*lines, *(f"- {line}" for line in _names(runs))])


def _row(words: Sequence[str]) -> str:
    return "| " + " | ".join(word.replace("|", r"\|") for word in words) + " |"


def _names(runs: tuple[Run, Run]) -> list[str]:
    named = [f"{letter}: {run.run_id}, {run.command}" for letter, run in zip("AB", runs, strict=True)]
    return [*named, f"Lockstep: {'; '.join(builds(*runs))}"]
