"""The same modes on several interpreters: a server of ours on each, with nothing installed into them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lockstep.runs.folder import RunFolder
from tests.support.commands import compare, differences, lockstep
from tests.support.pythons import another_python, free_threaded

EVERY_MODE = (
    *("free", "lock", "rlock", "semaphore=4", "condition=2", "ticket", "queue=1", "iterative", "asyncio"),
    *("process=2", "lock/message", "rwlock=4/message"),
)
SHORT = ("--modes", "free,lock", "--levels", "4", "--repeats", "2", "--seconds", "1", "--warmup", "0.1")


def test_modes_on_two_interpreters_stand_side_by_side_and_each_tells_what_it_ran_on(tmp_path: Path) -> None:
    other = another_python()
    pythons = ("--python", f"this={sys.executable}", "--python", f"other={other}")
    gate = ("--gate", "free-on-this/free-on-other@4: messages_per_s > 1%")
    folder, run = compare(tmp_path, *pythons, *SHORT, *gate)
    series = ("free-on-this", "lock-on-this", "free-on-other", "lock-on-other")
    assert {cell["mode"] for cell in run["cells"]} == set(series)
    assert all(set(differences(cell).values()) == {0} for cell in run["cells"])
    assert [run["targets"][name]["command"] for name in series[::2]] == [sys.executable, other]
    servers = [run["targets"][name]["server"] for name in series]
    assert len({server["pid"] for server in servers}) == 2
    assert servers[0]["python"] == "{}.{}.{}".format(*sys.version_info)
    assert all(isinstance(server["gil"], bool) for server in servers)
    loaded = RunFolder.load_run(folder)
    assert loaded.planned.baseline == "free-on-this"
    assert [loaded.mode(name).one_at_a_time for name in series] == [False, True, False, True]
    told = lockstep("report", str(folder)).out
    assert "free-on-other" in told.partition("target ")[0]
    assert "gate ok  free-on-this/free-on-other@4" in told
    assert "no-server-data" not in told


@pytest.mark.timeout(300)
@pytest.mark.free_threaded
def test_without_a_global_lock_the_books_are_as_exact_and_the_report_says_so(tmp_path: Path) -> None:
    python = free_threaded()
    assert python is not None
    load = (
        *("--levels", "4", "--repeats", "1", "--seconds", "1", "--warmup", "0.1"),
        *("--hold", "2ms", "--messages", "1"),
    )
    folder, run = compare(tmp_path, "--python", python.path, "--modes", ",".join(EVERY_MODE), *load)
    assert len(run["cells"]) == len(EVERY_MODE)
    for cell in run["cells"]:
        assert set(differences(cell).values()) == {0}, cell["mode"]
        assert cell["messages"]["answered"] > 0
        permits = run["modes"][cell["mode"]]["permits"]
        assert 1 <= cell["server"]["max_in_service"] <= (4 if permits is None else permits)
    assert all(target["server"]["gil"] is False for target in run["targets"].values())
    assert "without a global lock" in (folder / "summary.md").read_text(encoding="utf-8")


def test_a_mode_that_no_server_has_is_refused_in_one_line(tmp_path: Path) -> None:
    done = lockstep("compare", "--out", str(tmp_path), "--python", sys.executable, "--modes", "fre")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith("lockstep: --modes fre ")
