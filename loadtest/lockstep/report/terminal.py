"""The report in a terminal of 80 columns: the same sentences and the same numbers as the page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich import box
from rich.console import Console, JustifyMethod
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lockstep.analysis.aggregate import Aggregate
from lockstep.analysis.check import Finding
from lockstep.analysis.checks import degradations
from lockstep.analysis.gates import judge_gates
from lockstep.report.headline import a_cell, headline, peak_notes, standing, supporting
from lockstep.report.material import Material
from lockstep.report.section import SERIES, Column, Item, called, told_of
from lockstep.report.sections.figures import RESULT_BY_NAME
from lockstep.report.sections.gates import (
    FAILED,
    NOT_JUDGED,
    OK,
    value_at,
    value_with_spread,
    verdict_of,
)
from lockstep.report.sections.requests import MORE_REQUESTS, kinds_of, requests_in_short
from lockstep.report.words import counted
from lockstep.runs.records import Run

# The columns of the results that fit into 80 columns.
PICKED = (
    *("series", "level", "messages_per_s", "response_p50", "response_p99"),
    *("first_reply_p50", "wait", "in_service", "failed"),
)
COLUMNS = tuple(RESULT_BY_NAME[name] for name in PICKED)
# What heads mean that are short, by their columns.
_LEGENDS = {
    "level": "conns: connections",
    "response_p50": "p50, p99: response time",
    "first_reply_p50": "1st reply: p50",
    "wait": "wait: mean",
    "in_service": "peak: maximum in service",
    "failed": "failed: all repeats together",
}
DEGRADED = "DEGRADED RUN: figures may be missing or wrong, do not quote them."
_BOUNDLESS = 10_000
_STYLES = {OK: "green", FAILED: "bold red", NOT_JUDGED: "yellow"}


def print_report(material: Material, console: Console) -> None:
    """What degrades the run, the verdict in words, the table, and what the other checks found: each once."""
    if line := standing(material.run):
        console.print(Text(line, style="bold red"))
    degrading = degradations(material.findings)
    if degrading:
        console.print(Text(DEGRADED, style="bold red"))
    for finding in degrading:
        _print_finding(finding, console, style="red")
    console.print(Text(headline(material.verdict, material.aggregates), style="bold"))
    for line in supporting(material.verdict, material.aggregates, material.radii, material.holders):
        console.print(Text(line))
    if material.aggregates:
        # Where a series has a long name it is that which wraps, never a number.
        columns = called(told_of(COLUMNS, material.aggregates), material.noun)
        console.print(_results(columns, material.aggregates, console))
        console.print(" ".join([_legend(columns, material.noun), *peak_notes(material.aggregates)]))
    _print_requests(material, console)
    for finding in material.findings:
        if finding not in degrading:
            _print_finding(finding, console, style="yellow")
    for note in material.run.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    if not material.findings and not material.run.notes:
        console.print("All checks passed.")


def _results(
    columns: Sequence[Column[Aggregate]], aggregates: Sequence[Aggregate], console: Console
) -> Table:
    """The table of results, set closer where that saves a long name from being broken."""
    wide, close = (text_table(columns, aggregates, wrapped={SERIES}, gap=gap) for gap in (2, 1))
    # What is measured is never wider than what it is measured for.
    boundless = console.options.update_width(_BOUNDLESS)
    return wide if console.measure(wide, options=boundless).maximum <= console.width else close


def _print_requests(material: Material, console: Console) -> None:
    """The table by name; nothing where no message has one."""
    kinds = kinds_of(material)
    columns, chosen = requests_in_short(kinds)
    if chosen:
        wrapped = {SERIES, "request"}
        console.print()
        console.print(text_table(called(columns, material.noun), chosen, wrapped))
    if left := len(kinds) - len(chosen):
        console.print(MORE_REQUESTS.format(left=left))


def _legend(columns: Iterable[Column[Aggregate]], noun: str) -> str:
    heads = "; ".join(_LEGENDS[column.name] for column in columns if column.name in _LEGENDS)
    return (
        f"Medians of the repeats. {heads}. Ratios: geometric means over the repeats. "
        f"CI: confidence interval. {a_cell(noun)}"
    )


def text_table(
    columns: Sequence[Column[Item]], items: Iterable[Item], wrapped: Collection[str], gap: int = 2
) -> Table:
    """A row for each item, under short heads.

    wrapped: by name, the columns that may be broken, none else. gap: blanks between columns, 1 or more.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, gap - 1, 0, 0), show_edge=False)
    for column in columns:
        justify: JustifyMethod = "left" if column.text else "right"
        # A name without blanks, `semaphore=4/message`, is broken where it must be: cut, it could be another.
        table.add_column(
            column.short_head, justify=justify, no_wrap=column.name not in wrapped, overflow="fold"
        )
    for item in items:
        table.add_row(*(Text(column.value(item)) for column in columns))
    return table


def _print_finding(finding: Finding, console: Console, style: str) -> None:
    """What is wrong, where, and the advice; one line where all of it fits into one."""
    line, advice = Text(f"{finding.check.name}: {finding.check.message}", style=style), finding.check.advice
    if not finding.where and len(line) + 1 + len(advice) <= console.width:
        console.print(Text.assemble(line, " ", advice))
        return
    console.print(line)
    _print_where(finding, console)
    _print_below(advice, console)


def _print_below(line: str, console: Console) -> None:
    """A line that belongs to the one above it; where it is broken, all of it is set in."""
    console.print(Padding(Text(line), (0, 0, 0, 2), expand=False))


def _print_where(finding: Finding, console: Console, most: int = 3) -> None:
    """The first cells, and how many more there are."""
    for where in finding.where[:most]:
        _print_below(where, console)
    if len(finding.where) > most:
        _print_below(f"and {counted(len(finding.where) - most, 'more cell')}", console)


def print_gates(run: Run, console: Console) -> None:
    """`gate ok  free: response_p99 < 20ms  at 32: 4.10 ms`; nothing where the run has no gates.

    The spread follows where the line has room for it.
    """
    results = judge_gates(run)
    verdicts = max((len(verdict_of(each)) for each in results), default=0)
    gates = max((len(each.gate.text) for each in results), default=0)
    for each in results:
        verdict, gate = f"gate {verdict_of(each).ljust(verdicts)}  ", f"{each.gate.text.ljust(gates)}  "
        words = value_with_spread(each)
        if len(words) > console.width - len(verdict) - len(gate):
            words = value_at(each)
        console.print(Text.assemble((verdict, _STYLES[verdict_of(each)]), gate, words))
