"""Windows from a tenth of a session to a hundred: the figures are right, or the cell is called too short.

Closed users are simulated, and told to the recorder as a worker's are.
"""

from __future__ import annotations

import random
from dataclasses import replace
from statistics import fmean

import pytest

from lockstep.measure import littles_law
from lockstep.measure.cell import make_cell
from lockstep.measure.collector import CellCollector
from lockstep.measure.edges import Service, foreseen, needed_s, round_ns, rounds_of, weigh_edges
from lockstep.plan import PlannedCell
from lockstep.record.journal import Journal
from lockstep.record.recorder import CellRecorder
from lockstep.record.sums import SpanSums
from lockstep.runs.records import Cell
from lockstep.tcp.samples import Outcome, Phase, Sample
from lockstep.traffic import Traffic
from tests.factories.closed_users import HOP_NS, MODES, Closed, UserVisit, Work
from tests.factories.reports import order, sent
from tests.factories.units import MS, S

CASES = 300
LONGER_CASES = 150
LEVELS = (1, 2, 3, 5, 8, 16, 32)


def measured(work: Work, visits: list[UserVisit], start_ns: int, *, told: bool) -> Cell:
    """The cell that would have been made of these visits. told: the server says what it does."""
    seconds = (work.open_ns - start_ns) / S
    traffic = Traffic(messages=work.messages)
    cell_order = order(start_ns / S, seconds, traffic=traffic)
    recorder = CellRecorder(cell_order)
    # The recorder asks the real clock how much of the window is over: all of it.
    began_ns = S
    recorder.begin(began_ns)
    journal = Journal((recorder.absorb,), (recorder.fail,))
    end_ns = work.open_ns + work.drain_ns
    for visit in visits:
        tell(journal, visit, began_ns, began_ns + end_ns)
    journal.flush()
    collected = CellCollector(cell_order, {"w1"})
    collected.add(sent(recorder, "w1", final=True))
    min_session_ns = None
    if told:
        service = Service(work.hold_ns, work.mode.permits, work.mode.by_message)
        min_session_ns = round_ns(service, work.level, work.messages)
    planned = PlannedCell(0, "lock", work.level, 1)
    return make_cell(planned, collected, None, cut_short=False, min_session_ns=min_session_ns)


def tell(journal: Journal, visit: UserVisit, zero_ns: int, aborted_ns: int) -> None:
    """What a user's client tells of one connection; what has no end was aborted."""
    journal.step(Phase.SCHEDULE_DELAY, zero_ns + visit.turn_ns, zero_ns + visit.start_ns)
    for sent_ns, replied_ns, wait_ns in visit.sent:
        if replied_ns is None:
            journal.failure(Sample(Phase.MESSAGE, Outcome.ABORTED, zero_ns + sent_ns, aborted_ns))
        else:
            journal.message((-1, zero_ns + sent_ns, zero_ns + replied_ns, wait_ns, 1, 9, 9, 0))
    if visit.end_ns is None:
        journal.failure(Sample(Phase.SESSION, Outcome.ABORTED, zero_ns + visit.start_ns, aborted_ns))
    else:
        journal.step(Phase.SESSION, zero_ns + visit.start_ns, zero_ns + visit.end_ns)


def some_work(rng: random.Random) -> tuple[Work, int]:
    """A cell's work, and when its window begins."""
    mode = MODES[rng.choice(list(MODES))]
    level, messages, hold_ns = rng.choice(LEVELS), rng.choice((1, 2, 5)), rng.choice((1, 4, 20)) * MS
    session_ns = messages * (hold_ns + 2 * HOP_NS)
    start_ns = round(session_ns * 10 ** rng.uniform(-1, 1.5))
    window_ns = round(session_ns * 10 ** rng.uniform(-1, 2))
    return Work(mode, level, messages, hold_ns, start_ns + window_ns, 3 * S, rng.choice((0.0, 0.5))), start_ns


def by_the_server_us(visits: list[UserVisit], start_ns: int, end_ns: int) -> list[float]:
    """From arrival to release, of the connections that the server's records say were over in the window."""
    return [
        (visit.release_ns - visit.arrival_ns) / 1000
        for visit in visits
        if visit.release_ns is not None and start_ns <= visit.release_ns + HOP_NS < end_ns
    ]


