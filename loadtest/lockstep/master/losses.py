"""Workers that were lost in mid-run, in words: how each ended, or that it is silent, and what may do that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# So long Locust waits for a heartbeat, which comes once a second.
SILENT_S = 3


@dataclass(frozen=True, slots=True)
class Loss:
    """worker: as it is called. ended: how its process ended; None where it is there, but says nothing."""

    worker: str
    ended: str | None


def in_words(losses: Iterable[Loss], file: str | None) -> str:
    """One line, "" where nobody was lost. file: the user's own, whose code they carry; None without one."""
    by_end: dict[str | None, list[str]] = {}
    for loss in losses:
        by_end.setdefault(loss.ended, []).append(loss.worker)
    return "; ".join(_told(names, ended, file) for ended, names in by_end.items())


def _told(names: Sequence[str], ended: str | None, file: str | None) -> str:
    who, have = ", ".join(names), "has" if len(names) == 1 else "have"
    if ended is not None:
        code = "" if file is None else f"what in {file} ends its process, or "
        return f"{who} {have} ended ({ended}): look for {code}whether memory ran out"
    why = (
        "look whether the machine, or the way to it, is overloaded"
        if file is None
        else f"what a task of {file} does blocks it; let it compute in short parts, and wait by calls that "
        "gevent knows"
    )
    return f"{who} {have} not answered for {SILENT_S} s: {why}"
