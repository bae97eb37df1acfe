"""Who holds a server up: whether its threads wait for a core, for each other, or for something else.

By what the kernel told of them (runs/watched.py), and of who is admitted by what the server told itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from lockstep.analysis.series import Place, modes_of, whole_groups
from lockstep.documents import read_record
from lockstep.runs.kept import KeptServer
from lockstep.runs.records import Cell, Run
from lockstep.runs.watched import Watched, combined

# At least one thread too many for the cores, and at least half as many as run.
_AWAITING, _OF_RUNNING = 1.0, 0.5
# Between these one thread runs nearly all the time, and no second one beside it.
_ONE_FROM, _ONE_TO = 0.7, 1.5
# As much as one thread ever runs.
_ALL_OF_ONE = 0.85
# From this part of the threads on that sleep, it is what they wait for that holds them.
_MOST = 0.5


class Held(Enum):
    """By what."""

    CORES = "more threads would run than there are cores for"
    ADMISSION = "most sleep until the server admits them"
    GIL = "one runs at a time, by Python's global lock"
    ONE = "one runs at a time"
    NOBODY = "several run at once, each on a core"
    ASLEEP = "hardly any runs, or would"


@dataclass(frozen=True, slots=True)
class Holder:
    """What held up a series at a level. watched: each figure's median over the repeats.

    awaiting_admission: how many waited to be admitted, time average; None where the server does not tell.
    """

    place: Place
    repeats: int
    watched: Watched
    awaiting_admission: float | None
    held: Held


def holders(run: Run) -> list[Holder]:
    """One for each series and level that was watched, in the plan's order."""
    found = []
    for place, group in whole_groups(run.cells, modes_of(run)).items():
        seen = [cell.watched for cell in group if cell.watched is not None]
        watched = combined(seen, _middle)
        if watched is None:
            continue
        waits = [waiting for cell in group if (waiting := awaiting_admission(cell)) is not None]
        waiting = median(waits) if waits else None
        held = held_by(watched, waiting, gil=_has_gil(run, place.series.mode))
        found.append(Holder(place, len(seen), watched, waiting, held))
    return found


def held_by(watched: Watched, awaiting_admission: float | None, *, gil: bool) -> Held:
    """By what, of these threads. gil: whether they are of a Python with a global lock."""
    admitted_last = (awaiting_admission or 0.0) >= max(1.0, _MOST * watched.asleep)
    # Who wakes to ask for the global lock wants a core for that: more of those would let nobody else run.
    if gil and _ALL_OF_ONE <= watched.on_cpu <= _ONE_TO and watched.threads > _ONE_TO:
        return Held.ADMISSION if admitted_last else Held.GIL
    if watched.awaiting_core >= max(_AWAITING, _OF_RUNNING * watched.on_cpu):
        return Held.CORES
    if watched.on_cpu > _ONE_TO:
        return Held.NOBODY
    if admitted_last:
        return Held.ADMISSION
    if watched.on_cpu >= _ONE_FROM:
        return Held.GIL if gil and watched.threads > _ONE_TO else Held.ONE
    return Held.ASLEEP


def awaiting_admission(cell: Cell) -> float | None:
    """How many messages waited at once for their connection's admission, or their own: L = X T.

    X: messages per second; T: their mean wait, of those whose wait the server told.
    """
    wait = cell.times.get("wait")
    return None if wait is None or not cell.seconds else wait.count * wait.mean / 1e6 / cell.seconds


def _middle(values: Sequence[tuple[float, float]]) -> float:
    return median(value for value, _ in values)


def _has_gil(run: Run, mode: str) -> bool:
    target = run.targets.get(mode)
    told = run.server if target is None else target.server
    return read_record(told, KeptServer).gil is True
