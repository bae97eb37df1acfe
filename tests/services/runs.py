"""Commands of pages and examples as tests run them: on other ports, and for a shorter time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lockstep.errors import DEGRADED
from tests.support.commands import Done, lockstep, only_run

# How long a test measures for what a person would measure longer.
SHORTER = {"--seconds": "0.6", "--repeats": "2"}
# A busy machine needs longer windows.
LONGER_S = "4"
WARM_UP = ("--warmup", "0.2", "--processes", "1")
# What is not found by then has been tried all the same.
SEARCHES = {"find": ("--at-most", "15s")}


def shortened(words: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """A command as tests run it. places: what it says -> what stands there in a test."""
    before = ["", *words]
    return [SHORTER.get(flag) or _placed(word, places) for flag, word in zip(before, words, strict=False)]


def _placed(word: str, places: Mapping[str, str]) -> str:
    for said, there in places.items():
        word = word.replace(said, there)
    return word


def run_well(out: Path, words: Sequence[str]) -> tuple[Done, dict[str, Any]]:
    """`lockstep` with these words ends well and leaves a whole report: what it printed, and its run.json."""
    words = (*words, *SEARCHES.get(words[0], ()))
    done = lockstep(*words, *WARM_UP, "--out", str(out))
    if done.code == DEGRADED and "too-short" in done.out:
        shutil.rmtree(out)
        done = lockstep(*words, *WARM_UP, "--out", str(out), "--seconds", LONGER_S)
    assert done.code == 0, f"exit {done.code}\n{done.out}\n{done.err}"
    folder, run = only_run(out)
    assert (folder / "report.html").stat().st_size > 10_000
    return done, run


def names_of(run: dict[str, Any]) -> set[str]:
    """The names that messages of a run had."""
    return {name for cell in run["cells"] for name in cell.get("requests", {})}


def unanswered(run: dict[str, Any]) -> Iterator[str]:
    """Cells that answered nothing, or in which something failed."""
    for cell in run["cells"]:
        messages, failed = cell["messages"], cell["ledger"]["failed"]
        if not messages["answered"] or failed:
            yield f"{cell['mode']} at {cell['level']}: {messages}, {failed} failed: {cell.get('examples')}"
