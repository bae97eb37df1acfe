"""Which comparisons are made, and what becomes of one that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.__main__ import COMPARISONS, chosen, findings_of
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


def test_a_tool_that_fails_leaves_what_was_found_and_one_line() -> None:
    found = Figure("half", "s", [1.0])

    def failing(_: Settings) -> Iterator[Finding]:
        yield found
        raise ToolError("not installed: apt install it")

    findings = list(findings_of("half a comparison", failing, Settings()))
    assert findings == [found, Missing("half a comparison", "not installed: apt install it")]
