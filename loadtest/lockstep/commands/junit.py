"""`--junit`: gates as a pipeline reads them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from lockstep.errors import PlanError, ResultsError
from lockstep.runs.records import Run


def check_junit(file: Path, gates: Sequence[str]) -> None:
    """PlanError where nothing could be written there, or there would be nothing to write. Writes nothing."""
    if not gates:
        raise PlanError("junit", f"{file} has nothing to hold without a gate: add --gate")
    reason = _obstacle(file)
    if reason is not None:
        raise PlanError("junit", f"{file} cannot be written ({reason}): choose another file")


def write_junit(file: Path, run: Run) -> None:
    """Write the run's gates there. ResultsError where the file system refuses."""
    from lockstep.report.sections.gates import junit_xml

    try:
        file.write_text(junit_xml(run), encoding="utf-8", newline="")
    except OSError as error:
        raise ResultsError(f"cannot write --junit {file}: {error.strerror}; choose another file") from error


def _obstacle(file: Path) -> str | None:
    if file.is_dir():
        return "it is a folder"
    if not file.parent.is_dir():
        return "its folder does not exist"
    return None if os.access(file if file.exists() else file.parent, os.W_OK) else "permission denied"
