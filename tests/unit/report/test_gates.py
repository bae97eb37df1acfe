"""Gates in the terminal and as JUnit XML: the same figures, told to people and to programs."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from lockstep.analysis.gates import judge_gates
from lockstep.report.material import Material
from lockstep.report.section import Table
from lockstep.report.sections.gates import GATES as COLUMNS
from lockstep.report.sections.gates import junit_xml
from lockstep.report.terminal import print_gates
from lockstep.report.write import write_report
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import Run
from tests.factories.folders import write_run
from tests.factories.simulated import simulated_run
from tests.support.blank_renderer import Blank

GATES = ("free: response_p99 < 1s", "lock@8: messages_per_s > 1000000", "lock/free@8: messages_per_s > 0.01")


@pytest.fixture(scope="module")
def run() -> Run:
    run = simulated_run(modes=("free", "lock"), levels=(1, 8), repeats=3)[0]
    return replace(run, plan={**run.plan, "gates": list(GATES)})


def degraded(run: Run) -> Run:
    return replace(run, cells=[replace(cell, workers_reported=1) for cell in run.cells])


def text_of(run: Run, width: int = 80) -> list[str]:
    said = io.StringIO()
    print_gates(run, Console(width=width, file=said))
    return said.getvalue().splitlines()


def rows_of(run: Run) -> list[dict[str, str]]:
    """The table of the page, each row by the names of its columns."""
    names = [column.name for column in COLUMNS]
    return [dict(zip(names, row, strict=True)) for row in Table.of(COLUMNS, judge_gates(run)).rows]


def suite_of(run: Run) -> ElementTree.Element:
    (suite,) = ElementTree.fromstring(junit_xml(run).encode())
    return suite


def test_rows_tell_value_spread_and_verdict(run: Run) -> None:
    rows = rows_of(run)
    assert [(row["gate"], row["level"], row["verdict"]) for row in rows] == [
        (GATES[0], "1", "ok"),
        (GATES[0], "8", "ok"),
        (GATES[1], "8", "FAILED"),
        (GATES[2], "8", "ok"),
    ]
    assert rows[0]["value"].endswith("ms")
    assert rows[2]["value"].endswith("/s")
    assert " to " in rows[3]["spread"]
    assert rows_of(replace(run, plan={})) == []


@pytest.mark.parametrize(
    ("gate", "value"),
    [
        ("free@8: failed <= 0", "0"),
        ("free@8: failed_share <= 0%", "0%"),
        ("free@8: failed_share < 0.1", "0%"),
        ("free@8: max_in_service > 0", "8"),
        ("free@8: handoff_p50 < 1s", "not measured"),
    ],
)
def test_each_kind_of_figure_is_shown_in_its_own_way(run: Run, gate: str, value: str) -> None:
    (row,) = rows_of(replace(run, plan={**run.plan, "gates": [gate]}))
    assert (row["value"], row["spread"]) == (value, "")


def test_a_ratio_is_answered_in_percent_where_it_is_asked_so(run: Run) -> None:
    asked = ["lock/free@8: messages_per_s > 1%", "lock/free@8: messages_per_s > 0.01"]
    in_percent, as_ratio = rows_of(replace(run, plan={**run.plan, "gates": asked}))
    assert in_percent["value"] == f"{100 * float(as_ratio['value']):.3g}%"
    assert in_percent["spread"].count("%") == 2
    assert "%" not in as_ratio["value"] + as_ratio["spread"]


def test_the_terminal_has_a_line_for_each_within_80_columns(run: Run) -> None:
    lines = text_of(run)
    assert len(lines) == 4
    assert lines[0].startswith("gate ok      free: response_p99 < 1s")
    assert "at 1: " in lines[0]
    assert lines[2].startswith("gate FAILED  lock@8: messages_per_s > 1000000")
    assert max(map(len, lines)) <= 80
    assert text_of(replace(run, plan={})) == []


def test_in_a_degraded_run_the_terminal_says_why_nothing_is_judged(run: Run) -> None:
    for line in text_of(degraded(run), width=100):
        assert line.startswith("gate not judged  ")
        assert line.endswith("degraded: missing-workers")


def test_junit_counts_a_case_for_each_gate_and_level(run: Run) -> None:
    suite = suite_of(run)
    assert suite.tag == "testsuite"
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "0", "skipped": "0"}
    assert float(suite.get("time", "")) == pytest.approx(sum(cell.seconds for cell in run.cells), abs=0.001)
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [
        f"{GATES[0]} at 1",
        f"{GATES[0]} at 8",
        GATES[1],
        GATES[2],
    ]
    assert [case.get("classname") for case in cases][1:] == [
        "lockstep.free",
        "lockstep.lock",
        "lockstep.lock/free",
    ]
    assert all(float(case.get("time", "")) > 0 for case in cases)
    assert [len(case) for case in cases] == [0, 0, 1, 0]


def test_junit_tells_a_failure_in_the_words_of_the_terminal(run: Run) -> None:
    (failure,) = suite_of(run).iter("failure")
    row = rows_of(run)[2]
    assert failure.get("message") == failure.text == f"{GATES[1]}: at 8: {row['value']} ({row['spread']})"
    assert failure.get("type") == "gate"


def test_junit_calls_what_could_not_be_judged_an_error_and_names_the_check(run: Run) -> None:
    suite = suite_of(degraded(run))
    assert (suite.get("failures"), suite.get("errors")) == ("0", "4")
    errors = list(suite.iter("error"))
    assert len(errors) == 4
    assert all("missing-workers" in (error.get("message") or "") for error in errors)


def test_junit_says_under_what_conditions(run: Run) -> None:
    properties = {each.get("name"): each.get("value") for each in suite_of(run).iter("property")}
    assert properties["command"] == run.command
    assert properties["plan.modes"] == '["free", "lock"]'
    assert properties["server.hold_ns"] == "2000000"


def test_what_xml_cannot_hold_is_replaced(run: Run) -> None:
    odd = replace(run, command="lockstep \x1b[31m <&> \ud800 客户端")
    properties = {each.get("name"): each.get("value") for each in suite_of(odd).iter("property")}
    assert properties["command"] == "lockstep \ufffd[31m <&> \ufffd 客户端"


def test_the_report_leaves_the_same_junit_file_every_time_and_none_without_gates(
    run: Run, tmp_path: Path
) -> None:
    folder = write_run(tmp_path, run)
    write_report(Material.of(RunFolder.load(folder)), warm=Blank())
    first = (folder / "junit.xml").read_bytes()
    write_report(Material.of(RunFolder.load(folder)), warm=Blank())
    assert (folder / "junit.xml").read_bytes() == first == junit_xml(RunFolder.load(folder).run).encode()
    bare = write_run(tmp_path, replace(run, run_id="bare", plan={}))
    write_report(Material.of(RunFolder.load(bare)), warm=Blank())
    assert not (bare / "junit.xml").exists()
