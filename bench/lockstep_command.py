"""`lockstep compare` or `find`, run to its end: it starts a server and workers of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.processes import ToolError, python, running
from bench.run_summary import read_document, run_folder
from lockstep.analysis.checks import degradations, findings
from lockstep.errors import DEGRADED, DONE
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import Run


@dataclass(frozen=True, slots=True)
class Measured:
    """code: 0, or 3 where the run says itself that it is degraded. seconds: all that it took.

    document: the content of run.json; run: the same as lockstep's own reports read it.
    """

    code: int
    seconds: float
    document: dict[str, Any]
    run: Run

    def rates(self, series: str) -> list[float]:
        """Its messages per second in every repeat, in their order.

        ToolError where one told none, or where the run says that its figures are not to be trusted.
        """
        if self.code == DEGRADED:
            names = ", ".join(finding.check.name for finding in degradations(findings(self.run)))
            raise ToolError(f"its run is degraded ({names}): try again, with nothing else at work")
        cells = sorted((cell for cell in self.run.cells if cell.mode == series), key=lambda cell: cell.repeat)
        rates = [cell.messages_per_s for cell in cells if cell.messages_per_s]
        if not rates or len(rates) < len(cells):
            raise ToolError(f"{series}: {len(cells) - len(rates)} of {len(cells)} cells answered nothing")
        return rates


def lockstep_compare(flags: Sequence[str], timeout_s: float) -> Measured:
    """Not pinned. ToolError where it ends with another code, or not in time."""
    return _measured("compare", flags, timeout_s)


def lockstep_find(flags: Sequence[str], timeout_s: float) -> Measured:
    """The same."""
    return _measured("find", flags, timeout_s)


def _measured(command: str, flags: Sequence[str], timeout_s: float) -> Measured:
    with TemporaryDirectory() as out:
        began_s = time.monotonic()
        code = lockstep_into(Path(out), command, flags, timeout_s)
        seconds = time.monotonic() - began_s
        folder = run_folder(Path(out))
        return Measured(code, seconds, read_document(Path(out)), RunFolder.load_run(folder))


def lockstep_into(out: Path, command: str, flags: Sequence[str], timeout_s: float) -> int:
    """The same, and its run folder is left in `out`; the exit code."""
    name = f"lockstep {command}"
    with running(name, python("-m", "lockstep", command, *flags, "--out", str(out))) as process:
        code = process.wait(timeout_s)
        if code not in (DONE, DEGRADED):
            raise ToolError(f"{name} ended with {code}: {process.last_words()}")
    return code
