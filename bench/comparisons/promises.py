"""What the modes promise of throughput, out of one interleaved `lockstep compare`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.findings import Finding
from bench.processes import ToolError, python, running
from bench.ratio import Ratio
from bench.settings import Settings, say

HOLD_S = 0.020
LEVEL = 32
UNIT = "messages per second"
SECONDS, WARMUP_S = 3, 1
# What a cell takes beyond its measured time: begin, drain, save.
SPARE_S = 10.0


def compare(settings: Settings) -> Iterator[Finding]:
    """`lock` against one message a hold, and `free` against `lock`; one message a connection, level 32."""
    say(f"promises: lockstep compare, {settings.pairs} repeats")
    rates = _rates(settings.pairs)
    one_a_hold = [1 / HOLD_S] * settings.pairs
    yield Ratio("lock / one a hold of 20 ms", UNIT, rates["lock"], one_a_hold, 0.9)
    yield Ratio("free / lock, level 32", UNIT, rates["free"], rates["lock"], 20.0)


def _rates(repeats: int) -> dict[str, list[float]]:
    """Messages per second of every repeat, by mode."""
    with TemporaryDirectory() as out:
        command = python("-m", "loadtest", "compare", "--out", out, "--modes", "free,lock")
        command += ["--levels", str(LEVEL), "--hold", f"{HOLD_S * 1000:g}ms", "--messages", "1"]
        command += ["--repeats", str(repeats), "--seconds", str(SECONDS), "--warmup", str(WARMUP_S)]
        with running("lockstep compare", command) as process:
            code = process.wait(30 + 2 * repeats * (SECONDS + WARMUP_S + SPARE_S))
            if code:
                raise ToolError(f"lockstep compare ended with {code}: {process.last_words()}")
        (file,) = Path(out).glob("*/run.json")
        cells = json.loads(file.read_text())["cells"]
    return {
        mode: [cell["messages_per_s"] for cell in cells if cell["mode"] == mode] for mode in ("free", "lock")
    }
