"""Recorder and collector: what belongs to the window, and that merging loses and doubles nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.collector import CellCollector
from loadtest.orders import CellOrder
from loadtest.plan import Traffic
from loadtest.recorder import SAMPLED_CONNECTIONS, CellRecorder
from loadtest.results import ClientView
from loadtest.samples import Outcome, Phase, Sample

MS = 1_000_000
NOW = 10_000 * MS
HOST = {"role": "worker"}


def order(
    run_id: str = "run", cell: int = 0, warmup_s: float = 0.1, seconds: float | None = 1.0
) -> CellOrder:
    return CellOrder(run_id, cell, "lock", "host", 1, "raw", True, "echo", Traffic(), warmup_s, seconds)


def message(start_ms: float, end_ms: float, outcome: Outcome = Outcome.ANSWERED) -> Sample:
    """A message by its times since the cell began."""
    start_ns, end_ns = NOW + round(start_ms * MS), NOW + round(end_ms * MS)
    return Sample(Phase.MESSAGE, outcome, start_ns, end_ns, wait_ns=MS, service_ns=MS)


def collect(*recorders: CellRecorder) -> CellCollector:
    names = [f"worker-{number}" for number in range(len(recorders))]
    collector = CellCollector(order(), set(names))
    for name, recorder in zip(names, recorders, strict=True):
        report = json.loads(json.dumps({**recorder.take(name, final=True), "host": HOST}))
        assert collector.add(report)
    return collector


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "measured", "in_throughput"),
    [
        (10, 20, 0, 0),  # all of it in the warm-up
        (90, 110, 0, 1),  # began in the warm-up, ended in the window
        (100, 200, 1, 1),
        (1050, 1500, 1, 0),  # began in the window: its long wait is not cut away
        (1100, 1200, 0, 0),  # in the drain
    ],
)
def test_a_message_is_measured_where_it_began_and_counts_where_it_ended(
    start_ms: float, end_ms: float, measured: int, in_throughput: int
) -> None:
    recorder = CellRecorder(order(), NOW)
    recorder.record(message(start_ms, end_ms))
    cell = collect(recorder)
    assert cell.ledger.sent == 1, "the ledger covers the whole cell"
    assert cell.messages.sent == measured
    assert (cell.distribution("response") is not None) == bool(measured)
    report = CellRecorder(order(), NOW)
    report.record(message(start_ms, end_ms))
    assert report.take("w", final=True)["answered_in_window"] == in_throughput


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.ANSWERED])
def test_a_failure_is_counted_by_name_and_never_timed(outcome: Outcome) -> None:
    recorder = CellRecorder(order(), NOW)
    recorder.record(message(200, 300, outcome))
    cell = collect(recorder)
    assert getattr(cell.messages, outcome.value) == cell.messages.sent == 1
    assert cell.messages.answered == 0
    assert cell.distribution("response") is None


def test_network_is_what_wait_and_service_leave_and_never_negative() -> None:
    recorder = CellRecorder(order(), NOW)
    recorder.record(message(200, 205))
    recorder.record(message(200, 201))
    network = collect(recorder).distribution("network")
    assert network is not None
    assert network.max == pytest.approx(3000, rel=0.001)
    assert network.min < 1


def test_a_take_hands_everything_over_once() -> None:
    recorder = CellRecorder(order(), NOW)
    recorder.record(message(200, 300))
    assert recorder.take("w", final=False)["ledger"] == {"answered": 1}
    again = recorder.take("w", final=True)
    assert again["ledger"] == {}
    assert again["histograms"] == {}
    assert (again["sequence"], again["final"]) == (1, True)


def test_connections_are_sampled_up_to_a_bound() -> None:
    recorder = CellRecorder(order(), NOW)
    for number in range(SAMPLED_CONNECTIONS + 50):
        view = ClientView(NOW + number, None, None, None, None, None, "answered", 0)
        recorder.record_connection(f"127.0.0.1:{number}", view)
    assert len(recorder.take("w", final=True)["connections"]) == SAMPLED_CONNECTIONS


SAMPLES = st.lists(
    st.tuples(st.integers(0, 1_300), st.integers(0, 900), st.sampled_from(list(Outcome)), st.integers(0, 2)),
    max_size=60,
)


# An example makes and merges over thirty histograms: a few dozen of them say enough.
@settings(max_examples=25, deadline=None)
@given(SAMPLES)
def test_merging_workers_is_recording_in_one_place(samples: list[tuple[int, int, Outcome, int]]) -> None:
    alone = CellRecorder(order(), NOW)
    workers = [CellRecorder(order(), NOW) for _ in range(3)]
    for start_ms, long_ms, outcome, worker in samples:
        sample = message(start_ms, start_ms + long_ms, outcome)
        alone.record(sample)
        workers[worker].record(sample)
    one, many = collect(alone), collect(*workers)
    assert many.messages == one.messages
    assert many.ledger == one.ledger
    for name in ("response", "wait", "service", "network"):
        assert many.distribution(name) == one.distribution(name)
    assert many.detail().per_second == one.detail().per_second
    response = many.distribution("response")
    if response is not None:
        assert response.min <= response.p50 <= response.p90 <= response.p99 <= response.p999 <= response.max


@pytest.mark.parametrize(
    ("run_id", "cell", "worker"), [("another", 0, "known"), ("run", 1, "known"), ("run", 0, "unknown")]
)
def test_a_report_that_does_not_belong_here_is_refused_and_counted(
    run_id: str, cell: int, worker: str
) -> None:
    collector = CellCollector(order(), {"known"})
    recorder = CellRecorder(order(run_id, cell), NOW)
    recorder.record(message(200, 300))
    assert not collector.add({**recorder.take(worker, final=True), "host": HOST})
    assert collector.refused == 1
    assert collector.ledger.sent == 0
    assert collector.missing() == {"known"}


def test_rates_are_added_over_workers_each_over_its_own_window() -> None:
    first, second = CellRecorder(order(seconds=None), NOW), CellRecorder(order(seconds=None), NOW)
    for recorder, seconds in ((first, 1), (second, 2)):
        for number in range(100):
            recorder.record(message(101 + number, 102 + number))
        recorder.close_window(NOW + 100 * MS + seconds * 1000 * MS)
    assert collect(first, second).messages_per_s == pytest.approx(100 / 1 + 100 / 2)
