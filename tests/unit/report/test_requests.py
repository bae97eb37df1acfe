"""The table of messages by their names."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from lockstep.report.markdown import summary_md
from lockstep.report.material import Material
from lockstep.report.section import Section
from lockstep.report.sections.requests import kinds_of, requests_in_short, requests_section
from lockstep.report.terminal import print_report
from lockstep.runs.folder import Loaded
from lockstep.runs.measures import Distribution
from lockstep.runs.records import Messages, Requests, Run
from tests.factories.runs import make_cell, run_of


def told(run: Run) -> Section | None:
    """The section of a run without a folder."""
    return requests_section(material_of(run))


def material_of(run: Run) -> Material:
    return Material.of(Loaded(run, [], {}, Path()))


def requests(answered: int, error: int, p99_us: float) -> Requests:
    messages = Messages(sent=answered + error, answered=answered, error=error)
    return Requests(messages, Distribution(answered, 1.0, 2.0, 2_000.0, 3.0, p99_us, p99_us, p99_us))


def test_each_name_has_a_row_with_the_medians_of_its_repeats() -> None:
    cells = [
        replace(make_cell("free", repeat=repeat), requests={"GET": requests(100, repeat, 1_000.0 * repeat)})
        for repeat in (1, 2, 3)
    ]
    cells[0] = replace(cells[0], requests={**cells[0].requests, "SET": Requests(Messages(sent=2, timeout=2))})
    section = told(run_of(cells))
    assert section is not None
    assert section.numbers is not None
    assert section.numbers.rows == (
        ("free", "8", "GET", "100", "2.00 ms", "2.00 ms", "2.00 ms", "6"),
        ("free", "8", "SET", "0", "–", "–", "–", "2"),
    )


def test_where_no_message_has_a_name_there_is_no_table() -> None:
    assert told(run_of([make_cell("free")])) is None


def test_where_there_is_little_room_the_greatest_loads_are_shown_and_no_place_twice() -> None:
    one_place = [replace(make_cell("free"), requests={"GET": requests(100, 0, 1_000.0)})]
    columns, _ = requests_in_short(kinds_of(material_of(run_of(one_place))))
    assert [column.name for column in columns][:2] == ["request", "messages_per_s"]

    names = {f"name {number}": requests(100, 0, 1_000.0) for number in range(8)}
    cells = [replace(make_cell("free", level), requests=names) for level in (1, 8)]
    columns, chosen = requests_in_short(kinds_of(material_of(run_of(cells))))
    assert [column.name for column in columns][:3] == ["series", "level", "request"]
    assert [kind.place.level for kind in chosen] == [1] * 4 + [8] * 8


def test_terminal_and_summary_show_the_names_and_a_step_that_is_no_message_too() -> None:
    cells = [
        replace(make_cell("free"), requests={"GET": requests(100, 0, 1e3), "receive": requests(700, 1, 5e3)})
    ]
    material, said = material_of(run_of(cells)), io.StringIO()
    print_report(material, Console(width=80, file=said))
    assert "receive     700  2.00 ms  5.00 ms       1" in said.getvalue()
    assert "| receive | 700 | 2.00 ms | 5.00 ms | 1 |" in summary_md(material)


def test_a_long_name_is_broken_in_a_narrow_terminal_and_never_cut() -> None:
    cells = [make_cell(mode, 1_000) for mode in ("semaphore=4/message", "semaphore=16/message")]
    said = io.StringIO()
    print_report(material_of(run_of(cells)), Console(width=60, file=said))
    assert "…" not in said.getvalue()
