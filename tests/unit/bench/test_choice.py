"""Which comparisons are made, and what becomes of one that fails."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from bench.__main__ import COMPARISONS, chosen, findings_of, measure, part
from bench.findings import Figure, Finding, Missing
from bench.processes import ToolError
from bench.settings import Settings


def test_everything_but_the_huge_is_the_default() -> None:
    assert list(chosen(None, False)) == list(COMPARISONS)
    assert list(chosen(None, True)) == [*COMPARISONS, "huge"]


def test_some_are_made_in_their_usual_order() -> None:
    assert list(chosen(["growth", "requests"], False)) == ["requests", "growth"]


def test_a_name_that_is_not_offered_is_refused_with_those_that_are() -> None:
    with pytest.raises(ToolError, match=r"speed.*requests"):
        chosen(["speed"], False)


@pytest.mark.parametrize(("text", "value"), [("5%", 0.05), ("0.1", 0.1), ("100%", 1.0)])
def test_how_sure_is_a_part_or_a_percentage(text: str, value: float) -> None:
    assert part(text) == value


@pytest.mark.parametrize("text", ["soon", "0", "-5%", "500%", "nan", ""])
def test_a_senseless_part_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="5%"):
        part(text)


@pytest.mark.parametrize("flags", [["--pairs", "2"], ["--pairs", "5", "--most", "4"]])
def test_too_few_pairs_for_an_interval_that_may_be_looked_at_are_refused(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        measure(["--until", "5%", *flags])
    assert "give --pairs 3 at least" in capsys.readouterr().err


def test_lockstep_compare_is_told_how_many_repeats_as_the_bench_was_told_pairs() -> None:
    assert Settings(pairs=3).repeats == ["--repeats", "3"]
    assert Settings(pairs=3, until=0.05, most=9).repeats == [
        *("--repeats", "3"),
        *("--until", "0.05"),
        *("--most", "9"),
    ]


def test_a_tool_that_fails_leaves_what_was_found_and_one_line() -> None:
    found = Figure("half", "s", [1.0])

    def failing(_: Settings) -> Iterator[Finding]:
        yield found
        raise ToolError("not installed: apt install it")

    findings = list(findings_of("half a comparison", failing, Settings()))
    assert findings == [found, Missing("half a comparison", "not installed: apt install it")]
