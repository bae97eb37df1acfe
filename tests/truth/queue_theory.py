"""What queueing theory says of a server's limit, from nothing but the times that this run measured of it.

It shares no code with what it judges: the run folder is read as the JSON that it is, but for the answers.
"""

from __future__ import annotations

import heapq
import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

from lockstep.analysis.limits import End, Limit, limits
from lockstep.errors import DEGRADED, DONE
from lockstep.runs.folder import RunFolder
from tests.support.commands import COMMAND, only_run, run_here

# Cells of loads within this factor of an answer tell how long a turn takes there.
NEAR = 1.5
SIMULATED_CELLS = 41
HALVINGS = 12


# Of the modes that are held against theory.
PERMITS = {"lock": 1, "ticket": 1, "queue=1": 1, "semaphore=2": 2, "semaphore=4": 4, "queue=4": 4}


@dataclass(frozen=True, slots=True)
class Asked:
    """A search: of users, or of a rate. bound_s: what the promised time has to keep to.

    seconds, warmup_s: of a cell, which begins with an empty server; what ends in its window counts.
    """

    hold_ms: float
    promised: str
    bound_s: float
    seconds: float
    at_most_s: float
    warmup_s: float = 0.4
    by: str = "users"
    within: str = "10%"

    @property
    def flags(self) -> list[str]:
        """As `lockstep find` takes them."""
        return [
            *("--hold", f"{self.hold_ms:g}ms", "--messages", "1", "--search", self.by),
            *("--keep", f"{self.promised} < {self.bound_s * 1000:g}ms", "--within", self.within),
            *("--seconds", f"{self.seconds:g}", "--warmup", f"{self.warmup_s:g}"),
            *("--at-most", f"{self.at_most_s:g}s"),
        ]


@dataclass(frozen=True, slots=True)
class Turns:
    """A gate as it was measured, in seconds.

    holds_s: from admission to release, of single connections. handoff_s: from there to the next admission,
    where somebody waited, in the mean. served_s: from a message's time to its reply, where nobody waits.
    between_s: what a user of a closed load needs from a reply to its next message.
    """

    permits: int
    holds_s: Sequence[float] = field(repr=False)
    handoff_s: float
    served_s: float
    between_s: float

    @property
    def turn_s(self) -> float:
        """How long a permit is not free for anybody else."""
        return fmean(self.holds_s) + self.handoff_s


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search told of one mode, and the turns that it measured.

    found: whether it came as near as was asked for, in its time. told: the load that it names. low, high:
    the greatest that holds, and the least that breaks. turns: at loads near it, for a machine that others use
    too changes its pace while it is measured.
    """

    mode: str
    found: bool
    told: float
    low: float
    high: float
    turns: Sequence[Turns]

    @property
    def slowest(self) -> Turns:
        """The longest turns, with which the least is served."""
        return max(self.turns, key=lambda each: each.turn_s)

    @property
    def fastest(self) -> Turns:
        """The shortest."""
        return min(self.turns, key=lambda each: each.turn_s)


def search(out: Path, modes: Sequence[str], asked: Asked) -> list[Answer]:
    """The answers of one search of these modes."""
    arguments = ("find", "--modes", ",".join(modes), *asked.flags, "--out", str(out))
    done = run_here(*COMMAND, *arguments, within_s=asked.at_most_s + 60)
    # A machine that others use too may spoil single cells: those are void, and the others have to agree.
    assert done.code in (DONE, DEGRADED), done.err
    folder, _ = only_run(out)
    return [_answer(folder, limit) for limit in limits(RunFolder.load_run(folder))]


def _answer(folder: Path, limit: Limit) -> Answer:
    assert limit.low is not None, f"{limit.mode}: {limit.end}"
    assert limit.high is not None, f"{limit.mode}: {limit.end}"
    turns = turns_of(folder, limit.mode, PERMITS[limit.mode], limit.low)
    told = limit.low if limit.value is None else limit.value
    return Answer(limit.mode, limit.end is End.FOUND, told, limit.low, limit.high, turns)


def turns_of(folder: Path, mode: str, permits: int, answer: float) -> list[Turns]:
    """What a search's own cells tell of a mode: for each of the loads that are near its answer."""
    document = json.loads((folder / "run.json").read_text())
    cells = [cell for cell in document["cells"] if cell["mode"] == mode and cell["times"]]
    lightest = min(cells, key=_load)
    near = sorted({_load(cell) for cell in cells if answer / NEAR <= _load(cell) <= answer * NEAR})
    assert near, f"no load near {answer:g} was tried"
    return [
        _turns(folder, [cell for cell in cells if _load(cell) == load], lightest, permits) for load in near
    ]


