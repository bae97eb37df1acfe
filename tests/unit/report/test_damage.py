"""A run folder damaged anywhere is refused in one line, or still gives its report: never a traceback."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.analysis.conditions import conditions_of
from lockstep.errors import ResultsError
from lockstep.report.conditions import conditions
from lockstep.report.markdown import summary_md
from lockstep.report.material import Material
from lockstep.runs.folder import RunFolder
from tests.factories.folders import write_run
from tests.factories.simulated import simulated_run

VALUES: tuple[Any, ...] = (None, True, "x", -1, 10**400, 1e308, 0, 0.5, [], {}, ["x"], {"x": 1})
Place = tuple[str | int, ...]


def places(node: Any, at: Place = ()) -> Iterator[Place]:
    """Where something stands in a document, however deep."""
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inside:
        yield (*at, key)
        yield from places(value, (*at, key))


def damaged(text: str, place: Place, value: Any) -> str:
    document = json.loads(text)
    node = document
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    return json.dumps(document)


def outcome(folder: Path) -> str:
    """What reading it comes to: "" where it gives a report, else the refusal."""
    try:
        material = Material.of(RunFolder.load(folder))
    except ResultsError as refusal:
        return str(refusal)
    assert summary_md(material)
    assert conditions(material.run)
    assert conditions_of(material.run)
    return ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs"), *simulated_run(levels=(1, 8), repeats=2))


KEPT = ("plan", "server", "hosts", "modes", "notes")


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("name", "within"),
    [("run.json", ()), ("run.json", KEPT), ("cells/0.json", ()), ("connections.jsonl", ())],
    ids=["run", "what is kept as it was given", "cell", "connection"],
)
def test_a_value_of_another_kind_anywhere_is_one_line_or_a_report(
    folder: Path, name: str, within: tuple[str, ...], seed: int
) -> None:
    file, rng = folder / name, random.Random(seed)
    whole = file.read_text(encoding="utf-8")
    first, _, rest = whole.partition("\n") if name.endswith("l") else (whole, "", "")
    everywhere = [place for place in places(json.loads(first)) if not within or place[0] in within]
    came = set()
    for _ in range(40):
        text = damaged(first, rng.choice(everywhere), rng.choice(VALUES))
        file.write_text(f"{text}\n{rest}", encoding="utf-8")
        came.add(outcome(folder))
    file.write_text(whole, encoding="utf-8")
    refusals = came - {""}
    assert refusals
    assert all(str(file) in refusal and "\n" not in refusal for refusal in refusals)
    assert outcome(folder) == ""
