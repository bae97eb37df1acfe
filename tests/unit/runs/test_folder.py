"""The run folder: what is saved comes back, and what is damaged says so in one line."""

from __future__ import annotations

import base64
import csv
import json
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockstep.errors import ResultsError
from lockstep.runs.folder import RunFolder
from lockstep.runs.histograms import encoded, new_histogram, of_values
from lockstep.runs.measures import Company, Edges
from lockstep.runs.reading import LARGEST_BYTES
from lockstep.runs.records import SCHEMA, CellDetail, Messages, Requests
from tests.factories.folders import overlap_of, write_run
from tests.factories.open_load import simulated_open_run
from tests.factories.simulated import simulated_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path, *simulated_run(levels=(1, 8), repeats=1))


def packed(head: bytes, counts: bytes) -> str:
    deflated = zlib.compress(head + counts)
    return base64.b64encode(struct.pack(">II", 0x1C849314, len(deflated)) + deflated).decode()


def bomb() -> str:
    """64 MiB of nothing, in 64 KiB; its head is one of ours."""
    head = zlib.decompress(base64.b64decode(encoded(new_histogram()))[8:])[:40]
    return packed(head, bytes(64 << 20))


def of_many_counts() -> str:
    """Five digits up to the highest that there is: counts for gigabytes."""
    return packed(struct.pack(">IIIIQQd", 0x1C849313, 0, 0, 5, 1, 2**62, 1.0), b"")


def refusal_of(folder: Path) -> str:
    with pytest.raises(ResultsError) as refusal:
        RunFolder.load(folder)
    said = str(refusal.value)
    assert "\n" not in said
    return said


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    run, connections = simulated_run(levels=(1, 8), repeats=1)
    loaded = RunFolder.load(write_run(tmp_path, run, connections))
    assert loaded.run == run
    assert loaded.connections == connections
    assert sorted(loaded.details) == [cell.index for cell in run.cells]
    assert loaded.details[0].overlap is not None
    assert loaded.details[0].overlap == overlap_of(run.cells[0], connections)


def test_a_folder_of_before_fairness_and_overlap_were_recorded_still_loads(folder: Path) -> None:
    """Schema 2 knew no fairness, no overlap and no users."""
    document = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    document["schema"] = 2
    for cell in document["cells"]:
        del cell["server"]["fairness"]
    (folder / "run.json").write_text(json.dumps(document), encoding="utf-8")
    for file in (folder / "cells").iterdir():
        detail = json.loads(file.read_text(encoding="utf-8"))
        del detail["overlap"]
        file.write_text(json.dumps(detail), encoding="utf-8")
    lines = (folder / "connections.jsonl").read_text(encoding="utf-8").splitlines()
    connections = [json.loads(line) for line in lines]
    for connection in connections:
        del connection["client"]["user"]
    text = "".join(json.dumps(connection) + "\n" for connection in connections)
    (folder / "connections.jsonl").write_text(text, encoding="utf-8")

    loaded = RunFolder.load(folder)
    assert {cell.server.fairness for cell in loaded.run.cells if cell.server is not None} == {None}
    assert {detail.overlap for detail in loaded.details.values()} == {None}
    assert {each.client.user for each in loaded.connections if each.client is not None} == {None}


def test_saving_again_replaces_and_leaves_no_draft(tmp_path: Path) -> None:
    run, _ = simulated_run(levels=(1,), repeats=1)
    folder = RunFolder.create(tmp_path, run.run_id)
    for answered in (1, 2):
        folder.save_run(run)
        folder.save_cell(CellDetail(0, per_second=[{"second": 0, "answered": answered, "failed": 0}]))
    assert RunFolder.load(folder.path).details[0].per_second[0]["answered"] == 2
    assert sorted(path.name for path in folder.path.rglob("*") if path.is_file()) == [
        "0.json",
        "run.json",
        "summary.csv",
    ]


def test_the_summary_has_a_row_a_cell_and_leaves_empty_what_was_not_measured(folder: Path) -> None:
    cells = RunFolder.load(folder).run.cells
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["mode"], int(row["level"])) for row in rows] == [(cell.mode, cell.level) for cell in cells]
    assert {row["server_handoff_p50_us"] for row in rows if row["mode"] == "free"} == {""}
    assert all(float(row["first_reply_p99_us"]) > 0 for row in rows)


