"""A watcher and its process, cell by cell."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from lockstep.runs.watched import Watched, averaged, thinned, within
from lockstep.watch.watcher import Seen, Watcher, every_s, watching
from tests.factories.runs import watched_for

PIDS = {"here": os.getpid()}


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with watching(PIDS.get) as started:
        yield started


def test_a_cell_is_told_from_its_beginning_without_gaps(watcher: Watcher) -> None:
    began_ns = time.monotonic_ns()
    watcher.begin("here", None, 0.1)
    seen = watcher.end(began_ns)
    while len(seen.stretches) < 3:
        watcher.begin("here", None, 0.1)
        time.sleep(0.7)
        seen = watcher.end(began_ns)
    assert seen.trouble == ""
    assert seen.stretches[0].from_ms > 0
    for one, next_one in pairwise(seen.stretches):
        assert one.until_ms == next_one.from_ms
        assert one.span_ms > 0


def test_a_series_whose_process_is_not_known_is_not_watched(watcher: Watcher) -> None:
    watcher.begin("elsewhere", None, 1.0)
    assert watcher.end(0).stretches == []


def test_what_was_seen_of_a_cell_that_came_to_nothing_is_in_no_other(watcher: Watcher) -> None:
    watcher.begin("here", None, 1.0)
    between_ns = time.monotonic_ns()
    watcher.begin("here", None, 1.0)
    assert all(each.from_ms >= 0 for each in watcher.end(between_ns).stretches)


def test_who_ends_under_load_is_trouble_and_no_failure() -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process,
        watching(lambda _: process.pid) as watcher,
    ):
        watcher.begin("it", None, 1.0)
        process.kill()
        process.wait()
        assert watcher.end(0).trouble == "there is no such process here"
        watcher.begin("it", None, 1.0)
        # And once is enough.
        assert watcher.end(0) == Seen()


def test_a_watcher_that_is_gone_is_trouble_and_no_failure(watcher: Watcher) -> None:
    watcher._process.kill()
    watcher._process.wait()
    watcher.begin("here", None, 1.0)
    assert watcher.end(0).trouble == "what watches it has ended"


@pytest.mark.parametrize(("cell_s", "looks_every_s"), [(2.0, 0.2), (0.5, 0.2), (5.0, 0.5), (3_600.0, 1.0)])
def test_a_short_cell_is_looked_at_more_often(cell_s: float, looks_every_s: float) -> None:
    assert every_s(cell_s) == looks_every_s


def stretch(from_ms: float, until_ms: float, on_cpu: float, backlog: float | None = None) -> Watched:
    return replace(watched_for(until_ms, threads=10, on_cpu=on_cpu, backlog=backlog), from_ms=from_ms)


def test_a_mean_weighs_each_stretch_by_its_length() -> None:
    mean = averaged([stretch(0, 100, 1.0), stretch(100, 400, 3.0, backlog=4)])
    assert mean is not None
    assert (mean.from_ms, mean.until_ms, mean.on_cpu, mean.backlog, mean.rtt_us) == (0, 400, 2.5, 4, None)
    assert averaged([]) is None


def test_where_nobody_runs_everybody_was_asked() -> None:
    assert watched_for(on_cpu=0.0).seen == 1
    assert watched_for(on_cpu=2.0, seen=0.25).seen == 0.25


def test_a_long_cell_is_kept_in_fewer_stretches_that_come_to_the_same() -> None:
    seconds = [stretch(each, each + 1, each % 7) for each in range(1_234)]
    kept = thinned(seconds, 100)
    assert len(kept) <= 100
    assert (kept[0].from_ms, kept[-1].until_ms) == (0, 1_234)
    all_told, again = averaged(seconds), averaged(kept)
    assert all_told is not None
    assert again is not None
    assert again.on_cpu == pytest.approx(all_told.on_cpu)


def test_a_stretch_belongs_to_the_window_that_has_its_middle() -> None:
    stretches = [stretch(0, 100, 0), stretch(100, 200, 0), stretch(200, 300, 0)]
    assert within(stretches, 60, 240) == [stretches[1]]
    assert within(stretches, 50, 250) == stretches[:2]


def test_where_threads_come_and_go_looks_tell_who_awaited_a_core() -> None:
    lasting = watched_for(threads=10, on_cpu=1.0, delayed=4, runnable=9, seen=0.9)
    fleeting = replace(lasting, lasting=0.1)
    assert (lasting.awaiting_core, lasting.asleep) == (4, 5)
    assert (fleeting.awaiting_core, fleeting.asleep) == (8, 1)
