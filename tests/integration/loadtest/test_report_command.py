"""`lockstep report`: any time later, of whatever a run left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.factories.folders import write_histograms, write_run
from tests.factories.simulated import simulated_run
from tests.support.commands import COMMAND, environment, lockstep, only_run
from tests.support.server import ROOT

PATIENCE_S = 40
PLAN = ("--modes", "free,lock", "--levels", "2", "--seconds", "0.5", "--repeats", "20")


@contextmanager
def killed_after_a_cell(out: Path) -> Iterator[tuple[Path, dict[str, Any], list[psutil.Process]]]:
    """A comparison whose master is killed when it has saved a cell: the run folder, run.json then, and the
    processes that it had started."""
    master = subprocess.Popen(
        [*COMMAND, "compare", "--out", str(out), *PLAN],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    children: list[psutil.Process] = []
    try:
        await_a_cell(out)
        children = psutil.Process(master.pid).children(recursive=True)
        os.kill(master.pid, signal.SIGKILL)
        master.wait(PATIENCE_S)
        yield *only_run(out), children
    finally:
        master.kill()
        for child in children:
            if child.is_running():
                child.kill()


def await_a_cell(out: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if any(json.loads(file.read_text())["cells"] for file in out.glob("*/run.json")):
            return
        time.sleep(0.05)
    raise AssertionError(f"no cell within {PATIENCE_S} s")


def test_a_run_whose_master_is_killed_leaves_a_report_of_the_cells_that_were_saved(tmp_path: Path) -> None:
    with killed_after_a_cell(tmp_path / "results") as (folder, run, children):
        assert run["finished"] is None
        done = lockstep("report", str(folder))
        # Server, workers and who watches the server hear of their master's end from the kernel, and end too.
        assert len(children) == 4
        _, left = psutil.wait_procs(children, PATIENCE_S)
        assert not left
    assert done.code == 0, done.err
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "unfinished" in done.out
    assert "not finished" in page
    assert '<div class="finding" id="check-unfinished">' in page
    for cell in run["cells"]:
        assert re.search(rf">{cell['mode']}</td>", page)
    cells = page[page.index("Every cell") :]
    assert cells.count("<tr") - 1 == len(run["cells"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run, connections = simulated_run(levels=(1, 8), repeats=2)
    written = write_run(tmp_path_factory.mktemp("results"), run, connections)
    write_histograms(written, run)
    return written


def test_markdown_is_printed_and_nothing_else(folder: Path) -> None:
    done = lockstep("report", str(folder), "--markdown")
    assert (done.code, done.err) == (0, "")
    assert done.out == (folder / "summary.md").read_text(encoding="utf-8")
    assert done.out.startswith("**At 8 connections, lock reaches ")


def test_charts_go_where_they_are_wanted(folder: Path, tmp_path: Path) -> None:
    done = lockstep("report", str(folder), "--charts", str(tmp_path / "charts"))
    assert done.code == 0, done.err
    made = sorted(file.name for file in (tmp_path / "charts").iterdir())
    assert {"timeline.svg", "timeline.png", "certainty.svg", "percentiles.png"} <= set(made)


def test_a_charts_folder_that_cannot_be_made_is_one_line_and_exit_2(folder: Path) -> None:
    done = lockstep("report", str(folder), "--charts", "/proc/nowhere")
    assert done.code == 2
    assert done.err.startswith("lockstep: cannot write charts to /proc/nowhere")
    assert len(done.err.splitlines()) == 1


# As it is where the extra is not installed.
BARE = """
import runpy, sys
sys.modules.update(altair=None, vl_convert=None)
runpy.run_module("lockstep", run_name="__main__")
"""


def test_without_the_extra_texts_are_written_and_one_line_says_how_to_get_charts(tmp_path: Path) -> None:
    run, connections = simulated_run(levels=(1,), repeats=2)
    folder = write_run(tmp_path, replace(run, plan={**run.plan, "gates": ["free: failed <= 0"]}), connections)
    done = subprocess.run(
        [sys.executable, "-c", BARE, "report", str(folder)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    written = {each.name for each in folder.iterdir()}
    assert {"summary.md", "junit.xml"} <= written
    assert "report.html" not in written
    *_, report, note = done.stdout.splitlines()
    assert report == f"Report: {folder}/summary.md"
    assert note.startswith("note: no charts without an extra: pip install 'locust-lockstep[report]', then ")
