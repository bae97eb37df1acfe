"""What counts into a cell's window, and that each thing is handed over exactly once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lockstep.control import Counts
from lockstep.record.recorder import MAX_DETAIL, CellRecorder
from lockstep.record.sums import CellSums, SpanSums, Window
from lockstep.runs.histograms import HIGHEST_NS, decoded
from lockstep.tcp.samples import Outcome, Phase, Sample, tag_of
from lockstep.traffic import Arrival, Traffic
from tests.factories.reports import (
    OPEN,
    START_NS,
    at,
    begun,
    journal_of,
    message,
    order,
    report_of,
    report_of_due,
    tell,
    view,
)
from tests.factories.units import MS, S

PERSISTENT = Traffic(scenario="persistent")
OPEN_PERSISTENT = replace(PERSISTENT, arrival=Arrival("poisson", 100.0))


def counts(taken: Counts) -> dict[str, int]:
    """How many values each histogram holds."""
    return {name: decoded(text).get_total_count() for name, text in taken.histograms.items()}


# The window: from 1 s to 3 s. measured: counted in it; timed: that and answered.
@pytest.mark.parametrize(
    ("sample", "measured", "timed"),
    [
        pytest.param(message(0.2, 0.4), 0, 0, id="all in the warm-up"),
        pytest.param(message(0.2, 1.0), 1, 1, id="began in the warm-up, ended with the window's beginning"),
        pytest.param(message(0.9, 1.1), 1, 1, id="began in the warm-up, ended in the window"),
        pytest.param(message(1.0, 1.5), 1, 1, id="all in the window"),
        pytest.param(message(2.9, 9.0), 0, 0, id="began in the window, ended long after it"),
        pytest.param(message(2.5, 3.0), 0, 0, id="ended with the window"),
        pytest.param(message(0.5, 9.0), 0, 0, id="outlived the window on both sides"),
        pytest.param(message(3.0, 3.1), 0, 0, id="began after the window"),
        pytest.param(message(1.5, 1.6, Outcome.RESET), 1, 0, id="failed in the window"),
        pytest.param(message(0.5, 1.6, Outcome.RESET), 1, 0, id="began in the warm-up, failed in the window"),
        pytest.param(
            message(2.5, 6.0, Outcome.ABORTED), 1, 0, id="under way at the window's end, and failed"
        ),
        pytest.param(message(0.5, 6.0, Outcome.ABORTED), 1, 0, id="under way all the time, and failed"),
        pytest.param(message(3.0, 6.0, Outcome.ABORTED), 0, 0, id="began after the window, and failed"),
        pytest.param(message(0.5, 0.6, Outcome.RESET), 0, 0, id="failed in the warm-up"),
    ],
)
def test_the_window_takes_what_ended_in_it_and_what_was_under_way_at_its_end_and_failed(
    sample: Sample, measured: int, timed: int
) -> None:
    taken = report_of([sample]).counts
    assert taken.measured.get(sample.outcome.value, 0) == measured
    assert counts(taken).get("response", 0) == timed
    assert taken.ledger.get(sample.outcome.value) == 1


@pytest.mark.parametrize("phase", [Phase.SEND, Phase.RECEIVE])
def test_a_step_that_is_no_message_has_a_row_of_its_own_and_is_in_no_figure_of_messages(phase: Phase) -> None:
    said = "nothing within 0.2 s"
    samples = [
        message(1.2, 1.3, phase=phase),
        replace(message(1.3, 1.5, Outcome.TIMEOUT, phase), detail=said),
        message(0.2, 0.3, Outcome.TIMEOUT, phase),
        # Who waits for a push as the cell ends has not failed.
        replace(message(2.9, 3.5, Outcome.ABORTED, phase), stopped=True),
    ]
    taken = report_of(samples).counts
    row = taken.requests[phase.value]
    assert row["measured"] == {"answered": 1, "timeout": 1}
    assert decoded(row["response"]).get_total_count() == 1
    assert (taken.measured, taken.ledger, taken.examples) == ({}, {}, {"timeout": said})


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.ANSWERED])
@pytest.mark.parametrize("phase", Phase)
def test_failures_never_enter_a_histogram(outcome: Outcome, phase: Phase) -> None:
    assert report_of([message(1.5, 1.6, outcome, phase)]).counts.histograms == {}


def test_only_messages_count_as_sent() -> None:
    taken = report_of([message(1.5, 1.6, phase=phase) for phase in Phase]).counts
    assert taken.ledger["answered"] == 1
    assert taken.sessions == 1
    names = (
        "connect",
        "handshake",
        "first_reply",
        "response",
        "send",
        "close",
        "session",
        "send_lag",
        "fan_out",
        "receive",
    )
    assert counts(taken) == dict.fromkeys(names, 1)


@pytest.mark.parametrize(
    ("wait_ms", "service_ms", "network_ms"), [(30, 20, 50), (0, 100, 0), (500, 20, 0), (None, None, None)]
)
def test_a_message_is_split_into_wait_service_and_the_rest(
    wait_ms: int | None, service_ms: int | None, network_ms: int | None
) -> None:
    sample = message(1.5, 1.6)
    if wait_ms is not None and service_ms is not None:
        sample = replace(sample, wait_ns=wait_ms * MS, service_ns=service_ms * MS)
    parts = report_of([sample]).counts.histograms
    assert ("network" in parts) == (network_ms is not None)
    if network_ms is not None:
        network_ns = decoded(parts["network"]).get_max_value()
        assert network_ns == pytest.approx(network_ms * MS, rel=0.002)


def test_a_time_beyond_the_histogram_is_kept_at_its_greatest_value() -> None:
    sample = Sample(Phase.MESSAGE, Outcome.ANSWERED, at(1.5) - 2 * HIGHEST_NS, at(1.5))
    (maximum,) = {decoded(text).get_max_value() for text in report_of([sample]).counts.histograms.values()}
    assert maximum == pytest.approx(HIGHEST_NS, rel=0.002)


def test_seconds_of_the_window_are_counted_by_when_a_message_ended() -> None:
    samples = [message(0.5, 1.2), message(1.5, 1.6), message(1.9, 2.1), message(2.2, 2.3, Outcome.TIMEOUT)]
    assert report_of(samples).counts.per_second == [[0, 2, 0], [1, 1, 1]]


def test_take_hands_over_each_thing_exactly_once() -> None:
    recorder = begun(order())
    journal = journal_of(recorder, max_connections=1)
    tell(journal, message(1.5, 1.6))
    tell(journal, message(1.5, 1.6, phase=Phase.SESSION))
    journal.connection("127.0.0.1:5", view(START_NS))
    journal.flush()
    first = recorder.take()
    assert (first.ledger["answered"], first.sessions, len(first.connections)) == (1, 1, 1)
    second = recorder.take()
    for name in ("ledger", "measured", "histograms", "examples"):
        assert getattr(second, name) == {}, name
    for name in ("per_second", "connections"):
        assert getattr(second, name) == [], name
    assert second.sessions == 0
    assert not any(any(sums.values()) for sums in second.spans.values())


def test_a_report_names_its_run_cell_and_worker() -> None:
    report = report_of([], "w9", order(run_id="r", cell=4))
    assert (report.run_id, report.cell, report.worker) == ("r", 4, "w9")


def test_a_window_without_an_end_takes_everything_until_it_is_closed() -> None:
    recorder = begun(order(seconds=None))
    journal = journal_of(recorder)
    tell(journal, message(8.0, 8.5))
    journal.flush()
    recorder.close_window(at(9.0))
    tell(journal, message(9.5, 9.6))
    journal.flush()
    taken = recorder.take()
    assert taken.measured == {"answered": 1}
    assert taken.ledger["answered"] == 2
    assert recorder.window_s(at(99.0)) == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("closed_s", "window_s"), [(0.5, 0.0), (1.0, 0.0), (2.0, 1.0), (3.0, 2.0), (9.0, 2.0)]
)
def test_closing_a_window_early_shortens_it_and_late_leaves_it(closed_s: float, window_s: float) -> None:
    recorder = begun(order())
    recorder.close_window(at(closed_s))
    assert recorder.window == Window(START_NS + S, START_NS + S + round(window_s * S))


def largest_ns(taken: Counts, name: str) -> int:
    """The maximum of a histogram."""
    return int(decoded(taken.histograms[name]).get_max_value())


def about(seconds: float) -> Any:
    return pytest.approx(seconds * S, rel=0.002)


@pytest.mark.parametrize("traffic", [OPEN, OPEN_PERSISTENT])
def test_in_an_open_load_a_response_runs_from_when_it_was_due_and_a_round_trip_from_the_send(
    traffic: Traffic,
) -> None:
    taken = report_of_due([(message(1.5, 1.7), at(1.2))], cell_order=order(traffic=traffic)).counts
    assert largest_ns(taken, "response") == about(0.5)
    assert largest_ns(taken, "round_trip") == about(0.2)


@pytest.mark.parametrize("traffic", [Traffic(), PERSISTENT])
def test_in_a_closed_load_a_response_runs_from_the_send_and_is_the_round_trip(traffic: Traffic) -> None:
    taken = report_of_due([(message(1.5, 1.7), at(1.2))], cell_order=order(traffic=traffic)).counts
    assert largest_ns(taken, "response") == about(0.2)
    assert "round_trip" not in taken.histograms


def test_a_message_of_an_open_load_that_nobody_said_when_it_was_due_runs_from_its_send() -> None:
    taken = report_of([message(1.5, 1.7)], cell_order=order(traffic=OPEN)).counts
    assert largest_ns(taken, "response") == largest_ns(taken, "round_trip") == about(0.2)


# The window: from 1 s to 3 s.
@pytest.mark.parametrize(
    ("due_s", "sent_s", "inside"), [(0.1, 0.8, 0), (0.1, 1.1, 1), (1.0, 1.0, 1), (2.8, 2.9, 0), (2.7, 2.8, 1)]
)
def test_an_open_loads_message_belongs_to_the_window_in_which_it_ended_whenever_it_was_due(
    due_s: float, sent_s: float, inside: int
) -> None:
    sample = message(sent_s, sent_s + 0.1)
    taken = report_of_due([(sample, at(due_s))], cell_order=order(traffic=OPEN_PERSISTENT)).counts
    assert taken.measured["answered"] == inside
    names = ("response", "round_trip", "send_lag")
    assert [counts(taken).get(name, 0) for name in names] == [inside] * 3


@pytest.mark.parametrize("traffic", [PERSISTENT, OPEN_PERSISTENT])
def test_where_an_iteration_is_a_message_its_schedule_delay_lies_between_due_and_send(
    traffic: Traffic,
) -> None:
    taken = report_of_due(
        [(message(1.5, 1.7), at(1.2)), (message(1.5, 1.7), -1)], cell_order=order(traffic=traffic)
    ).counts
    assert counts(taken)["send_lag"] == 1
    assert largest_ns(taken, "send_lag") == about(0.3)


@pytest.mark.parametrize("traffic", [Traffic(), OPEN])
def test_where_an_iteration_is_a_session_only_its_own_step_tells_the_schedule_delay(traffic: Traffic) -> None:
    delay = message(1.2, 1.5, phase=Phase.SCHEDULE_DELAY)
    taken = report_of_due(
        [(message(1.5, 1.7), at(1.2)), (delay, -1)], cell_order=order(traffic=traffic)
    ).counts
    assert counts(taken)["send_lag"] == 1
    assert largest_ns(taken, "send_lag") == about(0.3)


@pytest.mark.parametrize(
    ("span", "sums"),
    [
        ((0.2, 0.9), {}),
        ((3.0, 4.0), {}),
        ((1.5, 1.7), {"completed": 1, "inside_ns": 0.2}),
        ((0.5, 1.25), {"completed": 1, "inside_ns": 0.25, "before_ns": 0.5, "brought": 1}),
        ((2.5, 9.0), {"under_way": 1, "inside_ns": 0.5, "after_ns": 0.5, "longest_ns": 0.5}),
        ((0.0, 9.0), {"under_way": 1, "inside_ns": 2.0, "after_ns": 2.0, "longest_ns": 3.0}),
    ],
)
@pytest.mark.parametrize("phase", [Phase.SESSION, Phase.MESSAGE])
def test_how_exchanges_lie_to_the_window_adds_up(
    phase: Phase, span: tuple[float, float], sums: dict[str, float]
) -> None:
    spans = report_of([message(*span, phase=phase)]).counts.spans[phase]
    expected = {
        name: value if name in ("completed", "under_way", "brought") else value * S
        for name, value in sums.items()
    }
    assert spans == {**SpanSums().to_message(), **expected}


@pytest.mark.parametrize("phase", [Phase.SESSION, Phase.MESSAGE])
def test_of_exchanges_that_fail_the_time_is_kept_but_none_is_completed(phase: Phase) -> None:
    failed = [message(0.5, 1.5, Outcome.RESET, phase), message(2.5, 6.0, Outcome.ABORTED, phase)]
    spans = report_of(failed).counts.spans[phase]
    assert (spans["completed"], spans["before_ns"]) == (0, 0)
    assert (spans["failed_ns"], spans["after_ns"], spans["inside_ns"]) == (0.5 * S, 0.5 * S, 1.0 * S)
    assert spans["under_way"] == 1


def test_of_each_outcome_the_first_failures_words_are_kept() -> None:
    first = replace(message(1.5, 1.6, Outcome.MISMATCH), detail="the reply is not ...: b'-ERR'")
    later = [
        replace(first, detail="another"),
        replace(message(1.5, 1.6, Outcome.TIMEOUT), detail="x" * 1_000),
    ]
    examples = report_of([first, *later, message(1.5, 1.6, Outcome.RESET)]).counts.examples
    assert examples == {"mismatch": first.detail, "timeout": "x" * MAX_DETAIL}


def test_the_ledger_tells_what_connections_carried_in_messages_and_bytes() -> None:
    answered = replace(message(0.5, 0.6), sent_bytes=10, received_bytes=20)
    cut_off = replace(message(1.5, 1.6, Outcome.SHORT), sent_bytes=10, received_bytes=3)
    without_connection = message(1.5, 1.6, Outcome.REFUSED)
    taken = report_of([answered, answered, cut_off, without_connection]).counts
    assert taken.ledger == {"answered": 2, "short": 1, "refused": 1}
    assert (taken.carried, taken.bytes_sent, taken.bytes_received) == (3, 30, 43)


def test_before_a_cells_time_begins_all_is_in_the_ledger_and_nothing_is_measured() -> None:
    recorder = CellRecorder(order())
    journal = journal_of(recorder)
    for phase in Phase:
        tell(journal, message(1.5, 1.6, phase=phase))
    tell(journal, message(1.5, 1.6, Outcome.RESET))
    journal.flush()
    taken = recorder.take()
    assert (taken.ledger["answered"], taken.ledger["reset"]) == (1, 1)
    assert taken.histograms == {}
    assert not any(taken.measured.values())
    assert (taken.per_second, taken.sessions, recorder.window_s(at(9.0))) == ([], 0, 0.0)
    assert not any(any(sums.values()) for sums in taken.spans.values())


def test_why_no_connection_came_about_is_told_of_the_messages_that_failed_for_it() -> None:
    refused = replace(message(1.5, 1.6, Outcome.REFUSED, Phase.HANDSHAKE), detail="TLS: wrong version number")
    unsent = replace(message(1.6, 1.6, Outcome.REFUSED), detail="no connection")
    taken = report_of([refused, unsent]).counts
    assert taken.examples == {"refused": "TLS: wrong version number"}
    assert taken.ledger["refused"] == 1


def test_where_connections_are_opened_first_their_connects_are_timed_all_the_same() -> None:
    recorder = CellRecorder(order(traffic=PERSISTENT))
    journal = journal_of(recorder)
    tell(journal, message(0.1, 0.2, phase=Phase.CONNECT))
    tell(journal, message(0.2, 0.3, phase=Phase.HANDSHAKE))
    journal.flush()
    recorder.begin(START_NS)
    tell(journal, message(0.3, 0.4, phase=Phase.FIRST_REPLY))
    journal.flush()
    assert counts(recorder.take()) == {"connect": 1, "handshake": 1}


@pytest.mark.parametrize(("now_s", "left_s"), [(0.0, 3.0), (2.5, 0.5), (3.0, 0.0), (9.0, 0.0)])
def test_it_says_how_long_its_window_still_lasts(now_s: float, left_s: float) -> None:
    assert begun(order()).left_s(at(now_s)) == pytest.approx(left_s)


def test_a_window_that_has_not_begun_or_has_no_end_is_not_waited_for() -> None:
    assert CellRecorder(order()).left_s(START_NS) == 0
    assert begun(order(seconds=None)).left_s(START_NS) == 0


def test_messages_of_a_name_are_counted_for_themselves_and_in_all() -> None:
    samples = [
        replace(message(1.2, 1.5), name="GET"),
        replace(message(1.2, 1.6), name="SET"),
        replace(message(1.2, 1.7, Outcome.ERROR), name="SET"),
        replace(message(0.1, 0.2), name="SET"),
        message(1.2, 1.8),
    ]
    taken = report_of(samples).counts
    assert taken.measured == {"answered": 3, "error": 1}
    assert {name: own["measured"] for name, own in taken.requests.items()} == {
        "GET": {"answered": 1},
        "SET": {"answered": 1, "error": 1},
    }
    total = CellSums()
    for _ in range(2):
        total.add(Counts.from_message(taken.to_message()))
    assert total.requests["SET"].measured == {"answered": 2, "error": 2}
    assert total.requests["SET"].response.get_total_count() == 2


def test_answers_that_nobody_looked_at_are_counted_in_the_window() -> None:
    recorder = begun(order())
    journal = journal_of(recorder)
    for end_s, checked in ((0.5, False), (1.5, False), (1.6, True)):
        tag = tag_of(None, checked=checked)
        journal.message((-1, START_NS, START_NS + round(end_s * S), -1, -1, 1, 1, tag))
    journal.flush()
    assert recorder.take().unchecked == 1
