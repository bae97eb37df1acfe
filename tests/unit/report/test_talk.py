"""Sections of scenarios that do more than ask and wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lockstep.report.headline import supporting
from lockstep.report.material import Material
from lockstep.report.section import Section
from lockstep.report.sections.talk import fan_out_section, pipeline_section, senders_section
from lockstep.report.sections.times import response_section
from lockstep.runs.folder import Loaded
from lockstep.runs.measures import Distribution, Occupancy
from lockstep.runs.records import Cell
from tests.factories.runs import make_cell, run_of


def material_of(*cells: Cell) -> Material:
    return Material.of(Loaded(run_of(cells), [], {}, Path("run")))


def sending(mode: str, under_way: float, **more: Any) -> Cell:
    return make_cell(mode, scenario="send-only", littles_law=Occupancy(under_way, under_way), **more)


def words_of(section: Section | None) -> list[tuple[str, ...]]:
    assert section is not None
    assert section.numbers is not None
    return list(section.numbers.rows)


def test_senders_that_wait_for_their_peer_are_blocked() -> None:
    section = senders_section(material_of(sending("free", 7.2), sending("lock", 0.08)))
    assert section is not None
    assert section.title == (
        "At 8 connections, sending takes 90% of the senders’ time with free, 1.0% with lock"
    )
    assert [row[2] for row in words_of(section)] == ["90%", "1.0%"]


def test_how_much_senders_are_held_up_supports_the_headline() -> None:
    material = material_of(sending("free", 7.2))
    assert supporting(material.verdict, material.aggregates) == [
        "Back-pressure: at 8 connections, sending takes 90% of the senders’ time with free."
    ]
    asking = material_of(make_cell("free", scenario="persistent", littles_law=Occupancy(8, 8)))
    assert supporting(asking.verdict, asking.aggregates) == []


def test_a_user_cannot_be_blocked_for_more_than_all_its_time() -> None:
    (row,) = words_of(senders_section(material_of(sending("free", 8.4))))
    assert row[2] == "100%"


def test_where_replies_come_nobody_is_called_blocked() -> None:
    material = material_of(make_cell("free", scenario="persistent", littles_law=Occupancy(8, 8)))
    assert senders_section(material) is None
    assert pipeline_section(material) is None
    assert fan_out_section(material) is None


def test_a_pipeline_says_what_one_connection_carries() -> None:
    cell = make_cell(
        "free", scenario="pipelined", depth=16, messages_per_s=40_000.0, littles_law=Occupancy(126.0, 126.0)
    )
    section = pipeline_section(material_of(cell))
    assert section is not None
    assert section.title == (
        "At 8 connections with 16 messages in flight on each, a connection carries 5,000 a second with free"
    )
    (row,) = words_of(section)
    assert row[2:6] == ("16", "126", "40,000", "5,000")


def test_fan_out_is_told_where_pushes_say_when_they_were_due() -> None:
    cell = make_cell("free", scenario="receive-only")
    times = {**cell.times, "fan_out": Distribution(9, 100.0, 200.0, 200.0, 300.0, 900.0, 950.0, 990.0)}
    section = fan_out_section(material_of(make_cell("free", scenario="receive-only", times=times)))
    assert section is not None
    assert section.title == "At 8 connections, p99 fan-out latency is 900 µs with free"


@pytest.mark.parametrize(
    ("scenario", "title", "note"),
    [
        ("persistent", "p99 response time is", "From a message to its reply."),
        (
            "send-only",
            "p99 time to send is",
            "From a message until the system has taken all of it.",
        ),
        ("receive-only", "p99 gap is", "From a message to the next push."),
    ],
)
def test_a_time_is_called_what_it_is(scenario: str, title: str, note: str) -> None:
    section = response_section(material_of(make_cell("free", scenario=scenario)))
    assert section is not None
    assert title in section.title
    assert section.note.startswith(note)
