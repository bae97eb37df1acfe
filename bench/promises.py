"""What the modes promise of throughput, out of one interleaved `lockstep compare`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.pairs import Ratio

HOLD_S = 0.020
LEVEL = 32


def promises(repeats: int) -> list[Ratio]:
    """`lock` against one message a hold, and `free` against `lock`; one message a connection, level 32."""
    rates = _rates(repeats)
    one_a_hold = [1 / HOLD_S] * repeats
    return [
        Ratio("lock / one a hold of 20 ms", 0.9, rates["lock"], one_a_hold),
        Ratio("free / lock, level 32", 20.0, rates["free"], rates["lock"]),
    ]


def _rates(repeats: int) -> dict[str, list[float]]:
    """Messages per second of every repeat, by mode."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [
                *(sys.executable, "-m", "loadtest", "compare", "--out", out, "--modes", "free,lock"),
                *("--levels", str(LEVEL), "--hold", f"{HOLD_S * 1000:g}ms", "--messages", "1"),
                *("--repeats", str(repeats), "--seconds", "3", "--warmup", "1"),
            ],
            check=True,
            capture_output=True,
        )
        (file,) = Path(out).glob("*/run.json")
        cells = json.loads(file.read_text())["cells"]
    return {
        mode: [cell["messages_per_s"] for cell in cells if cell["mode"] == mode] for mode in ("free", "lock")
    }
