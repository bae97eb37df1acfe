"""Why a mode serves more or less: rows, sentences and charts of overlap, fairness and scalability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lockstep.analysis.aggregate import aggregate
from lockstep.analysis.scalability import Curve, Fit, Parameter, Scaling, UslFit, scalings
from lockstep.analysis.timeline import Lane, Panel, Timeline
from lockstep.report.charts.picture import Chart, to_svg
from lockstep.report.material import colours
from lockstep.report.section import Table
from lockstep.report.sections.fairness import ORDERS, fairness_sentence, orders
from lockstep.report.sections.overlap import BY_MESSAGE, overlap_chart, overlap_title
from lockstep.report.sections.scalability import fit_words, scalability_sentence, scalability_table
from lockstep.report.sections.throughput import throughput_chart
from lockstep.report.sections.timeline import timeline_chart, timeline_title
from lockstep.report.words import percent
from lockstep.runs.measures import Fairness, Overlap
from lockstep.runs.records import Cell, ServerCell
from lockstep.runs.schema_3 import mode_named
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import modes_named, series_named
from tests.factories.simulated import simulated_run

LEVELS = (1, 2, 4, 8, 16, 32)
SHARED = Curve(400, 0.05, 0.001)


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


def lane(mode: str, most: int) -> Lane:
    by_message = mode_named(mode).by_message
    return Lane(series_named(mode), 36, 10.0, (), ((0, most), (10, most)), by_message)


@pytest.mark.parametrize(
    ("lanes", "said"),
    [
        (
            (lane("free", 30), lane("lock", 1), lane("ticket", 1)),
            "30 with free, 1 with lock and ticket",
        ),
        (
            (lane("lock", 1), lane("lock/message", 36)),
            "1 with lock",
        ),
        ((lane("lock/message", 36),), ""),
    ],
)
def test_the_timeline_is_called_by_what_its_own_strips_show(lanes: tuple[Lane, ...], said: str) -> None:
    title = timeline_title(Timeline(32, 10.0, lanes, client_shown=True))
    assert title.partition(": ")[2] == said


def test_a_last_step_that_ends_as_it_begins_is_not_drawn_twice_as_high() -> None:
    shown = Lane(series_named("lock"), 1, 10.0, (), ((0, 9), (10.0, 9), (10.0, 9)))
    chart = timeline_chart(Timeline(32, 10.0, (shown,), client_shown=True), shown, "#d55e00")
    strip, _ = chart.to_dict()["vconcat"]
    assert strip["layer"][0]["encoding"]["y"]["stack"] is None


def with_overtaken(cells: Sequence[Cell], overtaken: dict[str, int | None]) -> list[Cell]:
    """Cells of a hundred connections each, of which so many were overtaken; None: not recorded."""
    return [
        replace(
            cell,
            server=ServerCell(
                100,
                100,
                100,
                1,
                9,
                inversions=None if count is None else 3 * count,
                fairness=fairness_of(count),
            ),
        )
        for cell in cells
        for count in [overtaken[cell.mode]]
    ]


def fairness_of(overtaken: int | None) -> Fairness | None:
    return None if overtaken is None else Fairness(100, overtaken, 9_000, 0.5)


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return simulated_run(modes=("free", "lock", "ticket", "queue=1"), levels=(8,), repeats=1)[0].cells


@pytest.mark.parametrize(
    ("overtaken", "said"),
    [
        (
            {"free": 70, "lock": 12, "ticket": 0, "queue=1": 0},
            "12% of connections with lock, none with ticket and queue=1.",
        ),
        (
            {"free": None, "lock": 30, "ticket": 30, "queue=1": 5},
            "30% of connections with lock and ticket, 5% with queue=1.",
        ),
        (
            {"free": 70, "lock": 0, "ticket": 0, "queue=1": None},
            "no connection was overtaken by a later one.",
        ),
        ({"free": 70, "lock": None, "ticket": None, "queue=1": None}, None),
    ],
)
def test_a_sentence_tells_who_was_overtaken(
    cells: list[Cell], overtaken: dict[str, int | None], said: str | None
) -> None:
    modes = ("free", "lock", "ticket", "queue=1")
    sentence = fairness_sentence(with_overtaken(cells, overtaken), modes_named(*modes))
    if said is None:
        assert sentence is None
    else:
        assert sentence is not None
        assert sentence.endswith(said)


def test_no_connection_was_overtaken_only_where_none_was_in_any_repeat(cells: list[Cell]) -> None:
    lock = next(each for each in cells if each.mode == "lock")
    repeats = [
        each
        for repeat, overtaken in ((1, 0), (2, 5), (3, 0))
        for each in with_overtaken([replace(lock, index=repeat, repeat=repeat)], {"lock": overtaken})
    ]
    assert (fairness_sentence(repeats, {}) or "").endswith(" in most repeats.")


def test_of_a_single_connection_nothing_is_said_for_nobody_can_overtake_it(cells: list[Cell]) -> None:
    alone = [replace(cell, level=1) for cell in cells]
    assert fairness_sentence(alone, {}) is None


def test_a_row_of_fairness_has_medians_and_says_what_was_not_recorded(cells: list[Cell]) -> None:
    by_mode = {cell.mode: cell for cell in cells}
    lock, queue = by_mode["lock"], by_mode["queue=1"]
    repeats = [replace(lock, repeat=repeat) for repeat in (1, 2, 3)]
    told = [
        each
        for repeat, overtaken in zip(repeats, (10, 90, 40), strict=True)
        for each in with_overtaken([repeat], {"lock": overtaken})
    ]
    two_levels = [queue, replace(queue, index=99, level=32)]
    silent = with_overtaken(two_levels, {"queue=1": None})
    first, second = Table.of(ORDERS, orders([*told, *silent], ("lock", "queue=1"))).rows
    assert first == ("lock", "8", "100", "40%", "120", "0.50", "9.00 ms", "–", "–", "–", "–")
    assert second == ("queue=1", *["–"] * 10)
    assert orders(silent, ()) == []
    assert orders([replace(lock, server=None)], ()) == []


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


@pytest.mark.parametrize(
    ("part", "words"),
    [(0, "0%"), (0.000_031_4, "0.0031%"), (0.0123, "1.2%"), (0.256, "26%"), (0.994, "99%"), (1.536, "154%")],
)
def test_a_part_however_small_keeps_two_figures(part: float, words: str) -> None:
    assert percent(part) == words


def test_the_overlap_chart_draws_each_mode_and_says_where_nothing_was_recorded() -> None:
    chosen = {series_named("free"): "#2b83c6", series_named("lock/message"): "#a5673f"}
    chart = overlap_chart([panel("free", 29.7, 32), by_message()], chosen)
    assert chart is not None
    svg = to_svg(chart, "overlap", "overlap")
    assert "free: peak 32, mean 30" in svg
    assert BY_MESSAGE in svg
    assert overlap_chart([by_message()], chosen) is None
    assert overlap_chart([], chosen) is None


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
