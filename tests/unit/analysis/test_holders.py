"""What holds a server up, by what the kernel told of its threads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.analysis.holders import Held, awaiting_admission, held_by, holders
from lockstep.runs.measures import Distribution
from lockstep.runs.watched import Watched
from tests.factories.runs import make_cell, run_of, watched_for, with_times


def threads(on_cpu: float, delayed: float = 0.0, count: int = 12) -> Watched:
    return watched_for(threads=count, on_cpu=on_cpu, delayed=delayed)


@pytest.mark.parametrize(
    ("watched", "awaiting", "gil", "held"),
    [
        # Eight that compute, and two cores.
        (threads(1.9, 5.6), None, False, Held.CORES),
        # The same beside others who take the cores.
        (threads(0.4, 6.9), None, False, Held.CORES),
        # Nobody who waits for a core a little is held by that.
        (threads(0.9, 0.3), None, True, Held.GIL),
        # Whoever asks for the global lock wants a core for that, and would not run for long.
        (threads(0.96, 2.6), 0.1, True, Held.GIL),
        (threads(0.96, 2.6), 0.1, False, Held.CORES),
        # Beside others who take the cores, more of these would help.
        (threads(0.4, 2.6), 0.1, True, Held.CORES),
        (threads(3.6, 1.2), None, False, Held.NOBODY),
        (threads(0.05, 0.02), 7.0, True, Held.ADMISSION),
        # One computes under a lock of the mode's: it is that lock which the others wait for.
        (threads(0.97), 7.0, True, Held.ADMISSION),
        (threads(0.97), 0.1, True, Held.GIL),
        (threads(0.97), None, False, Held.ONE),
        # Where there is nobody else, nobody else is kept from running.
        (threads(0.97, count=1), None, True, Held.ONE),
        (threads(0.2), 0.1, True, Held.ASLEEP),
        (threads(0.0), None, False, Held.ASLEEP),
    ],
)
def test_what_holds_threads_is_told_by_where_they_are(
    watched: Watched, awaiting: float | None, gil: bool, held: Held
) -> None:
    assert held_by(watched, awaiting, gil=gil) is held


@pytest.mark.parametrize("factor", [1, 8, 100])
def test_more_threads_than_cores_are_held_by_cores_however_many_cores_there_are(factor: int) -> None:
    assert held_by(threads(2.0 * factor, 6.0 * factor), None, gil=False) is Held.CORES


def test_messages_that_wait_at_once_are_their_rate_times_their_wait() -> None:
    cell = with_times(make_cell("lock", seconds=2.0), wait=Distribution(400, *[17_500.0] * 7))
    assert awaiting_admission(cell) == pytest.approx(200 * 0.0175)
    assert awaiting_admission(make_cell("lock")) is None


def test_of_repeats_each_figure_is_its_median() -> None:
    cells = [
        make_cell("free", repeat=repeat, watched=watched_for(threads=11, on_cpu=on_cpu, backlog=backlog))
        for repeat, on_cpu, backlog in ((1, 0.9, None), (2, 1.4, 3.0), (3, 1.0, 5.0))
    ]
    (found,) = holders(run_of(cells))
    assert (found.repeats, found.watched.on_cpu, found.watched.backlog) == (3, 1.0, 4.0)


def test_who_was_not_watched_is_held_by_nothing_that_is_known() -> None:
    assert holders(run_of([make_cell("free")])) == []


@pytest.mark.parametrize(("gil", "held"), [(True, Held.GIL), (False, Held.ONE), (None, Held.ONE)])
def test_only_a_server_that_has_a_global_lock_is_held_by_it(gil: bool | None, held: Held) -> None:
    run = run_of([make_cell("free", watched=threads(0.97))])
    (found,) = holders(replace(run, server={**run.server, "gil": gil}))
    assert found.held is held


def test_a_cell_that_was_cut_short_is_not_looked_at() -> None:
    assert holders(run_of([make_cell("free", watched=threads(1.0), cut_short=True)])) == []
