"""How many were in service: titles and panels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.analysis.timeline import Panel
from lockstep.report.charts.picture import to_svg
from lockstep.report.sections.overlap import BY_MESSAGE, in_service_title, overlap_chart, overlap_title
from lockstep.runs.measures import Overlap
from tests.factories.runs import modes_named, series_named
from tests.factories.simulated import simulated_run


@pytest.fixture(scope="module")
def two() -> list[Aggregate]:
    return aggregate(simulated_run(modes=("free", "lock"), levels=(8,))[0].cells, modes_named("free", "lock"))


def test_what_is_equal_is_said_once(two: list[Aggregate]) -> None:
    free, lock = two
    alike = [replace(each, max_in_service=1) for each in (free, replace(lock, series=series_named("ticket")))]
    assert in_service_title(alike).endswith("is 1 with free and ticket")
    assert in_service_title([free, lock]).endswith("is 8 with free, 1 with lock")


def panel(mode: str, in_service: float, most: int = 1) -> Panel:
    return Panel(series_named(mode), 32, Overlap(10, 0, 40, [in_service] * 4, [most] * 4, [0.0] * 4))


def by_message() -> Panel:
    return Panel(series_named("lock/message"), 32, None, by_message=True)


@pytest.mark.parametrize(
    ("panels", "said"),
    [
        (
            [panel("free", 29.7), panel("lock", 0.97), panel("ticket", 1.0)],
            "30 with free, 1.0 with lock and ticket",
        ),
        (
            [panel("lock", 1.0), panel("queue=1", 0.99)],
            "1.0 with lock and queue=1",
        ),
        ([panel("lock", 0.5), by_message()], "0.5 with lock"),
        ([by_message()], ""),
        ([], ""),
    ],
)
def test_the_overlap_is_told_with_equals_together(panels: list[Panel], said: str) -> None:
    title = overlap_title(panels)
    assert title.partition(": ")[2] == said
    assert title.startswith("At 32 connections, ") is bool(said)


def test_the_overlap_chart_draws_each_mode_and_says_where_nothing_was_recorded() -> None:
    chosen = {series_named("free"): "#2b83c6", series_named("lock/message"): "#a5673f"}
    chart = overlap_chart([panel("free", 29.7, 32), by_message()], chosen)
    assert chart is not None
    svg = to_svg(chart, "overlap", "overlap")
    assert "free: peak 32, mean 30" in svg
    assert BY_MESSAGE in svg
    assert overlap_chart([by_message()], chosen) is None
    assert overlap_chart([], chosen) is None
