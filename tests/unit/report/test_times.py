"""What the titles of times say, and of whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.report.material import Material
from lockstep.report.sections.overlap import in_service_title
from lockstep.report.sections.times import handshake_section, time_spent_title, time_title
from lockstep.runs.folder import RunFolder
from tests.factories.folders import write_run
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import modes_named
from tests.factories.simulated import simulated_run


def response_title(aggregates: list[Aggregate]) -> str:
    return time_title(aggregates, "p99 response time", lambda each: each.time("response", "p99"))


@pytest.fixture(scope="module")
def two() -> list[Aggregate]:
    return aggregate(simulated_run(modes=("free", "lock"), levels=(8,))[0].cells, modes_named("free", "lock"))


def test_where_the_told_series_have_no_figure_the_title_claims_nothing_of_the_others(
    two: list[Aggregate],
) -> None:
    mute = [replace(each, max_in_service=None, times={}) for each in two]
    assert in_service_title(mute) == "Peak in service"
    assert response_title(mute).endswith("nothing was timed with free and lock")


def test_titles_under_open_load_speak_of_arrivals() -> None:
    aggregates = aggregate(
        simulated_open_run(modes=("lock", "queue=1")).cells, modes_named("lock", "queue=1")
    )
    for title in (
        response_title(aggregates),
        time_spent_title(aggregates),
        in_service_title(aggregates),
    ):
        assert title.startswith("At 357 arrivals per second (64 users), ")
        assert "/s" not in title


def test_a_title_names_the_series_of_which_it_has_no_time(two: list[Aggregate]) -> None:
    free, lock = two
    title = response_title([free, replace(lock, times={})])
    assert title.endswith(" with free; not measured with lock")


def test_handshakes_have_a_section_of_their_own_where_there_were_any(tmp_path: Path) -> None:
    run, _ = simulated_run(modes=("free",), levels=(8,), repeats=2)
    assert handshake_section(Material.of(RunFolder.load(write_run(tmp_path / "tcp", run)))) is None
    cells = [
        replace(cell, times=cell.times | {"handshake": cell.times["response"]}, handshakes=40, resumed=30)
        for cell in run.cells
    ]
    section = handshake_section(
        Material.of(RunFolder.load(write_run(tmp_path / "tls", replace(run, cells=cells))))
    )
    assert section is not None
    assert "median TLS handshake is" in section.title
    assert section.numbers is not None
    (row,) = section.numbers.rows
    assert tuple(row)[-2:] == ("80", "60")
