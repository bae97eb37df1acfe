"""How many were in service and how many waited, over a whole cell: exact, bin by bin."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.analysis.timeline import overlap_panels
from lockstep.measure.connections import Sojourns, Span, in_service_steps, overlap_over
from lockstep.runs.connections import ServerRecord
from lockstep.runs.measures import Overlap
from lockstep.runs.records import CellDetail
from tests.factories.folders import overlap_of
from tests.factories.simulated import simulated_run

MS = 1_000_000
SPAN = Span(0, 20 * MS, 80 * MS)

# Arrival, wait and hold, in milliseconds.
visits = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 9), st.integers(0, 40)), min_size=1, max_size=40
)


def stay(
    arrival_ms: float, admission_ms: float | None, release_ms: float | None, close_ms: float | None = None
) -> ServerRecord:
    arrival, admission, release, close = (
        None if at_ms is None else round(at_ms * MS)
        for at_ms in (arrival_ms, admission_ms, release_ms, close_ms)
    )
    assert arrival is not None
    return ServerRecord(arrival, admission, release, release if close is None else close, "peer", 1)


def over(*records: ServerRecord, span: Span = SPAN, bins: int = 8) -> Overlap:
    overlap = overlap_over(Sojourns.of(records), span, bins)
    assert overlap is not None
    return overlap


def test_a_bin_holds_the_time_average_the_greatest_number_and_the_waiting() -> None:
    """Bins of 10 ms: one waits 5 ms, is served for 20; another overlaps its last 5 ms."""
    said = over(stay(0, 5, 25), stay(20, 20, 80))
    assert said.bin_ms == 10
    assert said.in_service == [0.5, 1.0, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert said.most == [1, 1, 2, 1, 1, 1, 1, 1]
    assert said.waiting == [0.5, 0, 0, 0, 0, 0, 0, 0]


def test_one_that_follows_another_at_once_never_makes_two() -> None:
    assert over(stay(0, 0, 40), stay(0, 40, 80)).most == [1] * 8
    assert over(stay(0, 0, 35), stay(0, 35, 80)).most == [1] * 8


def test_a_stay_shorter_than_a_bin_is_in_its_greatest_number() -> None:
    said = over(stay(12, 12, 13), stay(0, 79, 80))
    assert said.most == [0, 1, 0, 0, 0, 0, 0, 1]
    assert said.in_service[1] == 0.1


def test_who_was_not_released_stays_and_who_was_not_admitted_waits_until_it_is_closed() -> None:
    said = over(stay(0, 60, None), stay(10, None, None, close_ms=30), stay(50, None, None))
    assert said.in_service == [0, 0, 0, 0, 0, 0, 1, 1]
    assert said.waiting == [1, 2, 2, 1, 1, 2, 1, 1]


def test_a_cell_without_admissions_has_no_overlap() -> None:
    assert overlap_over(Sojourns.of([]), SPAN) is None
    assert overlap_over(Sojourns.of([stay(0, None, None)]), SPAN) is None


@given(visits, st.integers(1, 30))
def test_all_bins_together_are_the_time_in_service(each: list[tuple[int, int, int]], bins: int) -> None:
    records = [stay(at, at + wait, at + wait + hold) for at, wait, hold in each]
    said = over(*records, bins=bins)
    assert sum(said.in_service) * said.bin_ms == pytest.approx(sum(hold for *_, hold in each), abs=0.1)
    assert sum(said.waiting) * said.bin_ms == pytest.approx(sum(wait for _, wait, _ in each), abs=0.1)
    steps = [step.in_service for step in in_service_steps(records)]
    assert max(said.most) == max(steps)
    assert all(mean <= most for mean, most in zip(said.in_service, said.most, strict=True))


def test_what_is_kept_is_the_average_of_the_bins_within_the_window() -> None:
    said = over(stay(0, 0, 80), stay(0, 20, 50))
    assert said.kept == pytest.approx(1.5)
    assert replace(said, window_end_ms=25).kept is None


def test_records_of_any_order_make_the_same_overlap() -> None:
    records = [stay(at, at + 1, at + 30) for at in range(50)]
    shuffled = records.copy()
    random.Random(2).shuffle(shuffled)
    assert over(*shuffled) == over(*records)


def test_each_series_has_a_panel_at_the_greatest_level_be_it_empty() -> None:
    run, connections = simulated_run(modes=("free", "lock"), levels=(1, 8), repeats=2)
    details = {
        cell.index: CellDetail(cell.index, overlap=overlap_of(cell, connections)) for cell in run.cells
    }
    free, lock = overlap_panels(run, details)
    assert [(each.series.name, each.level) for each in (free, lock)] == [("free", 8), ("lock", 8)]
    assert free.overlap is not None
    assert lock.overlap is not None
    assert (max(free.overlap.most), max(lock.overlap.most)) == (8, 1)
    silent = {
        cell.index: details[cell.index] if cell.mode == "free" else CellDetail(cell.index)
        for cell in run.cells
    }
    assert [each.overlap is None for each in overlap_panels(run, silent)] == [False, True]
    assert overlap_panels(run, {}) == []


def test_a_panel_is_of_the_repeat_whose_average_is_in_the_middle() -> None:
    run, _ = simulated_run(modes=("lock",), levels=(8,), repeats=3)
    overlaps = [Overlap(1.0, 0.0, 1.0, [average], [8], [0.0]) for average in (7.0, 1.0, 4.0)]
    details = {index: CellDetail(index, overlap=each) for index, each in enumerate(overlaps)}
    assert [each.kept for each in overlaps] == [7.0, 1.0, 4.0]
    (panel,) = overlap_panels(run, details)
    assert panel.overlap == overlaps[2]


def test_a_cell_that_was_cut_short_or_has_no_overlap_is_in_no_panel() -> None:
    run, connections = simulated_run(modes=("lock",), levels=(8,), repeats=3)
    overlaps = [overlap_of(cell, connections) for cell in run.cells]
    cells = [replace(run.cells[0], cut_short=True), *run.cells[1:]]
    details = {0: CellDetail(0, overlap=overlaps[0]), 1: CellDetail(1), 2: CellDetail(2, overlap=overlaps[2])}
    (panel,) = overlap_panels(replace(run, cells=cells), details)
    assert panel.overlap == overlaps[2]
