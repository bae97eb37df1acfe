"""What the GIL costs a server that computes, and what a lock of its own costs it with a GIL and without."""

from __future__ import annotations

from collections.abc import Iterator

from bench.findings import Finding
from bench.lockstep_command import lockstep_compare
from bench.ratio import Ratio
from bench.settings import Settings, say

WITH, WITHOUT = "3.13", "3.13t"
FREE, LOCK = "free", "lock/message"
LEVEL = 4
SECONDS, WARMUP_S = 2, 0.5
# What a cell takes beyond its measured time: begin, drain, save.
SPARE_S = 10.0
UNIT = "messages per second"


def compare(settings: Settings) -> Iterator[Finding]:
    """Out of one interleaved `lockstep compare`; left out, by its own words, where an interpreter is lacking.

    5 ms of computing a message, so that it tells what sharing cores costs, not how fast an interpreter is.
    """
    say(f"gil: lockstep compare {' '.join(settings.repeats)}")
    flags = ["--python", f"{WITH},{WITHOUT}", "--modes", f"{FREE},{LOCK}", "--work", "cpu", "--hold", "5ms"]
    flags += ["--scenario", "persistent", "--levels", str(LEVEL), *settings.repeats]
    flags += ["--seconds", str(SECONDS), "--warmup", str(WARMUP_S)]
    measured = lockstep_compare(flags, 30 + 4 * settings.most_pairs * (SECONDS + WARMUP_S + SPARE_S))
    for ours, theirs in (
        (series(FREE, WITHOUT), series(FREE, WITH)),
        (series(LOCK, WITH), series(FREE, WITH)),
        (series(LOCK, WITHOUT), series(FREE, WITHOUT)),
    ):
        name = f"5 ms of computing, {LEVEL} connections: {ours} / {theirs}"
        sides = (measured.rates(ours), measured.rates(theirs))
        yield Ratio(name, UNIT, *sides, looked_at=settings.until is not None)


def series(mode: str, python: str) -> str:
    """What `lockstep compare` calls a mode on an interpreter."""
    return f"{mode}-on-{python}"
