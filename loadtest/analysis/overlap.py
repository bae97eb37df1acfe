"""How many connections were in service at each moment: a step function made from the server's records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from loadtest.results import ServerRecord


@dataclass(frozen=True, slots=True)
class Step:
    """From at_ns on (monotonic, server's host) until the next step, so many connections were in service."""

    at_ns: int
    in_service: int


def in_service_steps(records: Iterable[ServerRecord]) -> list[Step]:
    """The steps in order of time, one for each moment at which connections came or went.

    A connection is in service from its admission up to, and without, its release; one never released stays.
    """
    changes: list[tuple[int, int]] = []
    for record in records:
        if record.admission_ns is not None:
            changes.append((record.admission_ns, 1))
            if record.release_ns is not None:
                changes.append((record.release_ns, -1))
    changes.sort()
    steps: list[Step] = []
    in_service = 0
    for at_ns, together in groupby(changes, key=lambda change: change[0]):
        in_service += sum(change for _, change in together)
        steps.append(Step(at_ns, in_service))
    return steps


def greatest_overlap(records: Iterable[ServerRecord]) -> int:
    """The greatest number of connections in service at one moment; 0 where none was admitted."""
    return max((step.in_service for step in in_service_steps(records)), default=0)
