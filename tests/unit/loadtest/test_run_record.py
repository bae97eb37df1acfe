"""A run's end: saved, and its report made or not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from loadtest.master.progress import ReportState
from loadtest.master.run_record import RunRecord


@pytest.mark.parametrize(
    ("returncode", "stderr", "words"),
    [(1, "a trace\nValueError: no", "ValueError: no"), (-9, "", "exit code -9")],
    ids=["it failed", "it was killed"],
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

    record = RunRecord.begin(tmp_path, "plan", {}, {}, "")
    monkeypatch.setattr(subprocess, "run", run)
    record.close(interrupted=False)
    assert not record.running
    assert record.report is ReportState.FAILED
    assert caplog.messages[-1] == f"the report could not be made: {words}"