@pytest.mark.parametrize("told", [True, False], ids=["of our server", "of any server"])
def test_figures_are_right_or_the_cell_says_that_it_is_too_short(told: bool) -> None:
    rng = random.Random(9)
    short = 0
    for number in range(CASES):
        work, start_ns = some_work(rng)
        visits = Closed(work, number).run()
        cell = measured(work, visits, start_ns, told=told)
        if cell.too_short:
            short += 1
            assert cell.times == {}
            continue
        law, session, response = cell.littles_law, cell.times.get("session"), cell.times.get("response")
        assert law is not None, work
        assert session is not None
        assert response is not None
        assert law.computed == pytest.approx(law.counted, rel=0.05), (work, start_ns)
        stays_us = by_the_server_us(visits, start_ns, work.open_ns)
        assert session.mean == pytest.approx(fmean(stays_us), rel=0.05, abs=1_000), (work, start_ns)
        # A connection's messages share its stay: by the records alone that is their mean response.
        assert response.mean == pytest.approx(fmean(stays_us) / work.messages, rel=0.1, abs=500), (
            work,
            start_ns,
        )
    assert 0.2 * CASES < short < 0.8 * CASES, "both kinds of cell were tried"


@pytest.mark.parametrize("told", [True, False], ids=["of our server", "of any server"])
def test_a_run_with_the_seconds_that_a_cell_says_it_needs_is_long_enough(told: bool) -> None:
    rng = random.Random(77)
    tried = 0
    for number in range(LONGER_CASES):
        work, start_ns = some_work(rng)
        cell = measured(work, Closed(work, number).run(), start_ns, told=told)
        if cell.edges is None or cell.edges.needs_s is None or cell.edges.at_least:
            continue
        tried += 1
        longer = replace(work, open_ns=start_ns + round(cell.edges.needs_s * S))
        again = measured(longer, Closed(longer, number + 1).run(), start_ns, told=told)
        assert not again.too_short, (work, cell.edges, again.edges)
        law = again.littles_law
        assert law is not None
        assert littles_law.agrees_at_the_client(again, law), (work, law)
    assert tried > LONGER_CASES / 5


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (
            (1.0, 4.0),
            "with lock at 32 a session takes 32 s at least, waiting included",
        ),
        ((1.0, 4.0), "needed, about 960 s"),
        ((0.0, 63.9), "needed, about 960 s"),
        ((0.5, 63.5), None),
    ],
)
def test_a_window_that_is_shorter_than_two_rounds_of_all_users_is_foreseen(
    window: tuple[float, float], said: str | None
) -> None:
    services = {"free": Service(200 * MS, None, False), "lock": Service(200 * MS, 1, False)}
    told = foreseen(rounds_of(services, (1, 32), 5), lambda *_: window)
    assert said in told if said is not None and told is not None else told is said


@pytest.mark.parametrize(
    ("permits", "level", "session_s"),
    [(None, 32, 1), (1, 32, 32), (4, 32, 8), (4, 3, 1), (1, 1, 1)],
)
def test_who_waits_goes_round_in_the_time_of_all_that_are_served_before(
    permits: int | None, level: int, session_s: int
) -> None:
    assert round_ns(Service(200 * MS, permits, False), level, 5) == session_s * S


@pytest.mark.parametrize(("exchange_s", "needs_s"), [(32.0, 960.0), (0.0111, 0.34), (0.4, 12.0), (0.0, 0.0)])
def test_a_window_needs_thirty_exchange_times_in_two_figures_rounded_up(
    exchange_s: float, needs_s: float
) -> None:
    assert needed_s(exchange_s * S) == pytest.approx(needs_s)


# Of two users, 0.9 ms each, in a window of a second.
QUICK = SpanSums(completed=2_300, inside_ns=2 * S, under_way=2, longest_ns=round(1.6 * MS))


@pytest.mark.parametrize(
    ("changes", "disturbed", "needs_s"),
    [
        ({}, False, None),
        ({"before_ns": 96 * MS, "brought": 2}, True, None),
        ({"after_ns": 96 * MS}, True, None),
        # So many are p99.
        ({"before_ns": 96 * MS, "brought": 30}, False, 0.027),
        ({"after_ns": 900 * MS, "under_way": 30}, False, 0.027),
        # And of so few the window is no sample.
        ({"after_ns": 900 * MS, "completed": 30}, False, 2.5),
    ],
)
def test_a_pause_that_few_of_many_exchanges_met_leaves_their_figures_standing(
    changes: dict[str, int], disturbed: bool, needs_s: float | None
) -> None:
    edges = weigh_edges({"message": replace(QUICK, **changes)}, seconds=1.0)
    assert edges is not None
    assert (edges.disturbed, edges.needs_s) == (disturbed, needs_s)
