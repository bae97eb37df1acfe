"""Which connections the timeline draws, and when it keeps silent."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from lockstep.analysis.timeline import ROWS, Timeline, make_timeline
from lockstep.runs.connections import Connection
from lockstep.runs.records import Run
from tests.factories.simulated import simulated_run


@pytest.fixture(scope="module")
def recorded() -> tuple[Run, list[Connection]]:
    return simulated_run(modes=("free", "lock", "semaphore=4"), levels=(1, 32), repeats=2)


def drawn(recorded: tuple[Run, list[Connection]]) -> Timeline:
    said = make_timeline(*recorded)
    assert said is not None
    return said


def test_every_mode_is_drawn_at_the_greatest_level_with_as_many_rows(
    recorded: tuple[Run, list[Connection]],
) -> None:
    said = drawn(recorded)
    assert said.level == 32
    assert [lane.series.name for lane in said.lanes] == ["free", "lock", "semaphore=4"]
    assert all(ROWS - 4 <= lane.shown <= ROWS for lane in said.lanes)
    assert [lane.peak for lane in said.lanes] == [32, 1, 4]


def test_bars_in_service_overlap_as_far_as_the_mode_admits(recorded: tuple[Run, list[Connection]]) -> None:
    for lane in drawn(recorded).lanes:
        service = sorted((bar.start_ms, bar.end_ms) for bar in lane.bars if bar.phase == "in service")
        apart = all(end <= start for (_, end), (start, _) in pairwise(service))
        assert apart is (lane.series.mode == "lock")


def test_all_bars_lie_within_the_span_and_end_after_they_start(
    recorded: tuple[Run, list[Connection]],
) -> None:
    said = drawn(recorded)
    assert all(0 <= bar.start_ms < bar.end_ms <= said.span_ms for lane in said.lanes for bar in lane.bars)


def test_a_connection_closes_from_its_release_until_its_client_has_seen_the_end(
    recorded: tuple[Run, list[Connection]],
) -> None:
    """The simulated client sees the end 40 us after the release, at which the server closes."""
    for lane in drawn(recorded).lanes:
        served_until = {bar.row: bar.end_ms for bar in lane.bars if bar.phase == "in service"}
        closing = [
            bar for bar in lane.bars if bar.phase == "closing" and bar.end_ms < drawn(recorded).span_ms
        ]
        assert closing
        assert all(bar.start_ms == served_until[bar.row] for bar in closing)
        assert all(bar.end_ms - bar.start_ms == pytest.approx(0.04) for bar in closing)


def test_clients_on_another_clock_are_not_drawn(recorded: tuple[Run, list[Connection]]) -> None:
    run, connections = recorded
    assert drawn(recorded).client_shown
    elsewhere = replace(run, hosts=[*run.hosts, {"role": "worker", "boot_id": "another"}])
    said = drawn((elsewhere, connections))
    assert not said.client_shown
    assert not any(bar.phase in {"connecting", "closing"} for lane in said.lanes for bar in lane.bars)


def test_without_the_servers_records_there_is_no_timeline(recorded: tuple[Run, list[Connection]]) -> None:
    run, connections = recorded
    assert make_timeline(run, []) is None
    assert make_timeline(run, [replace(each, server=None) for each in connections]) is None
    assert make_timeline(replace(run, cells=[]), connections) is None
