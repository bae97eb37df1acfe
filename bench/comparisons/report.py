"""How long the report of a large run takes, and how large it is: a hundred cells, a million messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.findings import Figure, Finding
from bench.lockstep_command import lockstep_into
from bench.processes import ToolError, python, running
from bench.run_summary import read_document, run_folder
from bench.settings import Settings, say

WANTED_S, WANTED_MB = 3.0, 2.0
BYTES_PER_MB = 1_000_000
TIMES = 5
# Four modes, five levels, five repeats.
PLAN = ("--modes", "free,lock,semaphore=4,queue=1", "--levels", "1,2,4,8,16", "--repeats", "5")
TRAFFIC = ("--hold", "0", "--messages", "50", "--seconds", "0.5", "--warmup", "0.1")
RUN_TIMEOUT_S, REPORT_TIMEOUT_S = 900.0, 60.0


def compare(_: Settings) -> Iterator[Finding]:
    """A real run, and `lockstep report` of its folder, start of the interpreter included; not pinned."""
    with TemporaryDirectory() as out:
        lockstep_into(Path(out), "compare", (*PLAN, *TRAFFIC), RUN_TIMEOUT_S)
        cells = read_document(Path(out))["cells"]
        folder = run_folder(Path(out))
        name = f"report of {len(cells)} cells, {_messages(cells):,} messages"
        taken_s = [_report_s(folder) for _ in range(TIMES)]
        size_mb = (folder / "report.html").stat().st_size / BYTES_PER_MB
    say(f"{name}: {min(taken_s):.2f} to {max(taken_s):.2f} s, {size_mb:.2f} MB")
    yield Figure(f"{name}: made in", "s", taken_s, WANTED_S)
    yield Figure(f"{name}: size", "MB", [size_mb], WANTED_MB)


def _messages(cells: list[dict[str, dict[str, int]]]) -> int:
    return sum(cell["messages"]["answered"] for cell in cells)


def _report_s(folder: Path) -> float:
    began_s = time.monotonic()
    with running("lockstep report", python("-m", "lockstep", "report", str(folder))) as process:
        if (code := process.wait(REPORT_TIMEOUT_S)) != 0:
            raise ToolError(f"lockstep report ended with {code}: {process.last_words()}")
    return time.monotonic() - began_s
