"""Throughput over the level, and the scalability law: sentences, rows and lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lockstep.analysis.aggregate import aggregate
from lockstep.analysis.scalability import Curve, Fit, Parameter, Scaling, UslFit, scalings
from lockstep.report.charts.picture import Chart
from lockstep.report.material import colours
from lockstep.report.sections.scalability import fit_words, scalability_sentence, scalability_table
from lockstep.report.sections.throughput import throughput_chart, throughput_title
from lockstep.runs.records import Cell
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import modes_named, series_named
from tests.factories.simulated import simulated_run


def test_a_title_tells_no_growth_from_a_level_at_which_nothing_was_answered() -> None:
    cells = simulated_run(modes=("free", "lock"), levels=(1, 8, 16), repeats=1)[0].cells
    silent = [
        replace(each, messages_per_s=0.0) if (each.mode, each.level) == ("lock", 1) else each
        for each in cells
    ]
    said = throughput_title(aggregate(silent, modes_named("free", "lock")))
    assert said.startswith("From 1 to 16 connections, throughput grows by a factor of ")
    assert "lock" not in said


LEVELS = (1, 2, 4, 8, 16, 32)


SHARED = Curve(400, 0.05, 0.001)


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return simulated_run(modes=("free", "lock", "ticket", "queue=1"), levels=(8,), repeats=1)[0].cells


def law(contention: float, peak: Parameter | None = None) -> UslFit:
    curve = Curve(400, contention, 0.001 if peak else 0)
    return UslFit(
        curve,
        3,
        Parameter(400, 390, 410),
        Parameter(contention, 0, 2 * contention),
        Parameter(curve.coherency, curve.coherency / 2, curve.coherency * 2),
        peak,
    )


def scaling(mode: str, fit: Fit | None, levels: tuple[int, ...] = LEVELS) -> Scaling:
    return Scaling(series_named(mode), levels, fit)


FREE = scaling("free", Fit(0.034, law(0.012, Parameter(41, 30, None))))


LOCK = scaling("lock", Fit(0.034, law(1.02)))


TICKET = scaling("ticket", Fit(0.034, law(1.02)))


UNFIT = scaling("queue=1", Fit(0.41, None))


@pytest.mark.parametrize(
    ("each", "said"),
    [
        (
            [FREE, LOCK, TICKET],
            ["1.2% with free, 102% with lock and ticket.", "free peaks at about 41 connections."],
        ),
        (
            [LOCK, UNFIT],
            ["contention is 102% with lock.", "does not fit queue=1."],
        ),
        (
            [scaling("lock", None, (1, 8, 32))],
            ["needs 5 levels; this plan has 3."],
        ),
        ([scaling("lock", None, (8,))], None),
        ([], None),
    ],
)
def test_a_sentence_tells_the_law_or_why_there_is_none(each: list[Scaling], said: list[str] | None) -> None:
    sentence = scalability_sentence(each)
    assert (sentence is None) is (said is None)
    assert all(part in (sentence or "") for part in said or [])


def test_a_row_of_scalability_has_intervals_or_the_reason_why_not() -> None:
    few = scaling("iterative", None, (1, 8, 32))
    free, lock, unfit, short = scalability_table([FREE, LOCK, UNFIT, few]).rows
    assert free == (
        *("free", "400", "390 to 410", "1.2%", "0% to 2.4%"),
        *("0.10%", "0.050% to 0.20%", "41", "from 30", "within 3%"),
    )
    assert lock[7:9] == ("none", "–")
    assert unfit == ("queue=1", *["–"] * 8, "does not fit (misses by 41%)")
    assert short[-1] == "not enough levels (3 of 5)"
    assert scalability_table([scaling("lock", None, (8,))]).rows == ()
    assert fit_words(replace(UNFIT, fit=None)) == "does not fit"


def drawn(levels: tuple[int, ...], curve: Curve) -> Chart | None:
    cells = [
        replace(cell, messages_per_s=curve.at(cell.level))
        for cell in simulated_run(modes=("free",), levels=levels, repeats=2)[0].cells
    ]
    aggregates = aggregate(cells, {})
    return throughput_chart(cells, aggregates, colours(aggregates), scalings(cells))


def rows_of(chart: Chart | None) -> list[list[dict[str, Any]]]:
    """What each layer shows: lines, dots, peaks, names."""
    assert chart is not None
    said = chart.to_dict()
    return [said["datasets"][layer["data"]["name"]] for layer in said["layer"]]


@pytest.mark.parametrize(
    ("peak", "parts", "shown"),
    [
        pytest.param(20, {"measured"}, 1, id="within the levels"),
        pytest.param(50, {"measured", "beyond"}, 1, id="a little beyond them"),
        pytest.param(100, {"measured"}, 0, id="far beyond them"),
    ],
)
def test_a_curve_is_drawn_to_its_peak_where_that_is_near(peak: int, parts: set[str], shown: int) -> None:
    lines, dots, peaks, names = rows_of(drawn(LEVELS, Curve(400, 0.05, 0.95 / peak**2)))
    assert {point["part"] for point in lines} == parts
    assert [round(point["level"]) for point in peaks] == [peak] * shown
    assert len(dots) == 12
    assert [name["series"] for name in names] == ["free"]


def test_without_a_law_the_line_joins_the_medians_and_says_whether_one_was_tried() -> None:
    """Three levels are too few to try; a throughput that collapses and rises again fits nothing."""
    few, *_ = rows_of(drawn((1, 8, 32), SHARED))
    assert [(point["level"], point["part"]) for point in few] == [(each, "measured") for each in (1, 8, 32)]
    cells = [
        replace(cell, messages_per_s=100.0 if cell.level == 8 else 400.0 * cell.level)
        for cell in simulated_run(modes=("free",), levels=LEVELS, repeats=2)[0].cells
    ]
    aggregates = aggregate(cells, {})
    unfit, *_ = rows_of(throughput_chart(cells, aggregates, colours(aggregates), scalings(cells)))
    assert [(point["level"], point["part"]) for point in unfit] == [(each, "no law") for each in LEVELS]


def test_with_a_single_level_or_under_open_load_there_is_no_course_to_draw() -> None:
    assert drawn((8,), SHARED) is None
    run = simulated_open_run(repeats=1)
    aggregates = aggregate(run.cells, {})
    assert throughput_chart(run.cells, aggregates, colours(aggregates)) is None
