"""Run folders of schema 3, which named modes and told nothing of them: they load as those of today."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lockstep.errors import ResultsError
from lockstep.runs.earlier import mode_named
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import SCHEMA, UNKNOWN_MODE, Mode
from lockstep.runs.summary_csv import summary_csv

OLD = Path(__file__).parent / "schema_3"


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("free", Mode(None, "connection", True)),
        ("lock", Mode(1, "connection", True)),
        ("lock/message", Mode(1, "message", True)),
        ("semaphore=4/message", Mode(4, "message", True)),
        ("ticket", Mode(1, "connection", True)),
        ("queue=3", Mode(3, "connection", False)),
        ("iterative", Mode(1, "connection", False)),
        ("target", UNKNOWN_MODE),
    ],
)
def test_a_listeners_old_name_says_what_it_did(name: str, mode: Mode) -> None:
    assert mode_named(name) == mode


def test_an_old_run_has_its_modes_and_times() -> None:
    run = RunFolder.load_run(OLD)
    assert run.schema == SCHEMA
    assert {name: (mode.unlimited, mode.by_message) for name, mode in run.modes.items()} == {
        "free": (True, False),
        "lock/message": (False, True),
        "semaphore=2": (False, False),
    }
    for cell in run.cells:
        assert cell.server is not None
        by_message = run.mode(cell.mode).by_message
        assert cell.server.holders == (cell.server.answered if by_message else cell.server.accepted)


def test_no_time_of_an_old_run_is_lost() -> None:
    run = RunFolder.load_run(OLD)
    rows = csv.DictReader(io.StringIO(summary_csv(run)))
    documents = json.loads((OLD / "run.json").read_text())["cells"]
    for row, document in zip(rows, documents, strict=True):
        for prefix, record in (("", document), ("server_", document["server"])):
            for field, value in record.items():
                if field.endswith("_us") and value is not None:
                    assert row[f"{prefix}{field.removesuffix('_us')}_p99_us"] == str(value["p99"])


def test_a_run_that_is_saved_again_is_the_same(tmp_path: Path) -> None:
    run = RunFolder.load_run(OLD)
    folder = RunFolder.create(tmp_path, "again")
    folder.save_run(replace(run))
    assert RunFolder.load_run(folder.path) == run


def test_what_is_damaged_in_an_old_run_is_named(tmp_path: Path) -> None:
    document = json.loads((OLD / "run.json").read_text())
    document["cells"][0]["response_us"] = 5
    (tmp_path / "run.json").write_text(json.dumps(document))
    with pytest.raises(ResultsError, match="damaged"):
        RunFolder.load_run(tmp_path)
