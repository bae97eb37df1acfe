"""A process of known behaviour, as it is seen from beside it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockstep.watch import sampler
from lockstep.watch.sampler import CannotWatchError, Sampler, look

SLEEPERS = """
import sys, threading, time
for _ in range(7):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""
BUSY = """
import sys
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20_000_000): pass
print("done", flush=True)
sys.stdin.read()
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=sys.stdin)
child.wait()
"""

FORKS = """
import os, sys
print("ready", flush=True)
sys.stdin.readline()
if os.fork():
    print("forked", flush=True)
sys.stdin.read()
"""


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_threads_that_sleep_are_on_no_core_and_await_none() -> None:
    with program(SLEEPERS) as process:
        watched = Sampler(process.pid, None)
        # One of them has just said that it is ready.
        stretches = (watched.sample() for _ in range(1_000))
        stretch = next(each for each in stretches if each.busy == 0)
        assert (stretch.processes, stretch.threads, stretch.asleep) == (1, 8, 8)
        assert stretch.backlog is None


def test_what_a_process_computes_is_all_in_its_stretches() -> None:
    """However long it is kept from a core: time on one is what it used."""
    with program(BUSY) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watched = Sampler(process.pid, None)
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        stretch = watched.sample()
        used_s = stretch.on_cpu * stretch.span_ms / 1_000
        assert used_s > 0.1
        assert stretch.on_cpu < 1.1
        assert stretch.seen > 0.9


def test_children_count_too() -> None:
    with program(PARENT, SLEEPERS) as process:
        stretch = Sampler(process.pid, None).sample()
        assert (stretch.processes, stretch.threads) == (2, 9)


def test_a_child_that_is_born_while_it_is_watched_counts_from_then_on() -> None:
    with program(FORKS) as process:
        watched = Sampler(process.pid, None)
        assert watched.sample().processes == 1
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "forked\n"
        assert watched.sample().processes == 2


def test_who_has_ended_cannot_be_watched() -> None:
    with program(SLEEPERS) as process:
        watched = Sampler(process.pid, None)
        process.kill()
        process.wait()
        with pytest.raises(CannotWatchError, match="no such process"):
            watched.sample()


def test_a_kernel_that_tells_nothing_of_threads_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a sandbox has it: there are processes, and of their threads not what is needed."""
    (tmp_path / "17" / "task" / "17").mkdir(parents=True)
    (tmp_path / "17" / "stat").write_bytes(b"17 (it) S 1 17 17 0 -1 0 0 0 0 0 25 7 3 1 20 0 1 0 380755 0\n")
    monkeypatch.setattr(sampler, "_PROC", str(tmp_path))
    with pytest.raises(CannotWatchError, match="kernel does not tell how its threads fare"):
        Sampler(17, None)


def test_nobody_has_the_number_of_no_process() -> None:
    with pytest.raises(CannotWatchError, match="no such process"):
        look(0, set())
