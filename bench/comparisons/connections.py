"""Ten and twenty thousand connections at once: what they take, how soon they are there, if all are served."""

from __future__ import annotations

from collections.abc import Iterator

from bench.crowd import SPARE_FILES, fitting, most_open_files
from bench.findings import Figure, Finding, Missing
from bench.lockstep_command import lockstep_compare
from bench.processes import ToolError
from bench.run_summary import summary_of
from bench.settings import Settings, say

ONE_WORKER, TWO_WORKERS = 10_000, 20_000
WANTED_MB, WANTED_S = 250.0, 8.0
BYTES_PER_MB = 1_000_000
SECONDS, WARMUP_S = 5, 1
# Ninety seconds at most to open, then the cell, its end and its report.
TIMEOUT_S = 180.0


def compare(_: Settings) -> Iterator[Finding]:
    """Our generator and our server, mode free, which `lockstep compare` starts; none of it is pinned."""
    limit = most_open_files(TWO_WORKERS + SPARE_FILES)
    for wanted, workers in ((ONE_WORKER, 1), (TWO_WORKERS, 2)):
        connections = fitting(wanted, limit)
        name = name_of(connections, wanted, workers, limit)
        try:
            yield from held(name, connections, workers)
        except ToolError as error:
            yield Missing(name, str(error))


def name_of(connections: int, wanted: int, workers: int, limit: int) -> str:
    """What the table calls it: with fewer connections than wanted it names the limit that forbade more."""
    fewer = f" (not {wanted:,}: {limit:,} open files)" if connections < wanted else ""
    return f"{connections:,} connections{fewer}, {'one worker' if workers == 1 else f'{workers} workers'}"


def held(name: str, connections: int, workers: int) -> Iterator[Finding]:
    """Open them all, then let all talk at once, and read what the run says of itself."""
    flags = ["--modes", "free", "--levels", str(connections), "--scenario", "persistent", "--hold", "0"]
    flags += ["--processes", str(workers), "--repeats", "1"]
    flags += ["--seconds", str(SECONDS), "--warmup", str(WARMUP_S)]
    compared = lockstep_compare(flags, TIMEOUT_S)
    run = summary_of(compared.document)
    opening_s = run.all_open_s()
    say(f"{name}: open after {opening_s:.1f} s, {run.answered / SECONDS:,.0f} messages per second")
    yield Figure(f"{name}: all open after", "s", [opening_s], WANTED_S if workers == 1 else None)
    if run.resident_bytes:
        most = max(run.resident_bytes) / BYTES_PER_MB
        yield Figure(f"{name}: memory of a worker", "MB", [most], WANTED_MB)
    yield from run.losses(name)
    yield Figure(f"{name}: exit code", "3 = degraded", [compared.code], 0)
