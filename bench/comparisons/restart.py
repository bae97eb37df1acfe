"""What `--restart` costs: a server started anew for each repeat, against one that stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from bench.findings import Finding
from bench.lockstep_command import lockstep_compare
from bench.ratio import Better, Ratio, ratios_in_turn
from bench.settings import Settings, say

REPEATS = 5
NAME = f"lockstep compare, {REPEATS} repeats of two modes: with --restart / without"
FLAGS = ("--modes", "free,lock", "--levels", "4", "--hold", "5ms", "--repeats", str(REPEATS))
WINDOW = ("--seconds", "1", "--warmup", "0.3")
TIMEOUT_S = 180.0


def compare(settings: Settings) -> Iterator[Finding]:
    """All that it takes, from the command to its report, in turn."""

    def measured(flags: Sequence[str], turn: int) -> float:
        seconds = lockstep_compare([*FLAGS, *WINDOW, *flags], TIMEOUT_S).seconds
        say(f"restart {turn + 1}: {' '.join(flags) or 'without'}: {seconds:.1f} s")
        return seconds

    sides = [partial(measured, flags) for flags in (("--restart",), ())]
    yield from ratios_in_turn(
        sides, settings, lambda taken: [Ratio(NAME, "s", taken[0], taken[1], better=Better.LOWER)]
    )
