"""Workers' reports in, one cell out, as if one worker had recorded it all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.collector import CellCollector
from loadtest.recorder import HISTOGRAMS, CellRecorder
from loadtest.results import Messages
from loadtest.samples import Outcome, Phase, Sample
from tests.unit.loadtest.records import MS, START_NS, S, message, order, report_of, sent, view

NS = st.integers(min_value=0, max_value=4 * S)
WAIT_NS = st.one_of(st.none(), st.integers(min_value=0, max_value=S))


@st.composite
def any_sample(draw: st.DrawFn) -> Sample:
    """A sample from before, in or after the window."""
    start_ns = START_NS + draw(NS)
    wait_ns = draw(WAIT_NS)
    return Sample(
        draw(st.sampled_from(Phase)),
        draw(st.sampled_from(Outcome)),
        start_ns,
        start_ns + draw(NS),
        wait_ns,
        None if wait_ns is None else wait_ns // 2,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(any_sample(), st.integers(0, 2), st.booleans()), max_size=40))
def test_what_workers_record_and_report_in_parts_is_what_one_would_have_recorded(
    steps: list[tuple[Sample, int, bool]],
) -> None:
    recorders = [CellRecorder(order(), START_NS) for _ in range(3)]
    merged = CellCollector(order(), {"w0", "w1", "w2"})
    for sample, worker, reports_now in steps:
        recorders[worker].record(sample)
        if reports_now:
            assert merged.add(sent(recorders[worker], f"w{worker}", final=False))
    for worker, recorder in enumerate(recorders):
        assert merged.add(sent(recorder, f"w{worker}", final=True))
    alone = CellCollector(order(), {"w"})
    alone.add(report_of([sample for sample, _, _ in steps], "w"))
    assert merged.messages == alone.messages
    assert merged.ledger == alone.ledger
    assert merged.sessions == alone.sessions
    assert merged.detail().per_second == alone.detail().per_second
    for name in HISTOGRAMS:
        assert merged.distribution(name) == alone.distribution(name), name
    assert merged.missing() == set()


@settings(max_examples=60, deadline=None)
@given(st.lists(any_sample(), max_size=40))
def test_sent_is_the_sum_of_the_outcomes(samples: list[Sample]) -> None:
    collector = CellCollector(order(), {"w1"})
    collector.add(report_of(samples))
    messages = sum(sample.phase is Phase.MESSAGE for sample in samples)
    for counted in (collector.messages, collector.ledger):
        assert counted.sent == sum(getattr(counted, outcome.value) for outcome in Outcome)
    assert collector.ledger.sent == messages


@pytest.mark.parametrize(
    ("run_id", "cell", "worker"),
    [("another", 0, "w1"), ("run", 1, "w1"), ("run", 0, "stranger")],
)
def test_reports_of_other_runs_cells_and_unknown_workers_are_refused_and_counted(
    run_id: str, cell: int, worker: str
) -> None:
    collector = CellCollector(order(), {"w1"})
    foreign = report_of([message(1.5, 1.6)], worker, order(run_id=run_id, cell=cell))
    assert not collector.add(foreign)
    assert collector.refused == 1
    assert collector.ledger == Messages()
    assert collector.missing() == {"w1"}


def test_a_worker_is_missing_until_its_final_report_has_come() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    collector.add(report_of([], "w1", final=False))
    assert collector.missing() == {"w1", "w2"}
    collector.add(report_of([], "w1"))
    assert collector.missing() == {"w2"}


def test_a_worker_that_joins_late_is_expected_from_then_on() -> None:
    collector = CellCollector(order(), set())
    collector.expect("late")
    assert collector.add(report_of([], "late"))
    assert collector.finished == {"late"}


def test_rates_of_workers_add_up_each_over_its_own_window() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    whole = [message(1.0, 1.0 + i / 100) for i in range(100)]
    collector.add({**report_of(whole, "w1"), "window_s": 2.0})
    collector.add({**report_of(whole[:50], "w2"), "window_s": 0.5})
    assert collector.messages_per_s == pytest.approx(100 / 2.0 + 50 / 0.5)
    assert collector.seconds == 2.0


def test_a_worker_whose_window_has_not_begun_has_no_rate() -> None:
    collector = CellCollector(order(), {"w1"})
    collector.add({**report_of([], "w1"), "window_s": 0.0})
    assert (collector.messages_per_s, collector.sessions_per_s, collector.seconds) == (0.0, 0.0, 0.0)


def test_percentiles_are_those_of_all_the_values_and_never_an_average() -> None:
    collector = CellCollector(order(), {"fast", "slow"})
    collector.add(report_of([message(1.5, 1.501)] * 99, "fast"))
    collector.add(report_of([message(1.5, 2.5)], "slow"))
    times = collector.distribution("response")
    assert times is not None
    assert times.count == 100
    assert times.p50 == pytest.approx(1_000, rel=0.002)
    assert times.max == pytest.approx(1_000_000, rel=0.002)


def test_what_was_never_recorded_has_no_distribution() -> None:
    collector = CellCollector(order(), {"w1"})
    collector.add(report_of([message(1.5, 1.6, Outcome.RESET)]))
    assert collector.distribution("response") is None
    assert collector.detail().histograms == {}


def test_connections_and_hosts_of_all_workers_are_kept() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    for number, worker in enumerate(("w1", "w2")):
        recorder = CellRecorder(order(), START_NS)
        recorder.record_connection(f"127.0.0.1:{number}", view(START_NS + number * MS))
        collector.add(sent(recorder, worker, final=True))
    assert collector.clients == {
        "127.0.0.1:0": view(START_NS),
        "127.0.0.1:1": view(START_NS + MS),
    }
    assert {host["name"] for host in collector.hosts.values()} == {"w1", "w2"}
