"""What a worker's pulse counts, and how near its percentiles come."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from lockstep.record.journal import Journal
from lockstep.record.pulse import BUCKETS, PulseCounter, percentiles_us
from lockstep.tcp.samples import Outcome, Phase, Sample
from tests.factories.reports import OPEN, START_NS, message, order, tell
from tests.factories.units import MS, S


def counter(*, open_load: bool = False) -> tuple[PulseCounter, Journal]:
    """A counter since START_NS, and the journal that feeds it."""
    pulses = PulseCounter(order(traffic=OPEN if open_load else None), "w1", START_NS)
    return pulses, Journal((pulses.absorb,), (pulses.fail,))


def timed(wait_ns: int | None, service_ns: int | None) -> Sample:
    """A message of 10 ms with the server's times."""
    return replace(message(0.0, 0.01), wait_ns=wait_ns, service_ns=service_ns)


def test_a_pulse_counts_answers_and_failures_since_the_last_and_names_whose_they_are() -> None:
    pulses, journal = counter()
    for sample in (message(0.0, 0.01), message(0.0, 0.02), message(0.0, 1.0, Outcome.RESET)):
        tell(journal, sample)
    journal.flush()
    first = pulses.take(START_NS + S, connections=3)
    assert (first.run_id, first.cell, first.worker) == ("run", 0, "w1")
    assert (first.answered, first.failed, first.connections, first.span_ns) == (2, 1, 3, S)
    second = pulses.take(START_NS + 3 * S, connections=0)
    assert (second.answered, second.failed, sum(second.responses), second.span_ns) == (0, 0, 0, 2 * S)


@pytest.mark.parametrize(
    "sample",
    [
        message(0.0, 1.0, Outcome.ABORTED),
        message(0.0, 1.0, Outcome.REFUSED, Phase.CONNECT),
        message(0.0, 1.0, phase=Phase.CONNECT),
    ],
    ids=["stopped from here", "a connect that failed", "a step that is no message"],
)
def test_what_is_no_message_of_the_servers_doing_is_in_no_pulse(sample: Sample) -> None:
    pulses, journal = counter()
    tell(journal, sample)
    journal.flush()
    pulse = pulses.take(START_NS + S, 0)
    assert (pulse.answered, pulse.failed) == (0, 0)


def test_wait_service_and_the_rest_are_summed_over_the_answers_that_came_with_them() -> None:
    pulses, journal = counter()
    for sample in (timed(6 * MS, 3 * MS), timed(2 * MS, 1 * MS), timed(None, None)):
        tell(journal, sample)
    journal.flush()
    pulse = pulses.take(START_NS + S, 0)
    assert (pulse.answered, pulse.timed) == (3, 2)
    assert (pulse.wait_ns, pulse.service_ns, pulse.network_ns) == (8 * MS, 4 * MS, 8 * MS)


def test_a_wait_that_began_before_the_message_leaves_nothing_for_the_network() -> None:
    pulses, journal = counter()
    tell(journal, timed(11 * MS, MS))
    journal.flush()
    assert pulses.take(START_NS + S, 0).network_ns == 0


@pytest.mark.parametrize(("open_load", "expected_us"), [(True, 1_000_000), (False, 10_000)])
def test_an_open_loads_responses_run_from_when_they_were_due(open_load: bool, expected_us: float) -> None:
    pulses, journal = counter(open_load=open_load)
    tell(journal, message(0.99, 1.0), due_ns=START_NS)
    journal.flush()
    (percentile_us,) = percentiles_us(pulses.take(START_NS + S, 0).responses, [0.5])
    assert percentile_us == pytest.approx(expected_us, rel=0.06)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_percentiles_come_within_six_percent_of_the_true_ones(share: float) -> None:
    rng = random.Random(3)
    times_ns = sorted(round(10 ** rng.uniform(4.2, 9.5)) for _ in range(3000))
    pulses, journal = counter()
    for time_ns in times_ns:
        tell(journal, Sample(Phase.MESSAGE, Outcome.ANSWERED, START_NS, START_NS + time_ns))
    journal.flush()
    (percentile_us,) = percentiles_us(pulses.take(START_NS + S, 0).responses, [share])
    assert percentile_us == pytest.approx(times_ns[round(share * len(times_ns)) - 1] / 1000, rel=0.06)


@pytest.mark.parametrize("elapsed_ns", [0, 1, 200 * S])
def test_times_beyond_the_buckets_are_counted_in_the_first_or_the_last(elapsed_ns: int) -> None:
    pulses, journal = counter()
    tell(journal, Sample(Phase.MESSAGE, Outcome.ANSWERED, START_NS, START_NS + elapsed_ns))
    journal.flush()
    responses = pulses.take(START_NS + S, 0).responses
    assert len(responses) == BUCKETS
    assert responses[-1 if elapsed_ns > S else 0] == 1


def test_no_answers_have_no_percentile() -> None:
    assert percentiles_us([0] * BUCKETS, [0.5, 0.9]) == [None, None]
    assert percentiles_us([], [0.5]) == [None]
