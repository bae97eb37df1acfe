"""The report as Markdown: it fits a comment, says what the page says, and nothing in it becomes markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lockstep.analysis.comparison import judge
from lockstep.analysis.series import modes_of
from lockstep.report.headline import headline
from lockstep.report.markdown import MAX_ROWS, summary_md
from lockstep.report.material import Material
from lockstep.runs.folder import Loaded
from lockstep.runs.records import Run, TargetRecord
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import SERVER
from tests.factories.simulated import simulated_run


def markdown_of(run: Run) -> str:
    return summary_md(Material.of(Loaded(run, [], {}, Path())))


def rows_of(text: str) -> list[list[str]]:
    return [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]


@pytest.mark.parametrize(("levels", "left"), [((1, 8, 32), 0), ((1, 2, 4, 8, 16), 8)])
def test_the_table_has_the_greatest_loads_and_says_how_many_rows_are_left_out(
    levels: Sequence[int], left: int
) -> None:
    text = markdown_of(simulated_run(levels=levels, repeats=2)[0])
    heads, _, *rows = rows_of(text)
    assert len(rows) == MAX_ROWS
    assert {len(row) for row in rows} == {len(heads)}
    assert any(row[1] == f"{levels[-1]} connections" for row in rows)
    assert (f"and {left} more under lower loads" in text) is (left > 0)
    assert (any(row[1] == f"{levels[0]} connection" for row in rows)) is (left == 0)


def test_it_begins_with_the_verdict_and_ends_with_the_command() -> None:
    run = simulated_run()[0]
    text = markdown_of(run)
    material = Material.of(Loaded(run, [], {}, Path()))
    assert text.startswith(f"**{headline(judge(run), material.aggregates)}**\n")
    assert text.endswith(f"```sh\n{run.command}\n```\n")
    assert "Measured on CPython 3.13.1, 2 CPUs, Linux-6.1-x86_64, hold 2.00 ms, sleep" in text
    assert "All checks passed." in text
    assert next(iter(modes_of(run))) in text


def test_of_servers_under_names_of_their_own_it_tells_the_interpreters_and_what_else_they_agree_in() -> None:
    run = simulated_run(repeats=2)[0]
    first, second, *_ = modes_of(run)
    free = {**SERVER, "python": "3.13.5", "gil": False}
    targets = {
        first: TargetRecord("tcp://127.0.0.1", server=SERVER),
        second: TargetRecord("tcp://a", server=free),
    }
    text = markdown_of(replace(run, server={}, targets=targets))
    assert "Measured on CPython 3.13.1 and CPython 3.13.5 without a global lock, 2 CPUs, Linux-6.1" in text
    assert "hold 2.00 ms, sleep" in text


def test_what_the_checks_found_stands_below_the_table_with_how_many_cells() -> None:
    run = simulated_run(repeats=1)[0]
    cells = [replace(cell, cut_short=cell.index == 0) for cell in run.cells]
    text = markdown_of(replace(run, cells=cells, interrupted=True))
    assert "- `interrupted`: The run was stopped before its plan was done." in text
    assert "- `cut-short` (1 of 12 cells): " in text
    assert text.index("| free |") < text.index("`interrupted`")


def test_an_interrupted_run_says_so_before_anything_else() -> None:
    run = replace(simulated_run()[0], interrupted=True)
    assert markdown_of(run).startswith("**Interrupted run: it was stopped before its plan was done;")
    assert markdown_of(replace(run, interrupted=False, finished=None)).startswith("**Unfinished run: ")


def test_a_degraded_run_begins_with_that_and_has_no_ratios() -> None:
    run = simulated_run(repeats=2)[0]
    text = markdown_of(replace(run, cells=[replace(cell, workers_reported=1) for cell in run.cells]))
    assert text.startswith("**Degraded run: ")
    assert all(row[-1].strip() == "" for row in rows_of(text)[2:])


def test_under_open_load_the_ratio_is_that_of_the_slowest_messages() -> None:
    text = markdown_of(simulated_open_run())
    (row,) = [row for row in rows_of(text) if row[0].strip() == "queue=1" and row[1].startswith("357")]
    assert "(" in row[-1]


def test_a_name_cannot_become_markup() -> None:
    run = replace(simulated_run(repeats=1)[0], notes=["<b>lost</b> | *all*"])
    assert r"note: \<b>lost\</b> \| \*all\*" in markdown_of(run)
