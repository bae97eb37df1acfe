"""A run's end: saved, and its report made or not; or no longer to be saved."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lockstep.errors import ResultsError
from lockstep.master.progress import ReportState
from lockstep.master.run import RunRecord


@pytest.mark.parametrize(
    ("returncode", "stderr", "words"),
    [
        (1, "a trace\nValueError: no", "ValueError: no"),
        (2, "lockstep: the charts could not be drawn", "the charts could not be drawn"),
        (-9, "", "exit code -9"),
        (0, "", "exit code 0"),  # and there is no file
    ],
    ids=["it failed", "it refused", "it was killed", "it says that it did"],
)
def test_a_report_that_cannot_be_made_leaves_a_run_that_is_over(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    returncode: int,
    stderr: str,
    words: str,
) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, returncode, "", stderr)

    record = RunRecord.begin(tmp_path, "plan", {}, {}, lambda _: "")
    monkeypatch.setattr(subprocess, "run", run)
    record.close(interrupted=False)
    record.await_report()
    assert not record.running
    assert record.report is ReportState.FAILED
    assert record.unreported == (
        f"the report could not be made: {words}. The run is saved: try lockstep report {record.path}"
    )
    assert caplog.messages[-1] == record.unreported


def test_without_what_draws_a_report_of_text_alone_is_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    record = RunRecord.begin(tmp_path, "plan", {}, {}, lambda _: "")
    record.close(interrupted=False)
    record.await_report()
    assert (record.report, record.unreported) == (ReportState.TEXT, None)


def test_a_run_whose_folder_is_gone_is_over_all_the_same(tmp_path: Path) -> None:
    record = RunRecord.begin(tmp_path, "plan", {}, {}, lambda _: "")
    shutil.rmtree(record.path)
    with pytest.raises(ResultsError, match="its folder is gone: leave it where it is until") as unsaved:
        record.close(interrupted=False)
    record.abandon(str(unsaved.value))
    assert not record.running
    assert record.run.interrupted
    assert (record.report, record.unreported) == (ReportState.FAILED, str(unsaved.value))
