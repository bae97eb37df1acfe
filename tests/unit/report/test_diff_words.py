"""Two runs against each other, in words, in a terminal and as Markdown."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from lockstep.analysis.conditions import Mismatch, mismatches
from lockstep.analysis.run_diff import diff
from lockstep.commands.diff import parse_tolerance, refusal
from lockstep.errors import PlanError
from lockstep.report.diff import diff_headline, diff_markdown, diff_sentences, print_diff, said
from lockstep.runs.records import Run, TargetRecord
from tests.factories.runs import degraded, make_cell, run_of, silent


def repeated(rate: float, repeats: int = 3, mode: str = "lock") -> Run:
    return run_of(
        make_cell(mode, 8, repeat, messages_per_s=rate * (1 + repeat / 1_000))
        for repeat in range(1, repeats + 1)
    )


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (repeated(100), "No significant difference between A and B in any of 3 figures."),
        (repeated(50), "B is worse than A, beyond the tolerance of 5%."),
        (repeated(200), "B is better than A in 1 of 3 figures, and worse in none beyond 5%."),
        (repeated(97), "B differs from A in 1 of 3 figures, in none significantly beyond 5%."),
        (
            run_of(map(silent, repeated(100).cells)),
            "B is worse than A: it loses messages that A did not.",
        ),
        (
            degraded(repeated(100)),
            "No verdict: B is degraded: Client and server counts do not match.",
        ),
    ],
)
def test_the_headline_says_what_is_shown(second: Run, said: str) -> None:
    assert diff_headline(diff(repeated(100), second, 0.05)) == said


def test_where_the_first_run_lost_messages_too_the_second_loses_more() -> None:
    some, many = (
        run_of(replace(cell, dropped=dropped) for cell in repeated(100).cells) for dropped in (10, 400)
    )
    assert diff_headline(diff(some, many, 0.05)) == "B is worse than A: it loses more of its messages."


def test_what_is_worse_comes_before_what_is_lost_and_what_one_run_alone_has() -> None:
    first = run_of([*repeated(100).cells, make_cell("free", 32)])
    second = run_of([*repeated(50).cells, make_cell("ticket", 8)])
    second = replace(second, cells=[silent(replace(second.cells[0], repeat=4)), *second.cells])
    said = diff_sentences(diff(first, second, 0.05))
    assert said[0] == "at 8 connections in B, lock loses 25% of its messages, in A none: worse"
    assert said[1:3] == ["only in A: free at 32", "only in B: ticket at 8"]
    (worse,) = [line for line in diff_sentences(diff(first, repeated(50), 0.05)) if "throughput" in line]
    assert worse.startswith("at 8 connections in B, lock reaches 50.0% of A's throughput (")


def test_a_diff_that_could_hardly_fail_says_so() -> None:
    wild = run_of(make_cell("lock", 8, repeat, messages_per_s=100 * repeat) for repeat in (1, 2, 3))
    (said,) = diff_sentences(diff(wild, wild, 0.05))
    assert said.startswith("in 1 of 3 figures a change of 5% would not ")
    assert "--repeats" in said


def printed(first: Run, second: Run) -> list[str]:
    out = io.StringIO()
    found = diff(first, second, 0.05)
    print_diff(said(found), (first, second), mismatches(first, second), Console(file=out, width=80))
    return out.getvalue().splitlines()


def test_the_terminal_shows_every_figure_within_80_columns() -> None:
    lines = printed(repeated(100, mode="semaphore=4"), repeated(50, mode="semaphore=4"))
    assert max(map(len, lines)) <= 80
    (row,) = [line.split() for line in lines if "msgs/s" in line]
    assert row == ["semaphore=4", "8", "msgs/s", "100", "50.1", "0.500", "0.498", "to", "0.502", "worse"]


def test_what_was_forced_stands_on_top() -> None:
    first = repeated(100)
    second = replace(first, server={**first.server, "hold_ns": 3_000_000})
    line = "FORCED: server's hold differs, 2 ms in A and 3 ms in B"
    assert printed(first, second)[0] == line
    found = diff(first, second, 0.05)
    assert diff_markdown(said(found), (first, second), mismatches(first, second)).startswith(f"**{line}**")


def test_markdown_has_the_headline_and_a_table() -> None:
    first, second = repeated(100), repeated(50)
    text = diff_markdown(said(diff(first, second, 0.05)), (first, second), [])
    lines = text.splitlines()
    assert lines[0] == "**B is worse than A, beyond the tolerance of 5%.**"
    assert "| mode | connections | figure | A | B | B/A | 95% CI | verdict |" in lines
    assert sum(line.startswith("| lock | 8 |") for line in lines) == 3


def test_a_withheld_diff_has_no_table() -> None:
    assert not any("msgs/s" in line for line in printed(repeated(100), degraded(repeated(50))))


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("0", 0.0), ("12.5%", 0.125)])
def test_a_tolerance_is_a_percentage_or_a_share(text: str, share: float) -> None:
    assert parse_tolerance(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "100%", "-1%", "nan", "much", "", "%"])
def test_a_tolerance_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match=r"5% or 0\.05"):
        parse_tolerance(text)


def refused(first: Run, second: Run, *, force: bool) -> str | None:
    return refusal(diff(first, second, 0.05), mismatches(first, second), force=force)


def test_a_target_that_runs_on_another_interpreter_is_another_condition() -> None:
    run = repeated(100)

    def on(python: str) -> Run:
        server = {**run.server, "python": python}
        return replace(run, server={}, targets={"lock": TargetRecord("tcp://127.0.0.1", server=server)})

    assert mismatches(on("3.13.1"), on("3.13.1")) == []
    assert mismatches(on("3.13.1"), on("3.14.0")) == [Mismatch("Python of lock", "3.13.1", "3.14.0")]


def test_runs_that_do_not_compare_are_refused_with_the_remedy() -> None:
    run = repeated(100)
    other = replace(run, server={**run.server, "hold_ns": 3_000_000, "work": "cpu"})
    assert refused(run, other, force=False) == (
        "are not comparable (server's hold: 2 ms and 3 ms; server's work: sleep and cpu): "
        "make both under the same conditions, or go on with --force"
    )
    assert refused(run, other, force=True) is None
    assert refused(run, run, force=False) is None


@pytest.mark.parametrize(
    ("second", "said"),
    [(repeated(100, mode="free"), "no mode and level in common"), (repeated(100, 1), "have one repeat")],
)
def test_runs_from_which_nothing_can_be_shown_are_refused_even_by_force(second: Run, said: str) -> None:
    reason = refused(repeated(100), second, force=True)
    assert reason is not None
    assert said in reason


def test_two_repeats_a_side_print_no_interval_that_nobody_can_read() -> None:
    def wild(rate: float) -> Run:
        return run_of(
            make_cell("lock", 8, repeat, messages_per_s=rate * factor)
            for repeat, factor in ((1, 1.0), (2, 2.5))
        )

    lines = printed(wild(100), wild(30))
    (row,) = [line for line in lines if "msgs/s" in line]
    assert "too few repeats" in row
    assert not any("e+" in line or "e-" in line for line in lines)
