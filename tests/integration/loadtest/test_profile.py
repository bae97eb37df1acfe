"""Flame graphs of servers that a run starts, by a real profiler."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from lockstep.analysis.flames import Doing, held_at, shares
from lockstep.errors import WRONG_USE, PlanError
from lockstep.profiling.tools import tool_for
from lockstep.runs.folder import RunFolder
from tests.support import counting_servers
from tests.support.commands import compare, lockstep

SHORT = ("--levels", "4", "--repeats", "2", "--seconds", "1", "--warmup", "0.1", "--hold", "5ms")


@pytest.fixture(autouse=True)
def _py_spy() -> None:
    try:
        tool_for(os.getpid())
    except PlanError as refusal:
        pytest.skip(str(refusal))


def test_each_series_has_a_flame_graph_and_the_lock_is_seen_in_that_of_its_mode(tmp_path: Path) -> None:
    folder, run = compare(tmp_path, "--modes", "free,lock", *SHORT, "--profile")
    loaded = RunFolder.load(folder)
    assert run["profiled"] == [each.mode for each in loaded.profiles] == ["free", "lock"]
    # What was profiled is in no figure.
    assert len(run["cells"]) == len(list((folder / "cells").iterdir())) == 4
    free, lock = (shares(each.stacks) for each in loaded.profiles)
    assert lock[Doing.WAITS_FOR_A_THREAD] > 0.2 > free[Doing.WAITS_FOR_A_THREAD]
    held = held_at(loaded.profiles[1].stacks)
    assert held is not None
    assert held[0] == "admission.acquire()"
    page = (folder / "report.html").read_text(encoding="utf-8")
    for number in (1, 2):
        assert f'href="flames-{number}.svg"' in page
        assert "<svg" in (folder / f"flames-{number}.svg").read_text(encoding="utf-8")


def test_a_service_of_anybodys_has_one_if_it_is_python(tmp_path: Path) -> None:
    words = (sys.executable, counting_servers.__file__, "threads", str(tmp_path / "count"))
    command = f"mine={shlex.join(words)} {{port}}"
    spoken = ("--framing", "length:>H", "--reply", "echo")
    folder, _ = compare(tmp_path / "results", "--run", command, *spoken, *SHORT[:-2], "--profile")
    (profile,) = RunFolder.load(folder).profiles
    assert profile.tool == "py-spy"
    assert any("handle (counting_servers.py" in frame for each in profile.stacks for frame in each.frames)


def test_one_that_is_no_python_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    server = shlex.join((sys.executable, counting_servers.__file__, "threads", str(tmp_path / "count")))
    shell = tmp_path / "shell.sh"
    shell.write_text(f'#!/bin/sh\n{server} "$1"\ntrue\n')
    shell.chmod(0o755)
    command = f"mine={shell} {{port}}"
    spoken = ("--framing", "length:>H", "--reply", "echo")
    done = lockstep("compare", "--out", str(tmp_path / "results"), "--run", command, *spoken, "--profile")
    assert done.code == WRONG_USE
    assert done.err.splitlines()[-1] == (
        "lockstep: --profile the server of mine is no Python process: leave out --profile, or where its "
        "command is a shell's let that exec Python"
    )
    assert not (tmp_path / "results").exists()
