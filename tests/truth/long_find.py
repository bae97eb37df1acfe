"""How often the interval of `lockstep find` holds the limit that a long run tells: `make truth-long`.

For some minutes of a machine that nobody else uses; no test, for it tells a share and not a yes or no.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.support.commands import COMMAND, only_run, run_here
from tests.truth.queue_theory import PERMITS, Answer, Asked, closed_limit, search

SEARCHES = 10
HOLD_MS = 20.0
BOUND_S = 0.14
MODES = ("lock", "semaphore=4")
ASKED = Asked(HOLD_MS, "response_mean", BOUND_S, seconds=1.6, at_most_s=180, within="5%")
# Of what theory says of bare holds: levels of the long run.
AROUND = (0.8, 0.9, 1.0, 1.1)
REPEATS, LONG_S, LONG_WARMUP_S = 3, 8, 1


def main() -> int:
    """Print the reference, each search's answer, and how many held it."""
    references = {mode: reference(mode) for mode in MODES}
    for mode, limit in references.items():
        print(f"{mode}: the promise breaks beyond {limit:.2f} users, by a long run", flush=True)
    held = 0
    for number in range(1, SEARCHES + 1):
        with tempfile.TemporaryDirectory() as folder:
            for answer in search(Path(folder), MODES, ASKED):
                limit = references[answer.mode]
                # Of users there are whole numbers only.
                holds = answer.low <= math.floor(limit) < answer.high
                held += holds
                print(f"search {number}: {in_words(answer)}, {'holds' if holds else 'misses'} it", flush=True)
    print(f"{held} of {SEARCHES * len(MODES)} intervals hold the limit")
    return 0


def in_words(answer: Answer) -> str:
    """An answer beside what theory makes of the turns that were measured with it."""
    least, most = (closed_limit(turns, BOUND_S) for turns in (answer.slowest, answer.fastest))
    told = f"{answer.mode} {answer.told:g} ({answer.low:g} to {answer.high - 1:g})"
    return f"{told}, theory {least:.1f} to {most:.1f}"


def reference(mode: str) -> float:
    """Up to how many users the promise holds, by a straight line through the logs of a long run's means."""
    bare = BOUND_S / (HOLD_MS / 1000) * PERMITS[mode]
    levels = sorted({round(bare * part) for part in AROUND})
    with tempfile.TemporaryDirectory() as folder:
        arguments = [
            *("compare", "--modes", mode, "--hold", f"{HOLD_MS:g}ms", "--messages", "1"),
            *("--levels", ",".join(map(str, levels)), "--repeats", str(REPEATS)),
            *("--seconds", str(LONG_S), "--warmup", str(LONG_WARMUP_S), "--out", folder),
        ]
        run_here(*COMMAND, *arguments, within_s=len(levels) * REPEATS * (LONG_S + LONG_WARMUP_S + 10))
        _, run = only_run(Path(folder))
    means = {level: median(_means_s(run["cells"], level)) for level in levels}
    print(json.dumps({level: round(mean * 1000, 1) for level, mean in means.items()}), flush=True)
    return next(_crossings(means))


def _means_s(cells: list[dict[str, Any]], level: int) -> list[float]:
    return [cell["times"]["response"]["mean"] / 1e6 for cell in cells if cell["level"] == level]


def _crossings(means: dict[int, float]) -> Iterator[float]:
    levels = sorted(means)
    for low, high in itertools.pairwise(levels):
        # Where it lies beyond them all, the last two tell how it goes on.
        if means[low] < BOUND_S <= means[high] or high == levels[-1]:
            share = math.log(BOUND_S / means[low]) / math.log(means[high] / means[low])
            yield low * (high / low) ** share


if __name__ == "__main__":
    sys.exit(main())