def test_the_summary_tells_of_order_and_fairness(folder: Path) -> None:
    cells = RunFolder.load(folder).run.cells
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, cell in zip(rows, cells, strict=True):
        assert cell.server is not None
        fairness = cell.server.fairness
        assert fairness is not None
        assert fairness.reacquire_us is not None
        assert int(row["fairness_overtaken"]) == fairness.overtaken
        assert float(row["fairness_longest_wait_us"]) == fairness.longest_wait_us
        assert float(row["fairness_reacquire_p99_us"]) == fairness.reacquire_us.p99


def test_the_summary_has_both_ends_of_the_ledger_and_what_theory_says(tmp_path: Path) -> None:
    run = simulated_open_run(modes=("lock", "semaphore=4"), repeats=1)
    with (write_run(tmp_path, run) / "summary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, cell in zip(rows, run.cells, strict=True):
        assert cell.server is not None
        assert cell.server.wait_prediction is not None
        assert float(row["wait_prediction_predicted_us"]) == cell.server.wait_prediction.predicted_us
        assert (row["wait_prediction_khinchine_us"] == "") is (cell.mode != "lock")
        assert int(row["ledger_bytes_sent_client"]) == int(row["ledger_bytes_sent_server"]) > 0
        assert (row["ledger_exact"], row["late"], row["dropped"]) == ("True", "2", "0")
        assert float(row["round_trip_p99_us"]) < float(row["response_p99_us"])
        assert float(row["littles_law_server_counted"]) > 0


def test_messages_that_have_names_have_a_row_a_cell_and_name(tmp_path: Path) -> None:
    run, _ = simulated_run(levels=(1,), repeats=1)
    login = Requests(Messages(sent=3, answered=2, timeout=1), of_values([2_000_000] * 2))
    watched = replace(run.cells[0], requests={"login": login}, beside=Company("idle", 7))
    folder = write_run(tmp_path, replace(run, cells=run.cells[1:], beside=[watched]))
    (row,) = csv.DictReader((folder / "requests.csv").read_text().splitlines())
    assert (row["mode"], row["name"], row["messages_sent"], row["messages_timeout"]) == (
        watched.mode,
        "login",
        "3",
        "1",
    )
    assert float(row["response_p50_us"]) == pytest.approx(2_000, rel=0.01)
    summary = list(csv.DictReader((folder / "summary.csv").read_text().splitlines()))
    assert {each["index"]: (each["beside_kind"], each["beside_users"]) for each in summary} == {
        str(cell.index): ("idle", "7") if cell is watched else ("", "") for cell in [*run.cells[1:], watched]
    }


def test_a_run_without_names_has_no_table_of_them(folder: Path) -> None:
    assert not (folder / "requests.csv").exists()


def test_a_connection_cut_off_while_it_was_written_is_left_out_and_noted(folder: Path) -> None:
    whole = len(RunFolder.load(folder).connections)
    file = folder / "connections.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    loaded = RunFolder.load(folder)
    assert len(loaded.connections) == whole - 1
    assert "cut off" in loaded.run.notes[-1]


def test_a_damaged_plan_is_refused_as_any_other_damage(folder: Path) -> None:
    file = folder / "run.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["plan"]["levels"] = "bogus"
    file.write_text(json.dumps(document), encoding="utf-8")
    assert "run.json is damaged: plan.levels: 'bogus' is no list; restore" in refusal_of(folder)


def test_a_damaged_line_of_connections_is_named(folder: Path) -> None:
    file = folder / "connections.jsonl"
    file.write_text("{}\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    assert "connections.jsonl, line 1 is damaged" in refusal_of(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is damaged"),
        ("[]", "expected an object, found list"),
        ("[" * 100_000, "is damaged: maximum recursion depth"),
        ('{"schema": 1}', "run_id: is missing"),
        (json.dumps({"schema": SCHEMA + 1}), "upgrade Lockstep"),
    ],
)
def test_a_run_that_cannot_be_read_says_where_why_and_what_to_do(
    folder: Path, content: str, said: str
) -> None:
    (folder / "run.json").write_text(content, encoding="utf-8")
    refusal = refusal_of(folder)
    assert str(folder / "run.json") in refusal
    assert said in refusal


def test_a_run_never_writes_into_the_folder_of_another(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "a")
    with pytest.raises(ResultsError, match=r"cannot make the run folder .*/a: File exists; choose"):
        RunFolder.create(tmp_path, "a")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ResultsError, match="Not a directory"):
        RunFolder.create(tmp_path / "file", "b")


