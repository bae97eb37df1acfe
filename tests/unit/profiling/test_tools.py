"""Which profiler a process gets, and what is said where none can look into it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockstep.errors import PlanError
from lockstep.profiling.tools import PY_SPY, SAMPLER, check_can_look, in_words, recording, tool_for

FAR_PID = 1 << 30


@contextmanager
def sleeping(program: Path) -> Iterator[int]:
    """A process that is no Python, whatever its program is called."""
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([str(program), "60"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def with_py_spy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only one that is found; it refuses everything, as one that may not look does."""
    program = tmp_path / PY_SPY
    program.write_text('#!/bin/sh\necho "Permission Denied: Try running again" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


def test_a_python_before_3_15_is_looked_into_by_py_spy(with_py_spy: Path, tmp_path: Path) -> None:
    for name in ("python3.11", "python3.14t", "uwsgi"):
        with sleeping(tmp_path / name) as pid:
            tool = tool_for(pid)
        assert (tool.name, tool.record[:2]) == (PY_SPY, (str(with_py_spy), "record"))
        assert recording(tool, 7, Path("f"))[-3:] == ["f", "--pid", "7"]


@pytest.mark.parametrize("name", ["python3.15", "python3.15t", "python3.16"])
def test_a_later_one_is_looked_into_by_its_own_sampler(tmp_path: Path, name: str) -> None:
    with sleeping(tmp_path / name) as pid:
        tool = tool_for(pid)
    python = str(tmp_path / name)
    assert tool.look == (python, "-m", SAMPLER, "dump", "--all-threads")
    assert recording(tool, 7, Path("f")) == [
        *(python, "-m", "profiling.sampling", "attach", "--all-threads", "--collapsed", "-o", "f", "7")
    ]


def test_without_py_spy_the_command_for_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(PlanError) as refusal:
        tool_for(os.getpid())
    assert refusal.value.what == "profile"
    assert str(refusal.value) == (
        "needs py-spy, which is not installed: pip install 'locust-lockstep[profile]'"
    )


@pytest.mark.usefixtures("with_py_spy")
def test_who_may_not_look_is_told_what_would_let_him() -> None:
    with pytest.raises(PlanError) as refusal:
        check_can_look("lock", os.getpid())
    assert str(refusal.value) == (
        "the server of lock may not be looked into: run as root, with CAP_SYS_PTRACE in a container "
        "(cap_add: SYS_PTRACE), or after sysctl kernel.yama.ptrace_scope=0"
    )


def test_so_is_who_may_not_even_know_what_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "readlink", denied)
    with pytest.raises(PlanError, match="process 7 may not be looked into: run as root, with CAP_SYS_PTRACE"):
        tool_for(7)


def test_a_process_that_has_ended_is_told() -> None:
    with pytest.raises(PlanError, match=f"process {FAR_PID} cannot be looked into: No such file"):
        check_can_look("lock", FAR_PID)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Error: Failed to find python version from target process", "is no Python process: leave out"),
        ("Error: Failed to find a python interpreter in the .data section", "without a global lock perhaps"),
        ("Error: x\n\nCaused by:\n Check that the process is running.", "has ended"),
        ("Error: a new one\n\nStack backtrace:", r"by py-spy \(Error: a new one\): leave out"),
        ("", "it gave no reason"),
    ],
)
def test_each_refusal_of_py_spys_is_one_line_of_ours(said: str, told: str) -> None:
    (line,) = in_words(PY_SPY, said.splitlines()).splitlines()
    assert re.search(told, line)