def _turns(folder: Path, cells: Sequence[dict[str, Any]], lightest: dict[str, Any], permits: int) -> Turns:
    """Of the middle one of a load's cells, so that one that met a pause of the machine decides nothing."""
    means = {cell["index"]: _mean_s(cell, "hold") for cell in cells}
    typical = min(means, key=lambda index: abs(means[index] - median(means.values())))
    return Turns(
        permits=permits,
        holds_s=_holds_s(folder, typical),
        handoff_s=median(_mean_s(cell, "handoff") for cell in cells),
        served_s=lightest["times"]["response"]["p50"] / 1e6,
        between_s=1 / lightest["sessions_per_s"] - lightest["times"]["response"]["mean"] / 1e6,
    )


def _load(cell: dict[str, Any]) -> float:
    return float(cell["rate_per_s"] or cell["level"])


def _mean_s(cell: dict[str, Any], name: str) -> float:
    times: dict[str, Any] = cell["server"]["times"]
    return float(times[name]["mean"]) / 1e6 if name in times else 0.0


def _holds_s(folder: Path, cell: int) -> list[float]:
    """Of the connections that were kept whole."""
    lines = (json.loads(line) for line in (folder / "connections.jsonl").read_text().splitlines())
    records = [line["server"] for line in lines if line["cell"] == cell and line["server"]]
    return [
        (each["release_ns"] - each["admission_ns"]) / 1e9
        for each in records
        if each["admission_ns"] is not None and each["release_ns"] is not None
    ]


def closed_limit(turns: Turns, mean_s: float) -> float:
    """With how many users messages take so long in the mean; no whole number.

    The asymptotic bound of a closed queue, which is reached where the permits are never free: a user's round
    takes N turns shared by the permits, in whatever order they are handed on (Denning and Buzen, "The
    Operational Analysis of Queueing Network Models", 1978, section 5).
    """
    return (mean_s + turns.between_s) * turns.permits / turns.turn_s


def open_limit(turns: Turns, share: float, asked: Asked, seed: int = 1) -> float:
    """At which rate the percentile comes to the bound in the middle one of many cells, arrivals being random.

    Cells as long as those of the search, for the percentile of a short one is less than that of a long one.
    The same numbers are drawn for every rate, so it grows with the rate, and the gap can be halved.
    """
    low, high = 0.05 * turns.permits / turns.turn_s, 1.5 * turns.permits / turns.turn_s
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        cells = (
            _percentile_s(turns, middle, share, asked, random.Random(f"{seed} {number}"))
            for number in range(SIMULATED_CELLS)
        )
        if median(cells) < asked.bound_s:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)


def _percentile_s(turns: Turns, rate: float, share: float, asked: Asked, rng: random.Random) -> float:
    """Of one cell: Lindley's recursion, and that of Kiefer and Wolfowitz where there are several permits."""
    free_s = [-1.0] * turns.permits
    typical_s, arrival_s, responses = median(turns.holds_s), 0.0, []
    while True:
        arrival_s += rng.expovariate(1.0) / rate
        hold_s = rng.choice(turns.holds_s)
        if arrival_s > asked.warmup_s + asked.seconds:
            break
        released_s = heapq.heappop(free_s)
        wait_s = released_s - arrival_s + turns.handoff_s if released_s > arrival_s else 0.0
        heapq.heappush(free_s, arrival_s + wait_s + hold_s)
        response_s = wait_s + turns.served_s + hold_s - typical_s
        if asked.warmup_s <= arrival_s + response_s < asked.warmup_s + asked.seconds:
            responses.append(response_s)
    return sorted(responses)[max(0, math.ceil(share * len(responses)) - 1)] if responses else 0.0