def test_a_draft_that_is_a_link_to_another_file_leaves_that_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    folder = RunFolder.create(tmp_path, "run")
    (folder.path / ".summary.md.draft").symlink_to(precious)
    folder.save_text("summary.md", "ours")
    assert precious.read_text() == "mine"
    assert (folder.path / "summary.md").read_text() == "ours"
    assert not (folder.path / "summary.md").is_symlink()


def test_a_run_of_an_earlier_version_is_read_and_nothing_of_it_is_too_short(tmp_path: Path) -> None:
    """Its cells tell nothing of their windows' ends, of late reports or of examples; it had no target."""
    path = write_run(tmp_path, *simulated_run(modes=("lock",), levels=(8,)))
    document = json.loads((path / "run.json").read_text())
    del document["targets"]
    for cell in document["cells"]:
        for name in ("edges", "examples", "reports_late"):
            del cell[name]
    (path / "run.json").write_text(json.dumps(document))
    run = RunFolder.load(path).run
    assert run.targets == {}
    assert all(cell.whole and cell.edges is None and cell.examples == {} for cell in run.cells)


def test_what_a_windows_ends_cut_through_is_kept_and_read_again(tmp_path: Path) -> None:
    run, connections = simulated_run(modes=("lock",), levels=(8,), repeats=1)
    edges = Edges(-0.2, 32, 3_340_000.0, 960.0, at_least=True)
    run = replace(run, cells=[replace(run.cells[0], edges=edges, examples={"reset": "by peer"})])
    path = write_run(tmp_path, run, connections)
    (cell,) = RunFolder.load(path).run.cells
    assert (cell.edges, cell.examples, cell.whole) == (edges, {"reset": "by peer"}, False)
    (row,) = csv.DictReader((path / "summary.csv").open())
    assert (row["edges_needs_s"], row["edges_under_way"], row["edges_share"]) == ("960.0", "32", "-0.2")


def changed(folder: Path, change: Callable[[Any], None], name: str = "run.json") -> None:
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    change(document)
    (folder / name).write_text(json.dumps(document), encoding="utf-8")


def test_a_cell_that_is_there_twice_is_refused(folder: Path) -> None:
    changed(folder, lambda document: document["cells"].append(document["cells"][0]))
    assert "cell 0 is there 2 times" in refusal_of(folder)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("level", -4, "the level of cell 0 is -4"),
        ("seconds", -1, "the seconds of cell 0 is -1"),
        ("stages", "up", "the stages of cell 0: 'up' is no stage"),
        ("rate_per_s", 1e308, "1e+308 is no number that was measured"),
        ("level", 10**400, "is no number that was measured"),
        ("level", float("nan"), "NaN is no number that was measured"),
        ("level", True, "cells[0].level: True is no int"),
        ("mode", 8, "cells[0].mode: 8 is no str"),
        ("times", {"response": {"count": 1}}, "cells[0].times['response'].min: is missing"),
    ],
)
def test_what_no_cell_can_be_is_refused_with_its_place(
    folder: Path, field: str, value: Any, said: str
) -> None:
    changed(folder, lambda document: document["cells"][0].update({field: value}))
    assert said in refusal_of(folder)


def test_a_number_that_is_none_in_json_is_refused(folder: Path) -> None:
    text = (folder / "run.json").read_text(encoding="utf-8")
    (folder / "run.json").write_text(text.replace('"repeat": 1', '"repeat": 1e999', 1), encoding="utf-8")
    assert "1e999 is no number that was measured" in refusal_of(folder)


@pytest.mark.parametrize("name", ["run.json", "cells/0.json", "connections.jsonl"])
def test_a_link_to_what_never_ends_is_not_read(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    assert f"{name} is damaged: it is no regular file" in refusal_of(folder)


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    (folder / "run.json").unlink()
    os.mkfifo(folder / "run.json")
    assert "it is no regular file" in refusal_of(folder)


@pytest.mark.parametrize("name", ["run.json", "cells/0.json", "connections.jsonl"])
def test_a_file_larger_than_any_run_leaves_is_not_read(folder: Path, name: str) -> None:
    os.truncate(folder / name, LARGEST_BYTES + 1)
    assert "no run leaves so large a file (268,435,457 bytes)" in refusal_of(folder)


@pytest.mark.parametrize("histogram", ["", "HISTFAAA", "x" * 99, bomb(), of_many_counts()])
def test_a_histogram_that_is_none_of_ours_is_refused_by_its_name(folder: Path, histogram: str) -> None:
    changed(folder, lambda document: document["histograms"].update(response=histogram), "cells/0.json")
    assert "cells/0.json is damaged: the histogram of response: " in refusal_of(folder)
