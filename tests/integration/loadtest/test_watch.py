"""Servers of known behaviour, and what is told of what holds them. No time of this machine is asserted."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from lockstep.analysis.holders import Held, Holder, holders
from lockstep.runs.folder import Loaded, RunFolder
from tests.support.commands import lockstep, only_run
from tests.support.pythons import free_threaded
from tests.support.server import ROOT

SHORT = ("--repeats", "1", "--seconds", "1.5", "--warmup", "0.5")
SPINNING = f"{sys.executable} {ROOT / 'tests/support/spinning_server.py'} {{port}}"
ENDS_IN_A_RUN = """
import pathlib, sys, time
while not list(pathlib.Path(sys.argv[1]).glob("*/cells")):
    time.sleep(0.02)
time.sleep(2)
"""
CORES = os.cpu_count() or 1


def measured(out: Path, *flags: str) -> Loaded:
    """A run of a few cells; how sure its figures are does not matter here."""
    done = lockstep("compare", "--out", str(out), *SHORT, *flags)
    assert done.code in (0, 3), done.err
    return RunFolder.load(only_run(out)[0])


def only_holder(loaded: Loaded) -> Holder:
    """Of the only cell, be it long enough for a verdict on this machine or not."""
    run = loaded.run
    (cell,) = run.cells
    (holder,) = holders(replace(run, cells=[replace(cell, edges=None)]))
    return holder


def spinning(out: Path, processes: int, *flags: str) -> Loaded:
    service = ("--run", f"it={SPINNING} {processes}", "--reply", "echo", "--scenario", "persistent")
    return measured(out, *service, "--levels", f"{4 * processes}", *flags)


def test_who_waits_for_a_lock_sleeps(tmp_path: Path) -> None:
    loaded = measured(tmp_path, "--modes", "lock", "--levels", "8", "--hold", "4ms", "--seconds", "6")
    holder = only_holder(loaded)
    assert holder.held is Held.ADMISSION
    assert holder.awaiting_admission is not None
    assert holder.awaiting_admission > 4
    # A thread of each connection, and those that accept and answer.
    assert holder.watched.asleep > 7


def test_more_processes_than_cores_wait_for_a_core(tmp_path: Path) -> None:
    holder = only_holder(spinning(tmp_path, 3 * CORES + 2))
    assert holder.held is Held.CORES
    assert holder.watched.processes == 3 * CORES + 3
    # A look that comes late at an end of the window counts for more than it is.
    assert holder.watched.on_cpu < 1.3 * CORES


def test_one_thread_is_never_on_two_cores(tmp_path: Path) -> None:
    holder = only_holder(spinning(tmp_path, 1))
    assert holder.watched.threads == 1
    # It computes all the time: on a core, or without one.
    assert 0.5 < holder.watched.busy < 1.2


@pytest.mark.skipif(free_threaded() is None, reason="needs a Python without a global lock")
def test_threads_without_a_global_lock_wait_for_cores(tmp_path: Path) -> None:
    python = free_threaded()
    assert python is not None
    computing = ("--work", "cpu", "--hold", "3ms", "--scenario", "persistent", "--levels", f"{4 * CORES}")
    loaded = measured(tmp_path, "--python", python.path, "--modes", "free", *computing)
    assert only_holder(loaded).held is Held.CORES


def test_under_a_global_lock_no_two_threads_run(tmp_path: Path) -> None:
    computing = ("--work", "cpu", "--hold", "3ms", "--scenario", "persistent", "--levels", f"{4 * CORES}")
    holder = only_holder(measured(tmp_path, "--modes", "free", *computing))
    assert holder.watched.on_cpu < 1.2
    assert holder.held in (Held.GIL, Held.CORES)


def test_stretches_follow_each_other_through_the_whole_cell(tmp_path: Path) -> None:
    loaded = spinning(tmp_path, 1)
    stretches = loaded.details[0].watched
    assert len(stretches) >= 2
    assert stretches[-1].until_ms >= 2_000
    for one, following in pairwise(stretches):
        assert one.until_ms == following.from_ms


def test_nobody_is_watched_who_is_not_to_be(tmp_path: Path) -> None:
    loaded = spinning(tmp_path, 1, "--watch", "off")
    assert holders(loaded.run) == []
    assert loaded.details[0].watched == []


def test_a_process_that_ends_is_a_note_and_no_failure(tmp_path: Path) -> None:
    """Somebody else's, that has nothing to do with the load."""
    out = tmp_path / "runs"
    with subprocess.Popen([sys.executable, "-c", ENDS_IN_A_RUN, str(out)]) as brief:
        loaded = measured(
            out,
            *("--run", f"it={SPINNING} 1", "--reply", "echo", "--scenario", "persistent", "--levels", "2"),
            *("--watch", f"it={brief.pid}", "--seconds", "6"),
        )
    (note,) = [each for each in loaded.run.notes if "watched" in each]
    assert note == "cell 0: the server's process is not watched: there is no such process here"
    assert loaded.run.cells[0].messages.answered > 0
