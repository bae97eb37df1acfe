"""The table of messages by their names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lockstep.report.material import Material
from lockstep.report.section import Section
from lockstep.report.sections.requests import requests_section
from lockstep.runs.folder import Loaded
from lockstep.runs.measures import Distribution
from lockstep.runs.records import Messages, Requests, Run
from tests.factories.runs import make_cell, run_of


def told(run: Run) -> Section | None:
    """The section of a run without a folder."""
    return requests_section(Material.of(Loaded(run, [], {}, Path())))


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
