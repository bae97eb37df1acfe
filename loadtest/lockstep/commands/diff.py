"""`lockstep diff`: one run against another, with an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.commands.output import stdout_console
from lockstep.commands.parser import command, option, path, switch
from lockstep.errors import DEGRADED, DONE, FAILED, PlanError, ResultsError
from lockstep.settings import Setting

if TYPE_CHECKING:
    from lockstep.analysis.conditions import Mismatch
    from lockstep.analysis.limit_diff import LimitDiff
    from lockstep.analysis.run_diff import RunDiff
    from lockstep.report.diff import Said
    from lockstep.runs.records import Run


@command(
    path("run_a"),
    path("run_b"),
    option(Setting("tolerance", str, "5%", "How much worse B may be, such as 5% or 0.05")),
    switch("force", "Compare although the conditions differ."),
    switch("markdown", "Print Markdown, for a comment."),
)
def diff(run_a: Path, run_b: Path, tolerance: str, force: bool, markdown: bool) -> int:
    """Say what of run B is worse than in run A, or better. Exit code 1 where B is worse.

    RUN_A and RUN_B are run folders, such as results/<run id>.
    """
    from lockstep.analysis.conditions import mismatches
    from lockstep.report.diff import diff_markdown, print_diff
    from lockstep.runs.folder import RunFolder

    allowed = parse_tolerance(tolerance)
    runs = RunFolder.load_run(run_a), RunFolder.load_run(run_b)
    if runs[0].run_id == runs[1].run_id:
        raise ResultsError(f"{run_a} and {run_b} are the same run, {runs[0].run_id}: name two runs")
    differing = mismatches(*runs)
    found, words = _compared(*runs, allowed)
    if reason := refusal(found, differing, force=force):
        raise ResultsError(f"{run_a} and {run_b} {reason}")
    if markdown:
        print(diff_markdown(words, runs, differing))
    else:
        print_diff(words, runs, differing, stdout_console())
    if found.withheld:
        return DEGRADED
    return FAILED if found.worse else DONE


def _compared(first: Run, second: Run, tolerance: float) -> tuple[RunDiff | LimitDiff, Said]:
    """What the second is against the first: two searches by their limits, others by their figures."""
    from lockstep.analysis.limit_diff import diff_limits
    from lockstep.analysis.run_diff import diff as diff_runs
    from lockstep.report.diff import said
    from lockstep.report.limit_diff import said_of_limits

    if first.planned.search is not None and second.planned.search is not None:
        limits = diff_limits(first, second, tolerance)
        return limits, said_of_limits(limits, first)
    figures = diff_runs(first, second, tolerance)
    return figures, said(figures)


def refusal(found: RunDiff | LimitDiff, differing: Sequence[Mismatch], *, force: bool) -> str | None:
    """Why the two runs are not compared, with the remedy; None where they are."""
    if differing and not force:
        told = "; ".join(f"{each.condition}: {each.first} and {each.second}" for each in differing)
        return f"are not comparable ({told}): make both under the same conditions, or go on with --force"
    return None if found.withheld or found.worse else found.blind


def parse_tolerance(text: str) -> float:
    """`5%` or `0.05` -> 0.05. PlanError where it is no share from 0 to under 1."""
    number = text.removesuffix("%")
    try:
        value = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise PlanError("tolerance", f"{text!r} is not a share: write 5% or 0.05") from None
    if not 0 <= value < 1:
        raise PlanError("tolerance", f"{text} is out of range: give 0% to under 100%, such as 5% or 0.05")
    return value
