"""`--until`: how many repeats it takes to be so sure, how wide its interval is, and how often that holds."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.findings import Figure, Finding
from bench.lockstep_command import lockstep_compare
from bench.ratio import Better, Ratio
from bench.settings import Settings, say
from lockstep.analysis.anytime import RatioOf, anytime_ratio
from lockstep.analysis.intervals import CONFIDENCE, MAX_REPEATS, Estimate, paired_ratio, repeats_for

WITHIN = 0.05
FIRST = 3
TRUE_RATIO = 2.0
# Of the log of a repeat's ratio. Beyond the greater one 30 repeats are often not enough.
SPREADS = (0.02, 0.05)
SIMULATED = 1_000
FLAGS = ("--modes", "free,ticket", "--levels", "8", "--hold", "5ms", "--messages", "1")
SECONDS, WARMUP_S = 1, 0.3
# What a cell takes beyond its measured time: begin, drain, save.
SPARE_S = 10.0


@dataclass(frozen=True, slots=True)
class Ended:
    """Where the repeats of a ratio ended, and its intervals then.

    once: Student's on the same repeats, which holds as often as it says only where their number was fixed.
    """

    repeats: int
    estimate: Estimate
    once: Estimate


def compare(_: Settings) -> Iterator[Finding]:
    """Simulated, where the ratio is known; and a real run."""
    for spread in SPREADS:
        yield from _simulated(spread)
    yield from _real()


def until_sure(
    values: Sequence[float], baseline: Sequence[float], ratio_of: RatioOf = anytime_ratio
) -> Ended:
    """After the first repeat with which the interval is so narrow, else after the last one."""
    for repeats in range(FIRST, len(values) + 1):
        seen = values[:repeats], baseline[:repeats]
        estimate, once = ratio_of(*seen), paired_ratio(*seen)
        assert estimate is not None, "all figures are above 0"
        assert once is not None, "all figures are above 0"
        if estimate.within(WITHIN) or repeats == len(values):
            return Ended(repeats, estimate, once)
    raise ValueError(f"{len(values)} repeats are fewer than the first {FIRST}")


def pairs(spread: float, count: int, seed: int) -> tuple[list[float], list[float]]:
    """Figures of two modes whose ratio is known, repeat by repeat; what drifts meets both."""
    rng = random.Random(seed)
    base = [math.exp(rng.gauss(0, 0.2)) for _ in range(count)]
    return [each * TRUE_RATIO * math.exp(rng.gauss(0, spread)) for each in base], base


def _simulated(spread: float) -> Iterator[Finding]:
    name = f"--until {WITHIN:.0%}, simulated, repeats spread by {spread:.0%}"
    sides = [pairs(spread, MAX_REPEATS, seed) for seed in range(SIMULATED)]
    ended = [until_sure(*each) for each in sides]
    naive = [until_sure(*each, paired_ratio) for each in sides]
    say(f"{name}: {SIMULATED:,} runs")
    yield Ratio(
        f"{name}: its repeats / what a fixed number would need",
        "repeats",
        [float(each.repeats) for each in ended],
        [fixed_repeats(spread)] * len(ended),
    )
    yield _widths(name, ended)
    for whose, those, wanted in (
        ("its", ended, 100 * CONFIDENCE),
        ("Student's, looked at as often,", naive, None),
    ):
        yield Figure(f"{name}: {whose} interval holds", "of 100", [_held(those)], wanted, Better.HIGHER)


def fixed_repeats(spread: float) -> float:
    """How many give Student's interval that width, where their number is fixed beforehand."""
    known = paired_ratio(*pairs(spread, SIMULATED, seed=0))
    assert known is not None, "all figures are above 0"
    count = repeats_for([known], WITHIN)
    assert count is not None, "a thousand would do"
    return count


def _real() -> Iterator[Finding]:
    name = f"--until {WITHIN:.0%}, lockstep compare {' '.join(FLAGS)}"
    flags = [*FLAGS, "--seconds", str(SECONDS), "--warmup", str(WARMUP_S), "--repeats", str(FIRST)]
    flags += ["--until", str(WITHIN), "--most", str(MAX_REPEATS)]
    measured = lockstep_compare(flags, 30 + 2 * MAX_REPEATS * (SECONDS + WARMUP_S + SPARE_S))
    ended = until_sure(measured.rates("ticket"), measured.rates("free"))
    say(f"{name}: {ended.repeats} repeats, {measured.seconds:.0f} s")
    yield Figure(f"{name}: repeats", f"of {MAX_REPEATS} at most", [ended.repeats])
    yield Figure(f"{name}: all of it", "s", [measured.seconds])
    yield _widths(name, [ended])


def _widths(name: str, ended: Sequence[Ended]) -> Ratio:
    often = [_reach_per_cent(each.estimate) for each in ended]
    once = [_reach_per_cent(each.once) for each in ended]
    return Ratio(f"{name}: its interval's reach / Student's of as many", "%", often, once)


def _reach_per_cent(estimate: Estimate) -> float:
    """How far it ends from its ratio."""
    assert estimate.high is not None, "three repeats have an interval"
    return 100 * (estimate.high / estimate.ratio - 1)


def _held(ended: Sequence[Ended]) -> float:
    """Of 100 intervals so many hold the ratio that is known."""
    held = sum((each.estimate.low or 0) <= TRUE_RATIO <= (each.estimate.high or math.inf) for each in ended)
    return 100 * held / len(ended)
