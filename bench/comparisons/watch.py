"""What `--watch` costs: the same server under the same load, looked at once a second and not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from bench.findings import Finding
from bench.lockstep_command import lockstep_compare
from bench.ratio import Ratio, ratios_in_turn
from bench.settings import Settings, say

MODE, CONNECTIONS = "free", 50
NAME = f"{MODE}, {CONNECTIONS} connections: watched / --watch off"
UNIT = "messages per second"
# As fast as it goes, so that whoever looks takes its time from them.
FLAGS = ("--modes", MODE, "--levels", str(CONNECTIONS), "--scenario", "persistent", "--hold", "0")
WARMUP_S = 0.5
# Start, end and report.
SPARE_S = 60.0


def compare(settings: Settings) -> Iterator[Finding]:
    """Each a `lockstep compare` of its own, in turn."""

    def measured(flags: Sequence[str], turn: int) -> float:
        window = ("--seconds", str(settings.seconds), "--warmup", str(WARMUP_S), "--repeats", "1")
        (rate,) = lockstep_compare([*FLAGS, *window, *flags], settings.seconds + SPARE_S).rates(MODE)
        say(f"watch {turn + 1}: {' '.join(flags) or 'watched'}: {rate:,.0f} {UNIT}")
        return rate

    sides = [partial(measured, flags) for flags in ((), ("--watch", "off"))]
    yield from ratios_in_turn(sides, settings, lambda rates: [Ratio(NAME, UNIT, rates[0], rates[1])])
