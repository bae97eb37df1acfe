"""Numbers, axes and sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.analysis.aggregate import Aggregate, aggregate
from lockstep.analysis.comparison import THROUGHPUT, Comparison
from lockstep.analysis.intervals import Estimate
from lockstep.analysis.timeline import Bar, Lane, Timeline
from lockstep.report.charts import axes
from lockstep.report.charts.picture import Row, to_svg
from lockstep.report.charts.rows import NOT_MEASURED, Block, Layout
from lockstep.report.material import colours
from lockstep.report.section import Table
from lockstep.report.sections.confidence import certainty_title, estimate_words
from lockstep.report.sections.generator import WORKERS, load_table, workers
from lockstep.report.sections.overlap import in_service_title
from lockstep.report.sections.queueing import LITTLES_LAW, WAITS, littles_laws, waits
from lockstep.report.sections.throughput import throughput_title
from lockstep.report.sections.timeline import timeline_chart
from lockstep.report.sections.times import time_spent_title, time_title
from lockstep.report.verdict_words import bound
from lockstep.report.words import difference, duration, figures, share
from lockstep.runs.measures import Occupancy
from lockstep.runs.records import WorkerHealth
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import modes_named, series_named
from tests.factories.simulated import simulated_run


@pytest.mark.parametrize(
    ("value_us", "words"),
    [
        (None, "–"),
        (0, "0 µs"),
        (0.5, "0.500 µs"),
        (812, "812 µs"),
        (999.9, "1.00 ms"),
        (2_310, "2.31 ms"),
        (1_020_000, "1.02 s"),
        (125_000_000, "125 s"),
    ],
)
def test_a_duration_has_three_figures_and_the_unit_that_suits_it(value_us: float | None, words: str) -> None:
    assert duration(value_us) == words


def test_large_numbers_are_grouped_and_shares_never_round_to_all_or_nothing() -> None:
    assert [figures(value) for value in (4_610.4, 31.24, 9.999)] == ["4,610", "31.2", "10.0"]
    assert [share(part, 1_000) for part in (0, 1, 500, 999, 1_000)] == [
        "0%",
        "under 1%",
        "50%",
        "over 99%",
        "100%",
    ]


def test_what_is_small_keeps_figures_and_an_end_beyond_all_reading_is_short() -> None:
    assert [figures(value) for value in (0.0123, 0.00012)] == ["0.012", "0.00012"]
    assert [bound(value) for value in (0.00012, 1.0002, 4_610.0, 2.146e14)] == [
        "0.00012",
        "1.0002",
        "4,610",
        "over 1,000,000",
    ]


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


def response_title(aggregates: list[Aggregate]) -> str:
    return time_title(aggregates, "p99 response time", lambda each: each.time("response", "p99"))


@pytest.fixture(scope="module")
def two() -> list[Aggregate]:
    return aggregate(simulated_run(modes=("free", "lock"), levels=(8,))[0].cells, modes_named("free", "lock"))


def test_a_mode_keeps_its_colour_whatever_it_is_compared_with() -> None:
    def chosen(*modes: str) -> dict[str, str]:
        found = aggregate(simulated_run(modes=modes, levels=(1,), repeats=1)[0].cells, modes_named(*modes))
        return {series.mode: colour for series, colour in colours(found).items()}

    assert chosen("lock")["lock"] == chosen("free", "lock")["lock"]
    everyone = chosen("free", "lock", "semaphore=4", "queue=1", "iterative", "ticket")
    assert len(set(everyone.values())) == 6
    openly = colours(aggregate(simulated_open_run(modes=("lock",), repeats=1).cells, modes_named("lock")))
    assert set(openly.values()) == {everyone["lock"]}


@pytest.mark.parametrize(
    ("computed", "counted", "words"),
    [(103, 100, "+3.0%"), (9.9, 10, "-1.0%"), (10.0001, 10, "0.0%"), (9.9999, 10, "0.0%"), (1, 0, "–")],
)
def test_a_difference_has_a_sign_unless_it_is_none(computed: float, counted: float, words: str) -> None:
    assert difference(computed, counted) == words


def test_what_is_equal_is_said_once(two: list[Aggregate]) -> None:
    free, lock = two
    alike = [replace(each, max_in_service=1) for each in (free, replace(lock, series=series_named("ticket")))]
    assert in_service_title(alike).endswith("is 1 with free and ticket")
    assert in_service_title([free, lock]).endswith("is 8 with free, 1 with lock")


def test_a_title_tells_no_growth_from_a_level_at_which_nothing_was_answered() -> None:
    cells = simulated_run(modes=("free", "lock"), levels=(1, 8, 16), repeats=1)[0].cells
    silent = [
        replace(each, messages_per_s=0.0) if (each.mode, each.level) == ("lock", 1) else each
        for each in cells
    ]
    said = throughput_title(aggregate(silent, modes_named("free", "lock")))
    assert said.startswith("From 1 to 16 connections, throughput grows by a factor of ")
    assert "lock" not in said


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


def test_a_row_of_theory_is_of_the_repeat_with_the_middle_wait() -> None:
    run = simulated_open_run(modes=("lock",))
    cells = run.cells
    measured = sorted(
        cell.server.wait_prediction.measured_us
        for cell in cells
        if cell.server is not None and cell.server.wait_prediction is not None and cell.rate_per_s == 357
    )
    rows = Table.of(WAITS, waits(cells, ("lock",))).rows
    assert [row[:2] for row in rows] == [("lock, 223/s", "64"), ("lock, 357/s", "64")]
    assert rows[1][4] == duration(measured[1])
    assert " to " in rows[1][-1]
    assert waits([replace(cell, cut_short=True) for cell in cells], ("lock",)) == []


def test_a_row_of_littles_law_has_both_ends_and_dashes_for_what_was_not_counted() -> None:
    (cell,) = simulated_run(modes=("lock",), levels=(8,), repeats=1)[0].cells
    told = replace(cell, littles_law=Occupancy(8, 8.2))
    (row,) = Table.of(LITTLES_LAW, littles_laws([told], ("lock",))).rows
    sessions = told.sessions_per_s * told.seconds
    assert row[:6] == ("lock", "8", "8.00", "8.20", "+2.5%", f"{0.03 + 8 / sessions:.1%}")
    (row,) = Table.of(LITTLES_LAW, littles_laws([replace(told, server=None)], ("lock",))).rows
    assert row[6:] == ("–", "–", "–", "–")


def test_a_worker_is_shown_at_its_worst_and_with_dashes_where_the_system_does_not_tell() -> None:
    (cell,) = simulated_run(modes=("lock",), levels=(8,), repeats=1)[0].cells
    cells = [
        replace(cell, health=[WorkerHealth("b", 0.5), WorkerHealth("a", 0.2, open_files=70)]),
        replace(cell, health=[WorkerHealth("b", 0.91, throttled_s=0.25)]),
    ]
    first, second = Table.of(WORKERS, workers(cells)).rows
    assert first == ("a", "1", "20%", "–", "–", "–", "70", "–", "–")
    assert second == ("b", "2", "91%", "–", "–", "–", "–", "–", "250 ms")


def test_only_open_load_has_rows_of_its_own() -> None:
    closed = simulated_run(modes=("lock",), levels=(8,), repeats=1)[0].cells
    assert load_table(aggregate(closed, {})).rows == ()
    rows = load_table(aggregate(simulated_open_run(modes=("lock",)).cells, {})).rows
    assert [(row[2], row[-2], row[-1]) for row in rows] == [("223", "6", "0"), ("357", "6", "0")]


def differing(*shown: bool) -> list[Comparison]:
    def estimate(differs: bool) -> Estimate:
        return Estimate(2.0, 1.5, 2.5, 3) if differs else Estimate(1.0, 0.9, 1.1, 3)

    lock, free = series_named("lock"), series_named("free")
    return [Comparison(THROUGHPUT, lock, free, 8, estimate(each)) for each in shown]


@pytest.mark.parametrize(
    ("comparisons", "title"),
    [
        (differing(True), "1 of 1 difference is "),
        (differing(True, True), "2 of 2 differences are "),
        (differing(False, False), "0 of 2 differences are "),
        (differing(True, False, False), "1 of 3 differences is "),
    ],
)
def test_confidence_is_a_count_of_significant_differences(comparisons: list[Comparison], title: str) -> None:
    assert certainty_title(comparisons) == f"{title}significant at 95%"


def test_a_ratio_without_an_interval_says_so() -> None:
    assert estimate_words(Estimate(2.0, None, None, 1)) == "2.00 (one repeat)"
    assert estimate_words(Estimate(2.0, 1.5, 2.5, 3)) == "2.00 (1.50 to 2.50)"
    assert estimate_words(Estimate(1.02, 0.9, 1.1, 3)) == "1.02 (0.900 to 1.10), not significant"


def test_a_row_of_which_nothing_was_measured_says_so() -> None:
    marks: list[Row] = [{"series": "free", "start": 0, "end": 1}]
    layout = Layout.of([Block("8 connections", ["free", "lock"], marks, [])])
    assert layout.words == [{"row": 2.5, "words": NOT_MEASURED}]


def test_a_title_names_the_series_of_which_it_has_no_time(two: list[Aggregate]) -> None:
    free, lock = two
    title = response_title([free, replace(lock, times={})])
    assert title.endswith(" with free; not measured with lock")
