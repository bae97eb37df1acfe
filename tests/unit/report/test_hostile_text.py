"""Text that comes from peers, names and other people's folders stays text, wherever a run is told."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lockstep.report.markdown import summary_md
from lockstep.report.material import Material
from lockstep.report.terminal import print_report
from lockstep.report.write import write_report
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import Messages, Requests
from lockstep.runs.summary_csv import requests_csv, summary_csv
from tests.factories.folders import write_run
from tests.factories.simulated import simulated_run

HEADING = "x\n# Everything is fine"
SCRIPT = "<script>alert(1)</script>"
ESCAPE = "\x1b]0;owned\x07\x9b2J"
TURNED = "\u202egnp.exe"
FENCE = "echo '```'\n# Everything is fine"
FORMULA = '=HYPERLINK("http://evil.example";"open")'
HOSTILE = f"{FORMULA}{HEADING}{SCRIPT}{ESCAPE}{TURNED}"


def with_words(document: Any, words: str) -> Iterator[None]:
    """Puts the words behind every text that is anybody's to choose."""
    for host in document["hosts"]:
        for name in host:
            host[name] = words if isinstance(host[name], str) and name != "role" else host[name]
            yield
    document["server"] |= {"platform": words, "python": words, "implementation": words}
    document["notes"] = [words]
    document["command"] = FENCE + words
    for cell in document["cells"]:
        cell["examples"] = {"reset": words, words: words}
        cell["troubles"] = {words: 3}
        cell["addresses"] = [words]
        cell["requests"] = {words: {"messages": {"sent": 5, "answered": 4, "reset": 1}, "response": None}}
        cell["messages"] |= {"sent": cell["messages"]["sent"] + 1, "reset": 1}
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("runs"), *simulated_run(levels=(1, 8), repeats=2))
    document = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert len(list(with_words(document, HOSTILE))) > 4
    (folder / "run.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_markdown_has_no_line_of_theirs(folder: Path) -> None:
    text = summary_md(Material.of(RunFolder.load(folder)))
    assert "Everything is fine" in text
    assert not [line for line in text.splitlines() if line.startswith(("# ", "<script"))]
    assert "<script" not in text.replace("\\<script", "").partition("````sh")[0]
    assert text.count("\n````") == 2
    assert text.isascii() or "\u202e" not in text


def test_a_terminal_gets_no_control_character_of_theirs(folder: Path) -> None:
    out = io.StringIO()
    print_report(Material.of(RunFolder.load(folder)), Console(file=out, width=200))
    told = out.getvalue()
    assert "owned" in told
    assert not set(told) & set("\x1b\x07\x9b\u202e")


def test_the_page_runs_nothing_of_theirs(folder: Path) -> None:
    page = write_report(Material.of(RunFolder.load(folder))).read_text(encoding="utf-8")
    assert "owned" in page
    assert SCRIPT not in page
    assert not set(page) & set("\x1b\x07\x9b\u202e")


def test_a_spreadsheet_reckons_nothing_of_theirs() -> None:
    run, _ = simulated_run(levels=(1,), repeats=1)
    cells = [
        replace(cell, mode=f"{sign}1+1", requests={f"{sign}cmd|' /C calc'!A0\n": Requests(Messages(1, 1))})
        for cell, sign in zip(run.cells, "=+-@", strict=False)
    ]
    hostile = replace(run, cells=cells)
    by_name = requests_csv(hostile)
    assert by_name is not None
    for text in (summary_csv(hostile), by_name):
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == len(cells)
        names = [row[column] for row in rows for column in ("mode", "name") if column in row]
        assert all(name.startswith("'") and "\n" not in name for name in names)
