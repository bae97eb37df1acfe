"""What is told of users that begin at once."""

from __future__ import annotations

from pathlib import Path

from lockstep.report.material import Material
from lockstep.report.sections.rendezvous import rendezvous_section
from lockstep.runs.folder import Loaded
from lockstep.runs.measures import Rendezvous
from lockstep.runs.records import Cell
from tests.factories.runs import make_cell, run_of


def material_of(*cells: Cell) -> Material:
    return Material.of(Loaded(run_of(cells), [], {}, Path("run")))


def test_it_says_how_long_the_slowest_answer_takes_and_who_came_too_late() -> None:
    section = rendezvous_section(
        material_of(
            make_cell("free", p99_us=2_000.0, rendezvous=Rendezvous(1.0, 40, 0)),
            make_cell("lock", p99_us=64_000.0, rendezvous=Rendezvous(1.0, 9, 3)),
        )
    )
    assert section is not None
    assert section.title == (
        "At 8 connections that begin at once, the slowest answer takes 2.00 ms with free, 64.0 ms with lock; "
        "3 times a user came too late for a round"
    )
    assert section.numbers is not None
    assert [row[2:5] for row in section.numbers.rows] == [("40", "0", "1.00 s"), ("9", "3", "1.00 s")]


def test_users_that_do_not_wait_for_each_other_have_no_such_section() -> None:
    assert rendezvous_section(material_of(make_cell("free"))) is None
