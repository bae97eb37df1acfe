"""A run as GitHub's workflows show it: errors and warnings beside the job, and the job's summary."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from lockstep.commands.output import complain
from lockstep.commands.workflow import give_up, tell_workflow
from lockstep.errors import ResultsError
from lockstep.report.markdown import summary_md
from lockstep.report.material import Material
from lockstep.report.workflow import refused, remarks
from lockstep.runs.folder import RunFolder
from tests.factories.folders import write_run
from tests.factories.simulated import simulated_run

COMMAND = re.compile(r"::(error|warning) title=([^:,\r\n]*)::([^\r\n]*)")


def material_of(tmp_path: Path, *gates: str, repeats: int = 2, lost: int = 0) -> Material:
    run, connections = simulated_run(levels=(1, 8), repeats=repeats)
    run = replace(run, plan={**run.plan, "gates": list(gates)})
    cells = [replace(cell, workers_expected=cell.workers_reported + lost) for cell in run.cells]
    run = replace(run, cells=cells)
    return Material.of(RunFolder.load(write_run(tmp_path, run, connections)))


def told(material: Material) -> list[tuple[str, str, str]]:
    """Kind, title and message of each, as GitHub reads them."""
    found = []
    for line in remarks(material):
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        found.append((match[1], unquote(match[2]), unquote(match[3])))
    return found


def test_a_gate_that_is_met_is_not_told_and_one_that_fails_is_an_error(tmp_path: Path) -> None:
    material = material_of(tmp_path, "free: failed <= 0", "lock: messages_per_s > 1000000")
    gates = [
        (kind, title) for kind, title, _ in told(material) if "messages_per_s" in title or "failed" in title
    ]
    assert gates == [("error", "lock: messages_per_s > 1000000")] * len(gates)
    assert gates


def test_what_the_checks_found_is_a_warning_and_an_error_where_it_degrades(tmp_path: Path) -> None:
    single = told(material_of(tmp_path / "one", repeats=1))
    assert ("warning", "single-repeat") in [(kind, title) for kind, title, _ in single]
    lost = told(material_of(tmp_path / "two", lost=1))
    (message,) = [message for kind, title, message in lost if (kind, title) == ("error", "missing-workers")]
    assert "queue=1 at 1, repeat 1: 2 of 3 workers reported" in message
    assert re.search(r"; and \d+ more\)", message)


def test_no_text_of_theirs_ends_a_line_or_a_title() -> None:
    hostile = "100%\n::error title=a,b::c\r"
    line = refused(hostile)
    match = COMMAND.fullmatch(line)
    assert match is not None
    assert unquote(match[3]) == hostile


def test_a_workflows_summary_gets_the_report_behind_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    material, summary = material_of(tmp_path, "free: failed <= 0", repeats=1), tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    tell_workflow(material)
    assert summary.read_text(encoding="utf-8") == f"before\n{summary_md(material)}\n"
    assert "::warning title=single-repeat::" in capsys.readouterr().out


def test_a_summary_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "summary.md"))
    with pytest.raises(ResultsError, match="cannot write GITHUB_STEP_SUMMARY"):
        tell_workflow(material_of(tmp_path))


@pytest.mark.parametrize("name", ["GITHUB_ACTIONS", "SOMETHING_ELSE"])
def test_elsewhere_nothing_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv(name, "false")
    tell_workflow(material_of(tmp_path, repeats=1))
    give_up("no such thing")
    assert capsys.readouterr().out == ""


def test_what_ends_a_command_is_an_error_there_and_a_note_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    complain("a note")
    give_up("no such thing")
    said = capsys.readouterr()
    assert said.out == "::error title=lockstep::no such thing\n"
    assert said.err == "lockstep: a note\nlockstep: no such thing\n"
