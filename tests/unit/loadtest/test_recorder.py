"""What counts into a cell's window, and that each thing is handed over exactly once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram

from loadtest.recorder import HIGHEST_NS, SAMPLED_CONNECTIONS, CellRecorder
from loadtest.samples import Outcome, Phase, Sample
from tests.unit.loadtest.records import MS, START_NS, S, message, order, report_of, view


def counts(report: dict[str, Any]) -> dict[str, int]:
    """How many values each histogram holds."""
    return {
        name: HdrHistogram.decode(text.encode()).get_total_count()
        for name, text in report["histograms"].items()
    }


# The window: from 1 s to 3 s. measured: began inside; timed: that and answered; rate: ended inside.
@pytest.mark.parametrize(
    ("sample", "measured", "timed", "rate"),
    [
        pytest.param(message(0.2, 0.4), 0, 0, 0, id="all in the warm-up"),
        pytest.param(message(0.9, 1.1), 0, 0, 1, id="began in the warm-up, ended in the window"),
        pytest.param(message(1.0, 1.5), 1, 1, 1, id="began with the window"),
        pytest.param(message(2.9, 9.0), 1, 1, 0, id="began in the window, ended long after it"),
        pytest.param(message(2.5, 3.0), 1, 1, 0, id="ended with the window"),
        pytest.param(message(3.0, 3.1), 0, 0, 0, id="began after the window"),
        pytest.param(message(1.5, 1.6, Outcome.RESET), 1, 0, 0, id="failed in the window"),
        pytest.param(message(0.5, 0.6, Outcome.RESET), 0, 0, 0, id="failed in the warm-up"),
    ],
)
def test_the_window_takes_what_began_in_it_and_the_rate_what_ended_in_it(
    sample: Sample, measured: int, timed: int, rate: int
) -> None:
    report = report_of([sample])
    assert report["measured"].get(sample.outcome.value, 0) == measured
    assert counts(report).get("response", 0) == timed
    assert report["answered_in_window"] == rate
    assert report["ledger"] == {sample.outcome.value: 1}


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.ANSWERED])
@pytest.mark.parametrize("phase", Phase)
def test_failures_never_enter_a_histogram(outcome: Outcome, phase: Phase) -> None:
    assert report_of([message(1.5, 1.6, outcome, phase)])["histograms"] == {}


def test_only_messages_count_as_sent() -> None:
    report = report_of([message(1.5, 1.6, phase=phase) for phase in Phase])
    assert report["ledger"] == {"answered": 1}
    assert report["sessions"] == 1
    assert counts(report) == dict.fromkeys(("connect", "first_reply", "response", "close", "session"), 1)


@pytest.mark.parametrize(
    ("wait_ms", "service_ms", "network_ms"), [(30, 20, 50), (0, 100, 0), (500, 20, 0), (None, None, None)]
)
def test_a_message_is_split_into_wait_service_and_the_rest(
    wait_ms: int | None, service_ms: int | None, network_ms: int | None
) -> None:
    sample = message(1.5, 1.6)
    if wait_ms is not None and service_ms is not None:
        sample = replace(sample, wait_ns=wait_ms * MS, service_ns=service_ms * MS)
    parts = report_of([sample])["histograms"]
    assert ("network" in parts) == (network_ms is not None)
    if network_ms is not None:
        network_ns = HdrHistogram.decode(parts["network"].encode()).get_max_value()
        assert network_ns == pytest.approx(max(network_ms * MS, 1), rel=0.002)


def test_a_time_beyond_the_histogram_is_kept_at_its_greatest_value() -> None:
    sample = Sample(Phase.MESSAGE, Outcome.ANSWERED, START_NS + S, START_NS + S + 2 * HIGHEST_NS)
    (greatest,) = {
        HdrHistogram.decode(text.encode()).get_max_value()
        for text in report_of([sample])["histograms"].values()
    }
    assert greatest == pytest.approx(HIGHEST_NS, rel=0.002)


def test_seconds_of_the_window_are_counted_by_when_a_message_ended() -> None:
    samples = [message(0.5, 1.2), message(1.5, 1.6), message(1.9, 2.1), message(2.2, 2.3, Outcome.TIMEOUT)]
    assert report_of(samples)["per_second"] == [[0, 2, 0], [1, 1, 1]]


def test_take_hands_over_each_thing_exactly_once() -> None:
    recorder = CellRecorder(order(), START_NS)
    recorder.record(message(1.5, 1.6))
    recorder.record(message(1.5, 1.6, phase=Phase.SESSION))
    recorder.record_connection("127.0.0.1:5", view(START_NS))
    first = recorder.take("w", final=False)
    assert (first["ledger"], first["sessions"], len(first["connections"])) == ({"answered": 1}, 1, 1)
    second = recorder.take("w", final=True)
    for name in ("ledger", "measured", "histograms"):
        assert second[name] == {}, name
    for name in ("per_second", "connections"):
        assert second[name] == [], name
    assert (second["sessions"], second["answered_in_window"]) == (0, 0)
    assert (first["sequence"], second["sequence"]) == (0, 1)
    assert (first["final"], second["final"]) == (False, True)


def test_a_report_names_its_run_cell_and_worker() -> None:
    report = report_of([], "w9", order(run_id="r", cell=4))
    assert (report["run_id"], report["cell"], report["worker"]) == ("r", 4, "w9")


def test_a_window_without_an_end_takes_everything_until_it_is_closed() -> None:
    recorder = CellRecorder(order(seconds=None), START_NS)
    recorder.record(message(99.0, 99.5))
    recorder.close_window(START_NS + 100 * S)
    recorder.record(message(100.5, 100.6))
    report = recorder.take("w", final=True)
    assert report["measured"] == {"answered": 1}
    assert report["window_s"] == pytest.approx(99.0)


@pytest.mark.parametrize(
    ("closed_s", "window_s"), [(0.5, 0.0), (1.0, 0.0), (2.0, 1.0), (3.0, 2.0), (9.0, 2.0)]
)
def test_closing_a_window_early_shortens_it_and_late_leaves_it(closed_s: float, window_s: float) -> None:
    recorder = CellRecorder(order(), START_NS)
    recorder.close_window(START_NS + round(closed_s * S))
    assert recorder.window_start_ns == START_NS + S
    assert recorder.window_end_ns == START_NS + S + round(window_s * S)


def test_the_first_connections_are_kept_and_no_more_than_the_bound() -> None:
    recorder = CellRecorder(order(), START_NS)
    for number in range(SAMPLED_CONNECTIONS + 5):
        recorder.record_connection(f"127.0.0.1:{number}", view(START_NS + number))
    addresses = [row["address"] for row in recorder.take("w", final=False)["connections"]]
    assert addresses == [f"127.0.0.1:{number}" for number in range(SAMPLED_CONNECTIONS)]
    recorder.record_connection("127.0.0.1:9", view(START_NS))
    assert recorder.take("w", final=True)["connections"] == []
