"""How a run ends that does not come to its end: by a signal, or because it can no longer be saved."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import COMMAND, environment, only_run
from tests.support.server import ROOT, ServerProcess

PLAN = ("--modes", "free,lock", "--levels", "2", "--seconds", "0.5", "--repeats", "40")
LOCUST = (sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--only-summary")
PATIENCE_S = 60


def heed_hang_ups() -> None:
    """Whoever runs the tests may ignore them, as nohup does, and children inherit that."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@contextmanager
def running(*command: str, **how: object) -> Iterator[subprocess.Popen[str]]:
    how.setdefault("preexec_fn", heed_hang_ups)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def await_cells(out: Path, count: int) -> None:
    """Until a run under `out` has saved so many cells."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for file in out.glob("*/run.json"):
            if len(json.loads(file.read_text())["cells"]) >= count:
                return
        time.sleep(0.1)
    raise AssertionError(f"no {count} cells within {PATIENCE_S} s")


def is_whole(out: Path) -> bool:
    """Whether the one run there was interrupted, and all that was measured is saved and reported."""
    folder, run = only_run(out)
    done = [cell for cell in run["cells"] if not cell["cut_short"]]
    assert (folder / "report.html").exists()
    return bool(run["interrupted"]) and run["finished"] is not None and len(done) >= 2


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM"), (signal.SIGHUP, 129, "SIGHUP")],
)
def test_a_comparison_that_a_signal_stops_keeps_its_cells_and_makes_their_report(
    tmp_path: Path, number: signal.Signals, code: int, name: str
) -> None:
    out = tmp_path / "results"
    with running(*COMMAND, "compare", "--out", str(out), *PLAN) as process:
        await_cells(out, 2)
        process.send_signal(number)
        said, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert is_whole(out)
    assert "interrupted" in said
    assert f"Report: {only_run(out)[0] / 'report.html'}" in said
    progress, *lines = told.splitlines()
    assert "/80" in progress
    assert lines == [f"lockstep: stopped by {name}: what was measured is saved in {only_run(out)[0]}"]


def test_a_hang_up_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """As under nohup."""
    out = tmp_path / "results"

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    plan = ("--modes", "free", "--levels", "1", "--seconds", "0.5", "--repeats", "4")
    with running(*COMMAND, "compare", "--out", str(out), *plan, preexec_fn=ignore) as process:
        await_cells(out, 1)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=PATIENCE_S)
    _, run = only_run(out)
    assert not run["interrupted"]
    assert len(run["cells"]) == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_headless_plan_that_a_signal_stops_is_saved_and_says_so_by_its_exit_code(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "results"
    flags = ("--framing", "length", "--reply", "echo", "--timing", "--hold", "2ms")
    with ServerProcess("free", "lock", flags=flags) as server:
        admin = server.admin_url.removeprefix("http://")
        where = ("--host", "tcp://127.0.0.1", "--admin", admin, "--out", str(out))
        with running(*LOCUST, *where, "--run", "comparison plan", *PLAN) as process:
            await_cells(out, 2)
            process.send_signal(number)
            _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, told
    assert is_whole(out)
    assert "Traceback" not in told


def test_a_run_whose_folder_is_taken_away_ends_with_one_line_that_says_so(tmp_path: Path) -> None:
    out = tmp_path / "results"
    with running(*COMMAND, "compare", "--out", str(out), *PLAN) as process:
        await_cells(out, 1)
        shutil.rmtree(out)
        said, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    _, *lines = told.splitlines()
    (line,) = lines
    assert line.startswith("lockstep: cannot write ")
    assert line.endswith("its folder is gone: leave it where it is until the run is over")
    assert "Report: " not in said


@pytest.mark.skipif(os.geteuid() != 0 and not os.environ.get("CI"), reason="mounting a small disk needs root")
def test_a_run_that_fills_its_disk_ends_with_one_line_and_keeps_what_was_saved(tmp_path: Path) -> None:
    out = tmp_path / "disk"
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(out)], check=True)
    try:
        with running(*COMMAND, "compare", "--out", str(out), *PLAN) as process:
            said, told = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 2
        _, *lines = told.splitlines()
        (line,) = lines
        assert line.startswith(f"lockstep: cannot write {out}")
        assert "No space left on device; free some space there" in line
        assert "Report: " not in said
        _, run = only_run(out)
        assert run["run_id"]
    finally:
        subprocess.run(["umount", str(out)], check=True)


def test_a_report_that_cannot_be_made_is_not_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    """Its renderer reserves more addresses than it gets here; the run itself does not."""
    out = tmp_path / "results"
    plan = ("--modes", "free", "--levels", "1", "--seconds", "0.5", "--repeats", "1")
    limited = ("bash", "-c", 'ulimit -v 6000000 && exec "$@"', "--")
    with running(*limited, *COMMAND, "compare", "--out", str(out), *plan) as process:
        said, told = process.communicate(timeout=PATIENCE_S)
    folder, run = only_run(out)
    assert not (folder / "report.html").exists()
    assert run["finished"] is not None
    assert "Report: " not in said
    line = told.splitlines()[-1]
    assert line.startswith("lockstep: the report could not be made: the charts could not be drawn: ")
    assert line.endswith(f"The run is saved: try lockstep report {folder}")
    assert process.returncode in (3, 4)  # a machine that is busy degrades a run
