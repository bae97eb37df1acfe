"""A load that changes: offered against achieved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lockstep.report.charts.picture import specification
from lockstep.report.headline import headline
from lockstep.report.material import Material
from lockstep.report.sections.changing import changing_section
from lockstep.runs.folder import Loaded
from lockstep.runs.records import CellDetail
from tests.factories.runs import make_cell, run_of


def _second(number: int, answered: int) -> dict[str, int]:
    return {"second": number, "answered": answered, "failed": 0}


def material_of(answered: dict[str, list[int]], **more: Any) -> Material:
    cells = [make_cell(mode, seconds=float(len(each)), **more) for mode, each in answered.items()]
    details = {
        index: CellDetail(index=index, per_second=[_second(*pair) for pair in enumerate(each)])
        for index, each in enumerate(answered.values())
    }
    return Material.of(Loaded(run_of(cells), [], details, Path("run")))


def test_a_rate_is_told_by_who_keeps_up_in_the_worst_second() -> None:
    material = material_of(
        {"free": [100, 200, 300], "lock": [100, 100, 30]},
        stages="hold 100 1s, hold 200 1s, hold 300 1s",
        scenario="persistent",
        arrival="constant",
        rate_per_s=200.0,
    )
    section = changing_section(material)
    assert section is not None
    assert section.title == (
        "At up to 300 messages a second, the worst second answers 100% of what was due with free, "
        "10% with lock"
    )
    assert section.numbers is not None
    assert section.numbers.rows[5] == ("lock", "2", "300", "30", "0")
    assert [drawing.series for drawing in section.drawings] == ["free", "lock"]
    assert '"offered": 300' in specification(section.drawings[0].chart)


def test_an_arrival_is_as_many_messages_as_its_session_has() -> None:
    material = material_of(
        {"free": [500]}, stages="hold 100 1s", arrival="poisson", rate_per_s=100.0, scenario="session"
    )
    section = changing_section(material)
    assert section is not None
    assert section.numbers is not None
    assert section.numbers.rows[0][2:4] == ("500", "500")


def test_users_that_come_and_go_are_told_by_the_best_second() -> None:
    section = changing_section(material_of({"free": [10, 90, 40]}, stages="ramp 0-30 3s"))
    assert section is not None
    assert (
        section.title == "With up to 25 users that come and go, the best second has 90.0 messages/s with free"
    )


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"stages": "ramp 0-8 3s, hold 8 1s"}, "At up to 8 connections (ramp 0-8, hold 8), free's"),
        (
            {"stages": "sine 0-400 9s", "rate_per_s": 200.0, "arrival": "poisson"},
            "At 200 arrivals per second on average (sine 0-400; 8 users), free's p99",
        ),
        ({"stages": ", ".join(["spike 8 1s"] * 5)}, f"At up to 8 connections ({'spike 8, ' * 4}...), free's"),
        ({}, "At 8 connections, free's throughput"),
    ],
)
def test_the_headline_says_how_the_load_changed(more: dict[str, Any], where: str) -> None:
    cells = [make_cell("free", **more)]
    material = Material.of(Loaded(run_of(cells), [], {}, Path("run")))
    assert headline(material.verdict, material.aggregates).startswith(where)


def test_a_steady_load_has_no_such_section() -> None:
    assert changing_section(material_of({"free": [10, 90, 40]})) is None
