"""`lockstep compare`, run to its end: it starts a server and workers of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.processes import ToolError, python, running
from bench.run_summary import read_document
from lockstep.errors import DEGRADED, DONE


@dataclass(frozen=True, slots=True)
class Compared:
    """document: the content of run.json. code: 0, or 3 where the run says itself that it is degraded."""

    code: int
    document: dict[str, Any]


def lockstep_compare(flags: Sequence[str], timeout_s: float) -> Compared:
    """Not pinned. ToolError where it ends with another code, or not in time."""
    with TemporaryDirectory() as out:
        code = compare_into(Path(out), flags, timeout_s)
        return Compared(code, read_document(Path(out)))


def compare_into(out: Path, flags: Sequence[str], timeout_s: float) -> int:
    """The same, and its run folder is left in `out`; the exit code."""
    with running(
        "lockstep compare", python("-m", "lockstep", "compare", *flags, "--out", str(out))
    ) as process:
        code = process.wait(timeout_s)
        if code not in (DONE, DEGRADED):
            raise ToolError(f"lockstep compare ended with {code}: {process.last_words()}")
    return code
