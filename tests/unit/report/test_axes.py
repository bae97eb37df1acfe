"""Axes that suit their data, and rows of charts."""

from __future__ import annotations

import pytest

from lockstep.analysis.aggregate import aggregate
from lockstep.analysis.timeline import Bar, Lane, Panel, Timeline
from lockstep.report.charts import axes
from lockstep.report.charts.palette import mode_colours
from lockstep.report.charts.picture import Row, to_svg
from lockstep.report.charts.rows import NOT_MEASURED, Block, Layout
from lockstep.report.material import colours
from lockstep.report.sections.timeline import timeline_chart
from lockstep.runs.earlier import mode_named
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import modes_named, series_named
from tests.factories.simulated import simulated_run


def test_a_wide_span_gets_a_logarithmic_axis_and_a_zero_never_does() -> None:
    assert axes.suited([1, 100]).logarithmic
    assert not axes.suited([50, 100]).logarithmic
    assert not axes.suited([0, 100]).logarithmic
    assert axes.suited([0, 0]).high > 0


@pytest.mark.parametrize("values", [[3.0], [0.02, 7.0], [1.0, 9_000.0], [400.0, 4_800.0]])
def test_ticks_lie_within_the_axis(values: list[float]) -> None:
    axis = axes.suited(values)
    assert axis.ticks
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
    assert all(axis.value(axis.fraction(value)) == pytest.approx(value) for value in values)


def test_a_tick_is_labelled_with_its_own_value() -> None:
    lane = Lane(series_named("lock"), 1, 900, (Bar(1, "in service", 0, 900),), ((0, 1), (900, 1)))
    svg = to_svg(timeline_chart(Timeline(1, 900, (lane,), client_shown=False), lane, "#000"), "a", "a")
    assert [f">{tick}<" in svg for tick in (0, 250, 500, 750, 300, 800)] == [True] * 4 + [False] * 2


def test_labels_are_moved_apart_and_keep_their_order() -> None:
    moved = axes.apart([0.5, 0.5, 0.9, 0.52], gap=0.1)
    assert moved[2] == 0.9
    assert moved[3] - moved[1] == pytest.approx(0.1)
    assert moved[1] - moved[0] == pytest.approx(0.1)


def test_a_mode_keeps_its_colour_whatever_it_is_compared_with() -> None:
    def chosen(*modes: str) -> dict[str, str]:
        found = aggregate(simulated_run(modes=modes, levels=(1,), repeats=1)[0].cells, modes_named(*modes))
        return {series.mode: colour for series, colour in colours(found).items()}

    assert chosen("lock")["lock"] == chosen("free", "lock")["lock"]
    everyone = chosen("free", "lock", "semaphore=4", "queue=1", "iterative", "ticket")
    assert len(set(everyone.values())) == 6
    openly = colours(aggregate(simulated_open_run(modes=("lock",), repeats=1).cells, modes_named("lock")))
    assert set(openly.values()) == {everyone["lock"]}


def test_every_mode_that_a_server_has_is_told_from_the_others_by_its_colour() -> None:
    gates = ["lock", "rlock", "semaphore=4", "condition=4", "ticket", "lock/message", "rwlock=4/message"]
    modes = ["free", *gates, "queue=1", "iterative", "asyncio", "process=2"]
    assert len(set(mode_colours(modes).values())) == len(modes)


def test_a_row_of_which_nothing_was_measured_says_so() -> None:
    marks: list[Row] = [{"series": "free", "start": 0, "end": 1}]
    layout = Layout.of([Block("8 connections", ["free", "lock"], marks, [])])
    assert layout.words == [{"row": 2.5, "words": NOT_MEASURED}]


def by_message() -> Panel:
    return Panel(series_named("lock/message"), 32, None, by_message=True)


def lane(mode: str, most: int) -> Lane:
    by_message = mode_named(mode).by_message
    return Lane(series_named(mode), 36, 10.0, (), ((0, most), (10, most)), by_message)
