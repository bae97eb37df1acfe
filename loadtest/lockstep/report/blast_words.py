"""Blast radius in words: who is beside whom, and what that leaves."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.analysis.blast import Radius
from lockstep.report.words import counted, percent

# Up to such a loss nobody is said to be hurt.
UNHURT = 0.9
NAMES = {
    "idle": "idle connection",
    "half-open": "half-open connection",
    "slow-writer": "slow writer",
    "slow-reader": "slow reader",
    "reset": "resetting client",
}


def company_words(radius: Radius) -> str:
    """`1 slow reader`, `1,000 idle connections`."""
    return counted(radius.company.users, NAMES[radius.company.kind])


def blast_sentence(found: Sequence[Radius]) -> str:
    """The worst that happens, and who comes through the same best."""
    worst = min(found, key=lambda radius: radius.kept)
    if worst.kept >= UNHURT:
        several = len({each.place.series for each in found}) > 1
        who = "every mode" if several else str(worst.place.series)
        return f"Whoever is beside them, {who} keeps at least {_left(worst)} of its throughput"
    alike = (each for each in found if where(each) == where(worst))
    best = max(alike, key=lambda radius: radius.kept)
    leaves = "leaves" if worst.company.users == 1 else "leave"
    others = "" if best is worst else f", {best.place.series} {_left(best)}"
    left = f"{_left(worst)} of its throughput" if worst.kept else "nothing"
    return f"{where(worst)} {leaves} {worst.place.series} {left}{others}"


def _left(radius: Radius) -> str:
    return percent(min(radius.kept, 1.0))


def where(radius: Radius) -> str:
    """`1 slow reader beside 8 users`."""
    return f"{company_words(radius)} beside {counted(radius.place.level, 'user')}"
