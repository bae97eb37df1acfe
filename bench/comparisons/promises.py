"""What the modes promise of throughput, out of one interleaved `lockstep compare`."""

from __future__ import annotations

from collections.abc import Iterator

from bench.findings import Finding
from bench.lockstep_command import lockstep_compare
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
    say(f"promises: lockstep compare {' '.join(settings.repeats)}")
    rates = _rates(settings)
    one_a_hold = [1 / HOLD_S] * len(rates["lock"])
    looked_at = settings.until is not None
    yield Ratio("lock / one a hold of 20 ms", UNIT, rates["lock"], one_a_hold, 0.9, looked_at=looked_at)
    yield Ratio("free / lock, level 32", UNIT, rates["free"], rates["lock"], 20.0, looked_at=looked_at)


def _rates(settings: Settings) -> dict[str, list[float]]:
    """Messages per second of every repeat, by mode."""
    flags = ["--modes", "free,lock", "--levels", str(LEVEL), "--hold", f"{HOLD_S * 1000:g}ms"]
    flags += ["--messages", "1", *settings.repeats]
    flags += ["--seconds", str(SECONDS), "--warmup", str(WARMUP_S)]
    compared = lockstep_compare(flags, 30 + 2 * settings.most_pairs * (SECONDS + WARMUP_S + SPARE_S))
    return {mode: compared.rates(mode) for mode in ("free", "lock")}
