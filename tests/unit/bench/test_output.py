"""The table, bench.json and the chart, out of findings made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.cost_chart import cost_svg
from bench.document import document_of, load_growth, save
from bench.findings import Figure, Finding, Growth, GrowthPoint, Missing
from bench.machine import Machine
from bench.processes import ToolError
from bench.ratio import Better, Ratio
from bench.settings import Settings
from bench.table import lines_of, number

RATIO = Ratio("ours / theirs", "messages", [19_000.0, 20_000.0, 21_000.0], [10_000.0] * 3, 2.0)
GROWTH = Growth(
    "more and more", [GrowthPoint(10, 9e4, 8e4, 60_000_000), GrowthPoint(10_000, 7e4, 6e4, 200_000_000)]
)
MACHINE = Machine("Quick 9", 2, "CPython 3.11.7", "6.1", 0.5)


def document(*findings: Finding) -> dict[str, object]:
    return document_of(MACHINE, Settings(), findings)


def test_a_ratios_line_has_both_sides_the_spread_and_the_verdict() -> None:
    (line,) = lines_of(RATIO)
    assert line.cells[1:] == (
        *("20,000", "10,000", "2.00"),
        *("1.76 - 2.26", "1.90 - 2.10", "3", "≥ 2 unsure"),
    )


def test_one_turn_has_no_interval() -> None:
    (line,) = lines_of(Ratio("ours / theirs", "messages", [3.0], [2.0]))
    assert (line.ratio, line.interval, line.turns) == ("1.50", "none", "1")


@pytest.mark.parametrize(
    ("finding", "wanted"),
    [
        (Figure("memory", "MB", [240.0], 250.0), "≤ 250 reached"),
        (Figure("memory", "MB", [260.0], 250.0), "≤ 250 missed"),
        (Figure("tsung", "messages", [3.0], better=Better.HIGHER), ""),
        (Ratio("ping-pong", "µs", [70.0, 70.0], [50.0, 50.0], 1.3, Better.LOWER), "≤ 1.3 missed"),
    ],
)
def test_what_was_wanted_is_said_with_its_direction(finding: Ratio | Figure, wanted: str) -> None:
    (line,) = lines_of(finding)
    assert line.wanted == wanted


@pytest.mark.parametrize(
    ("shares", "marked"),
    [([0.97, 0.95], False), ([0.8, 0.8], False), ([0.6, 0.95], True), ([0.9, 0.7], True)],
)
def test_a_ratio_is_marked_where_a_side_had_too_little_of_its_core_to_be_the_limit(
    shares: list[float], marked: bool
) -> None:
    ours, theirs = shares
    ratio = Ratio("name", "messages", [2.0], [1.0], ours_shares=[ours], theirs_shares=[theirs])
    (line,) = lines_of(ratio)
    assert ("something else was the limit" in line.comparison) is marked


def test_a_tool_that_is_missing_is_one_line_with_its_reason() -> None:
    (line,) = lines_of(Missing("tsung", "not installed: apt install tsung"))
    assert "apt install tsung" in line.comparison


def test_growth_has_a_line_for_every_level() -> None:
    assert len(lines_of(GROWTH)) == 2


@pytest.mark.parametrize(("value", "words"), [(123_456.7, "123,457"), (57.094, "57.1"), (0.0, "0")])
def test_numbers_have_three_figures_at_least_where_they_have_as_many(value: float, words: str) -> None:
    assert number(value) == words


def test_the_file_holds_the_machine_and_every_raw_pair(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "bench.json"
    save(file, document(RATIO, Missing("x", "y")))
    loaded = json.loads(file.read_text())
    assert loaded["machine"]["cpu"] == "Quick 9"
    first = loaded["findings"][0]
    assert (first["kind"], first["ours"], first["verdict"]) == ("ratio", RATIO.ours, "unsure")
    assert (first["ratio"], first["low"]) == (RATIO.estimate.ratio, RATIO.estimate.low)


def test_a_growth_survives_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    save(file, document(RATIO, GROWTH))
    assert load_growth(file) == GROWTH


@pytest.mark.parametrize("content", [None, "no json", "[]", '{"findings": []}'])
def test_a_file_without_growth_names_the_remedy(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "bench.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ToolError, match="--only growth"):
        load_growth(file)


def test_the_chart_is_one_labelled_svg_and_the_same_every_time() -> None:
    svg = cost_svg(GROWTH)
    assert svg.startswith("<svg")
    assert "From 10 to 10,000 connections" in svg
    assert svg == cost_svg(GROWTH)
