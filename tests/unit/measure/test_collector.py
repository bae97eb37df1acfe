"""Workers' reports in, one cell out, as if one worker had recorded it all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.control import CellOrder, Opened
from lockstep.measure.collector import CellCollector
from lockstep.record.sums import SpanSums
from lockstep.runs.histograms import encoded, new_histogram
from lockstep.runs.records import CLIENT_TIMES, Messages
from lockstep.tcp.samples import ABSENT, Outcome, Phase, Sample
from lockstep.traffic import Arrival, Traffic
from tests.factories.reports import (
    OPEN,
    START_NS,
    begun,
    health,
    journal_of,
    message,
    order,
    report_of,
    report_of_due,
    sent,
    tell,
    view,
)
from tests.factories.units import MS, S

NS = st.integers(min_value=0, max_value=4 * S)
WAIT_NS = st.one_of(st.none(), st.integers(min_value=0, max_value=S))
BYTES = st.integers(min_value=0, max_value=1 << 20)
NOTHING, FLUSHES, REPORTS = "nothing", "flushes", "reports"
ORDERS = [
    order(traffic=Traffic(scenario, arrival=arrival))
    for scenario in ("session", "persistent")
    for arrival in (Arrival(), Arrival("poisson", 50.0))
]


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
        draw(BYTES),
        draw(BYTES),
    )


@st.composite
def any_due(draw: st.DrawFn) -> tuple[Sample, int]:
    """A sample and when it was due: not after it began, or nobody knows."""
    sample = draw(any_sample())
    return sample, draw(st.one_of(st.just(ABSENT), st.integers(START_NS, sample.start_ns)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(any_due(), st.integers(0, 2), st.sampled_from([NOTHING, FLUSHES, REPORTS])), max_size=40
    ),
    st.sampled_from(ORDERS),
)
def test_what_workers_record_and_report_in_parts_is_what_one_would_have_recorded(
    steps: list[tuple[tuple[Sample, int], int, str]], cell_order: CellOrder
) -> None:
    recorders = [begun(cell_order) for _ in range(3)]
    journals = [journal_of(recorder) for recorder in recorders]
    merged = CellCollector(cell_order, {"w0", "w1", "w2"})

    def report(worker: int, *, final: bool) -> None:
        journals[worker].flush()
        assert merged.add(sent(recorders[worker], f"w{worker}", final=final))

    for (sample, due_ns), worker, then in steps:
        tell(journals[worker], sample, due_ns)
        if then == FLUSHES:
            journals[worker].flush()
        elif then == REPORTS:
            report(worker, final=False)
    for worker in range(3):
        report(worker, final=True)
    alone = CellCollector(cell_order, {"w"})
    alone.add(report_of_due([told for told, _, _ in steps], "w", cell_order))
    assert_same(merged, alone)
    assert merged.missing() == set()


def assert_same(merged: CellCollector, alone: CellCollector) -> None:
    for name in ("messages", "ledger", "spans"):
        assert getattr(merged, name) == getattr(alone, name), name
    for name in ("carried", "wrong", "bytes_sent", "bytes_received", "sessions"):
        assert getattr(merged.sums, name) == getattr(alone.sums, name), name
    # Every bucket of every histogram, hence every percentile.
    assert merged.detail() == alone.detail()
    for name in CLIENT_TIMES:
        assert merged.times.get(name) == alone.times.get(name), name


@settings(max_examples=20, deadline=None)
@given(st.lists(any_due(), max_size=40), st.sampled_from(ORDERS))
def test_percentiles_never_exceed_the_maximum(
    samples: list[tuple[Sample, int]], cell_order: CellOrder
) -> None:
    collector = CellCollector(cell_order, {"w1"})
    collector.add(report_of_due(samples, cell_order=cell_order))
    for name in CLIENT_TIMES:
        told = collector.times.get(name)
        if told is not None:
            assert told.min <= told.p50 <= told.p90 <= told.p99 <= told.p999 <= told.max, name
            assert told.mean <= told.max, name


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
    ("run_id", "cell", "worker", "refused", "belated"),
    [("another", 0, "w1", 1, 0), ("run", 1, "w1", 0, 1), ("run", 0, "paused before it", 0, 1)],
)
def test_reports_of_other_runs_are_refused_and_those_of_workers_that_were_silent_are_told_apart(
    run_id: str, cell: int, worker: str, refused: int, belated: int
) -> None:
    collector = CellCollector(order(), {"w1"})
    foreign = report_of([message(1.5, 1.6)], worker, order(run_id=run_id, cell=cell))
    assert not collector.add(foreign)
    assert (collector.refused, collector.belated) == (refused, belated)
    assert collector.ledger == Messages()
    assert collector.missing() == {"w1"}


def test_users_of_a_worker_that_left_are_not_counted_beside_those_that_took_their_place() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    collector.add(report_of([], "w1", final=False, users=2))
    collector.add(report_of([], "w2", users=2))
    collector.ending = True
    collector.add(report_of([], "w1", users=4))
    assert collector.users == 4


def test_a_worker_is_missing_until_its_final_report_has_come() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    collector.add(report_of([], "w1", final=False))
    assert collector.missing() == {"w1", "w2"}
    collector.add(report_of([], "w1"))
    assert collector.missing() == {"w2"}


GOOD = report_of([message(1.5, 1.6)])
OTHER_KIND = HdrHistogram(1, 1_000, 2)


@pytest.mark.parametrize(
    "false",
    [
        {"histograms": {"response": "nothing of the kind"}},
        {"histograms": {"response": encoded(OTHER_KIND)}},
        {"ledger": {"answered": -1}},
        {"measured": {"answered": -1}},
        {"bytes_sent": -1},
        {"spans": {"dance": {}}},
        {"spans": {"message": {"completed": 1}}},
        {"per_second": [[1, 2]]},
        {"connections": [{"address": "127.0.0.1:5"}]},
        {"connections": [{}]},
        {"requests": {"GET": {}}},
        {"requests": {"GET": {"measured": {"answered": "1"}, "response": encoded(new_histogram())}}},
        {"requests": {"GET": {"measured": {}, "response": None}}},
        {"requests": {"GET": 3}},
    ],
)
def test_of_a_report_that_says_what_cannot_be_nothing_is_taken(false: dict[str, Any]) -> None:
    collector = CellCollector(order(), {"w1"})
    collector.add(report_of([message(1.2, 1.3)], final=False))
    before = collector.sums.to_counts()
    with pytest.raises(ValueError, match=r"."):
        collector.add(replace(GOOD, counts=replace(GOOD.counts, **false)))
    assert collector.sums.to_counts() == before
    assert collector.missing() == {"w1"}


def test_what_a_worker_says_of_itself_is_looked_at_before_anybody_relies_on_it() -> None:
    collector = CellCollector(order(), {"w1"})
    health = replace(GOOD.standing.health, loop_lag="none")
    with pytest.raises(ValueError, match=r"."):
        collector.add(replace(GOOD, standing=replace(GOOD.standing, health=health)))
    assert collector.health == []


def test_a_worker_of_whom_a_report_was_refused_has_not_reported_and_is_not_waited_for() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    collector.note_false("w1")
    collector.note_false("nobody's")
    assert collector.missing() == {"w1", "w2"}
    assert collector.awaited() == {"w2"}
    for worker in ("w1", "w2"):
        collector.add(report_of([], worker))
    assert collector.missing() == {"w1"}
    assert collector.awaited() == set()


def test_a_worker_that_joins_late_is_expected_from_then_on() -> None:
    collector = CellCollector(order(), set())
    collector.expect("late")
    assert collector.add(report_of([], "late"))
    assert collector.finished == {"late"}


def test_the_rate_is_over_the_cells_window_though_a_worker_left_early() -> None:
    """Its users may have moved to the others: its own rate on top of theirs would count them twice."""
    collector = CellCollector(order(), {"w1", "w2"})
    whole = [message(1.0, 1.0 + i / 100) for i in range(100)]
    collector.add(report_of(whole[:50], "w2", window_s=0.5))
    collector.ending = True
    collector.add(report_of(whole, "w1", window_s=2.0))
    assert collector.messages_per_s == pytest.approx(150 / 2.0)
    assert collector.seconds == 2.0
    assert collector.left == {"w2"}


def test_a_worker_whose_window_has_not_begun_has_no_rate() -> None:
    collector = CellCollector(order(), {"w1"})
    collector.add(report_of([], "w1", window_s=0.0))
    assert (collector.messages_per_s, collector.sessions_per_s, collector.seconds) == (0.0, 0.0, 0.0)


def test_percentiles_are_those_of_all_the_values_and_never_an_average() -> None:
    collector = CellCollector(order(), {"fast", "slow"})
    collector.add(report_of([message(1.5, 1.501)] * 99, "fast"))
    collector.add(report_of([message(1.5, 2.5)], "slow"))
    times = collector.times.get("response")
    assert times is not None
    assert times.count == 100
    assert times.p50 == pytest.approx(1_000, rel=0.002)
    assert times.max == pytest.approx(1_000_000, rel=0.002)


def test_what_was_never_recorded_has_no_distribution() -> None:
    collector = CellCollector(order(), {"w1"})
    collector.add(report_of([message(1.5, 1.6, Outcome.RESET)]))
    assert "response" not in collector.times
    assert collector.detail().histograms == {}


def test_connections_and_hosts_of_all_workers_are_kept() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    for number, worker in enumerate(("w1", "w2")):
        recorder = begun(order())
        recorder.keep_connection(f"127.0.0.1:{number}", view(START_NS + number * MS))
        collector.add(sent(recorder, worker, final=True))
    assert collector.sums.connections == {
        "127.0.0.1:0": view(START_NS),
        "127.0.0.1:1": view(START_NS + MS),
    }
    assert {host["name"] for host in collector.hosts.values()} == {"w1", "w2"}


def test_late_and_dropped_arrivals_are_the_last_word_of_each_worker_added_up() -> None:
    collector = CellCollector(order(traffic=OPEN), {"w1", "w2"})
    collector.add(report_of([], "w1", final=False, delayed=3, dropped=1))
    collector.add(report_of([], "w1", delayed=5, dropped=2))
    collector.add(report_of([], "w2", delayed=1, dropped=0))
    assert (collector.delayed, collector.dropped) == (6, 2)


def test_back_offs_and_addresses_are_the_last_word_of_each_worker_put_together() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    collector.add(report_of([], "w1", final=False, backed_off=1, port_waits=2, addresses=["192.0.2.1:80"]))
    told = ["192.0.2.1:80", "192.0.2.2:80"]
    collector.add(report_of([], "w1", backed_off=4, port_waits=3, addresses=told))
    collector.add(report_of([], "w2", backed_off=2, addresses=["192.0.2.2:80"]))
    assert (collector.backed_off, collector.port_waits, collector.addresses) == (6, 3, told)


def test_how_exchanges_lie_to_the_window_is_added_up_over_all_workers() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    assert collector.exchanges == SpanSums()
    for worker, end_s in (("w1", 2.5), ("w2", 4.0)):
        collector.add(report_of([message(1.5, end_s, phase=Phase.SESSION)] * 2, worker))
    assert collector.exchanges == SpanSums(2, 5 * S, 0, 3 * S, 0, 2, round(1.5 * S))


def test_of_all_workers_failures_an_example_of_each_outcome_is_kept() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    for worker, outcome in (("w1", Outcome.RESET), ("w2", Outcome.RESET), ("w2", Outcome.SHORT)):
        collector.add(report_of([replace(message(1.5, 1.6, outcome), detail=f"by {worker}")], worker))
    assert collector.sums.examples == {"reset": "by w1", "short": "by w2"}


def test_each_workers_health_is_what_it_told_last_in_the_order_of_their_names() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    collector.add(report_of([], "w2", final=False, health=health(0.9)))
    collector.add(report_of([], "w1", health=health(0.1)))
    collector.add(report_of([], "w2", health=health(0.2)))
    assert [(each.worker, each.cpu_share) for each in collector.health] == [("w1", 0.1), ("w2", 0.2)]


def test_who_has_not_opened_its_connections_is_known_and_the_slowest_tells_how_long_it_took() -> None:
    collector = CellCollector(order(traffic=Traffic("persistent")), {"w1", "w2"})
    assert (collector.unopened, collector.opening_s) == ({"w1", "w2"}, None)
    opened = Opened(run_id="run", cell=0, worker="w1", opened_s=0.5)
    collector.note_opened(replace(opened, worker="w2", cell=7))
    collector.note_opened(opened)
    assert (collector.unopened, collector.opening_s) == ({"w2"}, 0.5)
    collector.note_opened(replace(opened, worker="w2", opened_s=0.2))
    assert (collector.unopened, collector.opening_s) == (set(), 0.5)


@pytest.mark.parametrize("seconds", [2.0, None])
def test_sessions_and_manual_runs_open_nothing_first(seconds: float | None) -> None:
    scenario = "session" if seconds else "persistent"
    collector = CellCollector(order(seconds=seconds, traffic=Traffic(scenario)), {"w1"})
    assert collector.unopened == set()


def test_handshakes_are_the_last_word_of_each_worker_added_up() -> None:
    collector = CellCollector(order(), {"w1", "w2"})
    collector.add(report_of([], "w1", final=False, handshakes=3, resumed=1))
    collector.add(report_of([], "w1", handshakes=5, resumed=4))
    collector.add(report_of([], "w2", handshakes=2))
    assert (collector.handshakes, collector.resumed) == (7, 4)
